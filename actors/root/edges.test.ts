import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { loadNativeEngine, type NativeMarket } from "../../native/index.ts";
import { type EdgesFile, edgesFileSchema } from "../../schemas/configuration.ts";
import { connectTcp, OuchClient } from "../../schemas/nasdaq/ouch-client.ts";
import { cellMarket } from "../../test/support/memory-cell.ts";
import { silentLog } from "../../test/support/ports.ts";
import { missingAddon, testUnless } from "../../test/support/skip.ts";
import { manualClock } from "../kernel/manual-clock.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import { systemClock } from "../kernel/system-clock.ts";
import { durationNs, epoch, sequence } from "../kernel/units.ts";
import { listingOf, MarketEdges } from "./edges.ts";

const test = suite("OUCH and ITCH of a cell's markets");

test("A5.1 ticks become prices of 10^-4, and what does not fit is refused with its reason", () => {
  const listing = (changes: object, symbols = {}): unknown => {
    const listed = listingOf({ ...cellMarket, ...changes }, symbols);
    return listed.ok ? listed.value : [listed.failure.code, listed.failure.reason];
  };
  assert.equal(listing({}), { symbol: "TEST", pricePerTick: 500 });
  assert.equal(listing({ priceDecimals: 4, tick: 3 }), { symbol: "TEST", pricePerTick: 3 });
  assert.equal(listing({ priceDecimals: 6, tick: 300 }), { symbol: "TEST", pricePerTick: 3 });
  assert.equal(listing({ priceDecimals: 6, tick: 30 }), [
    "definition_invalid",
    "TEST: a tick is no multiple of 10^-4",
  ]);
  assert.equal(listing({ market: "LONG-NAMED" }), [
    "definition_invalid",
    "LONG-NAMED: its name is longer than a symbol",
  ]);
  assert.equal(listing({ market: "LONG-NAMED" }, { "LONG-NAMED": "LONG" }), {
    symbol: "LONG",
    pricePerTick: 500,
  });
  assert.equal(listing({ bandHigh: 21_474_836 }), {
    symbol: "TEST",
    pricePerTick: 500,
  });
  assert.equal(listing({ bandHigh: 21_474_840 }), [
    "definition_invalid",
    "TEST: prices up to 21474840 do not fit 31 bits of 10^-4",
  ]);
});

interface Setting {
  readonly edges: MarketEdges;
  readonly market: NativeMarket;
  readonly place: () => EdgesFile["markets"][string] | null;
  readonly said: string[];
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries += 1) {
    if (tries === 1_000) throw new Error("it did not come about");
    await delay(10);
  }
}

/** A member's connection to order entry; refused with the reason while there is none. */
async function logIn(place: EdgesFile["markets"][string] | null): Promise<OuchClient> {
  const connected = await connectTcp(place?.host ?? "", place?.orders ?? 0);
  if (!connected.ok) throw new Error(connected.reason);
  const login = await OuchClient.logIn(connected.stream, { username: "a", password: "b" });
  if (!login.ok) throw new Error(login.failure.reason);
  return login.client;
}

/** Until the connection is over; whether it was ended by the other side. */
async function isEnded(client: OuchClient): Promise<boolean> {
  for (let tries = 0; tries < 60; tries += 1) {
    const { kind } = await client.receive(1_000);
    if (kind === "closed" || kind === "end") return true;
  }
  return false;
}

