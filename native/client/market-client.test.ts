import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import type { EngineCommand, EngineEvent } from "../../actors/kernel/ports/matching-engine.ts";
import { accountId, epoch, priceTicks, quantityLots, sequence } from "../../actors/kernel/units.ts";
import { repository } from "../../test/support/shared-data.ts";
import { missingAddon, testUnless } from "../../test/support/skip.ts";
import type { NativeEngine, NativeMarket } from "../index.ts";
import { loadNativeEngine } from "../index.ts";
import { MarketClient } from "./market-client.ts";

const test = suite("shared-memory clients from TypeScript");

const header = { session: 0, number: 0, account: accountId(3), tag: 7 };
const configure = (mode: "matched" | "replicated"): EngineCommand => ({
  ...header,
  kind: "configure",
  bandLow: priceTicks(1),
  bandHigh: priceTicks(1_000_000),
  maximumQuantity: quantityLots(1_000),
  orderCapacity: 100_000,
  mode,
});
const place = (side: "buy" | "sell", more: Partial<EngineCommand> = {}): EngineCommand =>
  ({
    ...header,
    kind: "place",
    side,
    orderType: "limit",
    timeInForce: "day",
    price: priceTicks(100),
    quantity: quantityLots(1),
    ...more,
  }) as EngineCommand;

interface Setting {
  readonly engine: NativeEngine;
  readonly market: NativeMarket;
  readonly socket: string;
  /** What the market's owner was told, and of whose commands. */
  readonly told: { readonly event: EngineEvent; readonly foreign: boolean }[];
}

const token = (account: number): Uint8Array => new Uint8Array(32).fill(account);

/** A market of this process with grants for the accounts 3 and 4. */
function clientTest(
  title: string,
  body: (setting: Setting) => Promise<void>,
  mode: "matched" | "replicated" = "matched",
): void {
  testUnless(test, missingAddon, title, async () => {
    const root = await mkdtemp(join(tmpdir(), "clients-"));
    const loaded = loadNativeEngine();
    assert.ok(loaded.ok, loaded.ok ? "" : loaded.failure.reason);
    const engine = loaded.value;
    try {
      const socket = join(root, "socket");
      await engine.serveClients(socket);
      for (const account of [3, 4]) {
        const user = process.getuid?.() ?? 0;
        engine.grantClient({ token: token(account), user, account, permissions: 0 });
      }
      const request = { market: "ALPHA", directory: join(root, "log"), epoch: epoch(1) };
      const market = (await engine.open(request)) as NativeMarket;
      const told: Setting["told"] = [];
      const drain = (): unknown =>
        market.drain((event, foreign) => told.push({ event: { ...event }, foreign }), 1_000_000);
      market.onEvents(drain);
      market.offer(configure(mode));
      market.flush();
      await until(() => told.length > 0);
      await body({ engine, market, socket, told });
    } finally {
      await engine.stop();
      await rm(root, { recursive: true, force: true });
    }
  });
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

async function connect(setting: Setting, account: number): Promise<MarketClient> {
  const { socket } = setting;
  const connected = await MarketClient.connect({
    socket,
    market: "ALPHA",
    token: token(account),
    account,
  });
  assert.ok(connected.ok, connected.ok ? "" : connected.failure.reason);
  return connected.value;
}

/** A process of its own; the line it prints. */
async function clientProcess(
  setting: Setting,
  request: object,
): Promise<{ child: ChildProcess; line: string }> {
  const argument = JSON.stringify({
    socket: setting.socket,
    market: "ALPHA",
    tokenByte: 4,
    account: 4,
    group: 0,
    stays: false,
    ...request,
  });
  const program = join(repository, "test", "support", "shared-memory-client.ts");
  const child = spawn(process.execPath, [program, argument], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  assert.ok(child.stdout);
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  return { child, line };
}

clientTest("A2.1 a client in another process gets its own events in order", async (setting) => {
  const { child, line } = await clientProcess(setting, { orders: 5_000, side: "both" });
  if (child.exitCode === null) await once(child, "exit");
  const { answered, inOrder, kinds, ended } = JSON.parse(line);
  assert.equal([answered, inOrder, ended], [5_000, true, null]);
  assert.equal(kinds, { accepted: 5_000, executed: 2_500, touch: 5_000 });
  await until(() => setting.engine.clientCounters().ended[1] === 1);
  await until(() => setting.told.at(-1)?.event.sequence === 5_001);
  const foreign = setting.told.filter((one) => one.foreign);
  assert.is(foreign.length, 12_500, "the owner hears of everything, marked as foreign");
  assert.is(setting.told.length - foreign.length, 1, "but for its own configure");
});

clientTest(
  "A2.1 owner and client trade with each other, and each knows its own commands",
  async (setting) => {
    const { market, told } = setting;
    const client = await connect(setting, 4);
    market.offer(place("sell", { tag: 77 }));
    market.flush();
    await until(() => market.progress().matched === 2);
    assert.is(client.submit(place("buy", { account: accountId(4), tag: 5 })), "yes");
    client.flush();
    const events: EngineEvent[] = [];
    while (!events.some(({ kind }) => kind === "executed")) {
      await client.wait(1_000);
      client.poll((event) => events.push({ ...event }));
    }
    assert.ok(events.every(({ tag }) => tag === 5));
    const trade = events.find((event) => event.kind === "executed");
    assert.ok(trade?.kind === "executed" && trade.makerAccount === 0, "who sold is not told");
    await until(() => told.some(({ event }) => event.kind === "executed"));
    const seen = told.find(({ event }) => event.kind === "executed");
    assert.ok(seen?.foreign);
    assert.ok(seen.event.kind === "executed" && seen.event.makerAccount === 3);
    assert.equal(
      told.filter((one) => !one.foreign).map(({ event }) => event.kind),
      ["configured", "accepted", "touch"],
    );
    await client.close();
  },
);

clientTest("A2.1 the orders of a client's group go when it is killed", async (setting) => {
  const { child } = await clientProcess(setting, {
    orders: 300,
    side: "sell",
    group: 9,
    stays: true,
  });
  await until(() => setting.market.progress().restingOrders === 300);
  child.kill("SIGKILL");
  await until(() => setting.market.progress().restingOrders === 0);
  // Counted as dead, a moment after its orders are gone.
  await until(() => setting.engine.clientCounters().ended[2] === 1);
});

clientTest("A2.1 a connection is refused with a reason and what to do", async (setting) => {
  const { socket } = setting;
  const asked = { socket, market: "ALPHA", token: token(4), account: 4 };
  for (const [code, options] of [
    ["credentials_refused", { ...asked, token: token(9) }],
    ["credentials_refused", { ...asked, administer: true }],
    ["market_unknown", { ...asked, market: "BETA" }],
    ["request_invalid", { ...asked, eventSlots: 100 }],
    ["unreachable", { ...asked, socket: `${socket}-nowhere` }],
  ] as const) {
    const refused = await MarketClient.connect(options);
    assert.ok(!refused.ok);
    assert.is(refused.failure.code, code);
    assert.ok(refused.failure.reason.length > 10 && refused.failure.next.length > 10);
  }
  setting.engine.revokeClient(token(4));
  const revoked = await MarketClient.connect(asked);
  assert.is(revoked.ok ? "" : revoked.failure.code, "credentials_refused");
});

clientTest(
  "A2.1 an ordinary client may not administer, and a full ring says so",
  async (setting) => {
    const client = await connect(setting, 4);
    assert.is(client.submit(configure("matched")), "not_permitted");
    let sent = 0;
    while (client.submit(place("sell", { account: accountId(4) })) === "yes") sent += 1;
    assert.equal([sent, client.ringFullCount], [4_096, 1]);
    await client.close();
    assert.is(client.submit(place("sell")), "ended");
  },
);

clientTest(
  "A2.1 what is not committed in a replicated market is not shown to its clients",
  async (setting) => {
    const client = await connect(setting, 4);
    const events: EngineEvent[] = [];
    const poll = (): unknown => client.poll((event) => events.push({ ...event }));
    setting.market.gate(sequence(1), null);
    client.submit(place("sell", { account: accountId(4) }));
    client.flush();
    await until(() => setting.market.progress().matched === 2);
    await client.wait(50);
    poll();
    assert.is(events.length, 0);
    setting.market.gate(sequence(2), null);
    await client.wait(5_000);
    poll();
    assert.is(events[0]?.kind, "accepted");
    await client.close();
  },
  "replicated",
);

test.run();