async function withEdges(
  ports: { readonly orders: number; readonly feed: number } | null,
  body: (setting: Setting) => Promise<void>,
  clock: Clock = systemClock(),
): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), "edges-"));
  const file = join(root, "edges.json");
  const accessFile = join(root, "access.json");
  const member = { username: "a", password: "b", session: 5, account: 1, firm: "F", group: 0 };
  const access = { members: [{ ...member, cancelOnDisconnect: false }], subscribers: [] };
  writeFileSync(accessFile, JSON.stringify(access), { mode: 0o600 });
  const said: string[] = [];
  const log = {
    ...silentLog,
    error: (fields: object, text: string) => void said.push(`${text} ${JSON.stringify(fields)}`),
  };
  const loaded = loadNativeEngine();
  if (!loaded.ok) throw new Error(loaded.failure.reason);
  const asked = ports === null ? {} : { TEST: { ...ports, packets: 0, requests: 0 } };
  const host = "127.0.0.1";
  const settings = { accessFile, host, packetsHost: host, ports: asked, symbols: {}, feed: true };
  const edges = MarketEdges.read(settings, file, { clock, log });
  if (!edges.ok) throw new Error(edges.failure.reason);
  try {
    const request = { market: "TEST", directory: join(root, "log"), epoch: epoch(1) };
    const market = (await loaded.value.open(request)) as NativeMarket;
    const place = (): EdgesFile["markets"][string] | null =>
      existsSync(file)
        ? (edgesFileSchema.parse(JSON.parse(readFileSync(file, "utf8"))).markets["TEST"] ?? null)
        : null;
    await body({ edges: edges.value, market, place, said });
  } finally {
    edges.value.stop();
    await loaded.value.stop();
    rmSync(root, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function assertNobodyListens(port: number): Promise<void> {
  const connected = await connectTcp("127.0.0.1", port);
  if (connected.ok) connected.stream.end();
  assert.is(connected.ok, false);
}

testUnless(
  test,
  missingAddon,
  "A5.1 a market that is owned anew keeps its feed and its ports, and begins order entry anew",
  () =>
    withEdges(null, async ({ edges, market, place }) => {
      edges.serve(market, cellMarket, 3);
      await until(() => (place()?.feed ?? 0) !== 0);
      const before = place();
      const [first] = edges.reports();
      assert.is(first?.orders?.ended, 0);
      assert.is(first?.feed?.failure, "");
      edges.serve(market, cellMarket, 4);
      await until(() => edges.reports()[0]?.orders != null);
      assert.equal(place(), before);
      assert.ok(edges.reports()[0]?.feed);
    }),
);

testUnless(
  test,
  missingAddon,
  "A5.1 a port that is asked for and taken is said once, and tried until it is free",
  async () => {
    const server = createServer();
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    const address = server.address();
    const taken = typeof address === "object" && address !== null ? address.port : 0;
    await withEdges({ orders: taken, feed: 0 }, async ({ edges, market, place, said }) => {
      edges.serve(market, cellMarket, 1);
      await until(() => said.length > 0);
      await delay(1_200);
      assert.is(said.length, 1);
      assert.match(said[0] ?? "", /cannot be opened/);
      await new Promise((closed) => server.close(closed));
      await until(() => place()?.orders === taken);
    });
  },
);

testUnless(
  test,
  missingAddon,
  "B9.4 members of a market that another cell has are let go, also when order entry was just being opened",
  async () => {
    const port = await freePort();
    await withEdges({ orders: port, feed: 0 }, async ({ edges, market, place }) => {
      edges.serve(market, cellMarket, 3);
      // It begins to open, which no number of promises ends: that needs a thread and a turn of the event loop.
      for (let settled = 0; settled < 50; settled += 1) await Promise.resolve();
      edges.leave(market, cellMarket);
      assert.equal(edges.reports(), []);
      // The port is asked for: it is free only once what was being opened is closed.
      edges.serve(market, cellMarket, 4);
      await until(() => edges.reports()[0]?.orders != null);
      const client = await logIn(place());
      assert.is(client.session.trim().split(".")[0], "4");
      edges.leave(market, cellMarket);
      assert.ok(await isEnded(client));
      await assertNobodyListens(port);
      client.logOut();
    });
  },
);

testUnless(
  test,
  missingAddon,
  "B9.7 order entry outlasts a short lapse of the lease, ends with a long one, and is there again with the lease",
  async () => {
    const clock = manualClock();
    await withEdges(
      null,
      async ({ edges, market, place }) => {
        const pass = (seconds: number) => clock.advance(durationNs(seconds * 1e9));
        const isOpen = (): boolean => edges.reports()[0]?.orders != null;
        const lapsed = (): void => market.gate(sequence(0), durationNs(0));
        const held = (): void => market.gate(sequence(0), null);
        held();
        edges.serve(market, cellMarket, 3);
        await until(() => isOpen() && edges.reports()[0]?.feed != null);
        const client = await logIn(place());
        for (let short = 0; short < 2; short += 1) {
          lapsed();
          await pass(14);
          assert.ok(isOpen());
          held();
          await pass(2);
        }
        lapsed();
        await pass(17);
        assert.ok(await isEnded(client));
        assert.is(isOpen(), false);
        assert.ok(edges.reports()[0]?.feed, "the feed waits");
        await pass(30);
        assert.is(isOpen(), false);
        held();
        // A port that is still being let go of is tried again after a while of this clock.
        const passing = setInterval(() => void pass(0.1), 10);
        await until(isOpen);
        clearInterval(passing);
        const again = await logIn(place());
        assert.is.not(again.session, client.session);
        again.logOut();
      },
      clock,
    );
  },
);

test.run();
