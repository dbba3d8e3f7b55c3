import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { MarketClient } from "../../native/client/market-client.ts";
import { loadNativeEngine } from "../../native/index.ts";
import { PortableEngine } from "../../native/portable/engine.ts";
import { silentLog } from "../../test/support/ports.ts";
import { missingAddon, testUnless } from "../../test/support/skip.ts";
import type { MatchingEngine } from "../kernel/ports/matching-engine.ts";
import { systemClock } from "../kernel/system-clock.ts";
import { accountId, durationNs, epoch, orderId as orderIdOf, sequence } from "../kernel/units.ts";
import { SharedMemoryDoor } from "./shared-memory.ts";

const test = suite("the door for shared-memory clients");

interface Setting {
  readonly engine: MatchingEngine;
  readonly settings: { readonly socket: string; readonly grantsFile: string };
  readonly write: (text: string) => void;
}

const orderId = orderIdOf(1);
const user = process.getuid?.() ?? 0;
const grant = (byte: number, permissions: readonly string[] = []): object => ({
  token: Buffer.alloc(32, byte).toString("hex"),
  user,
  account: 3,
  permissions,
});
const grants = (...list: readonly object[]): string => JSON.stringify({ grants: list });

async function withEngine(body: (setting: Setting) => Promise<void>): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), "door-"));
  const clock = systemClock();
  const loaded = loadNativeEngine({ clock });
  if (!loaded.ok) throw new Error(loaded.failure.reason);
  const settings = { socket: join(root, "socket"), grantsFile: join(root, "grants.json") };
  const write = (text: string): void => {
    writeFileSync(settings.grantsFile, text, { mode: 0o600 });
    chmodSync(settings.grantsFile, 0o600);
  };
  try {
    await body({ engine: loaded.value, settings, write });
  } finally {
    await loaded.value.stop();
    rmSync(root, { recursive: true, force: true });
  }
}

const connecting = ({ settings }: Setting, byte: number, more: object = {}) =>
  MarketClient.connect({
    socket: settings.socket,
    market: "ALPHA",
    token: new Uint8Array(32).fill(byte),
    account: 3,
    ...more,
  });

/** A door before a market that is served, and a client that has come in. */
async function servedClient(setting: Setting) {
  const { engine, settings, write } = setting;
  write(grants(grant(1)));
  const door = await SharedMemoryDoor.open(engine, settings, silentLog);
  if (!door.ok || door.value === null) throw new Error("there is no door");
  const directory = join(settings.socket, "..", "log");
  const market = await engine.open({ market: "ALPHA", directory, epoch: epoch(1) });
  door.value.serve(market);
  const connected = await connecting(setting, 1);
  if (!connected.ok) throw new Error(connected.failure.reason);
  return { door: door.value, market, client: connected.value };
}

const cancel = {
  kind: "cancel" as const,
  session: 0,
  number: 0,
  account: accountId(3),
  tag: 1,
  orderId,
};

async function connect(setting: Setting, byte: number, more: object = {}): Promise<string> {
  const connected = await connecting(setting, byte, more);
  if (!connected.ok) return connected.failure.code;
  await connected.value.close();
  return "connected";
}

testUnless(
  test,
  missingAddon,
  "A2.1 a file of grants that is wrong, or that others can read, is refused and says why",
  () =>
    withEngine(async ({ engine, settings, write }) => {
      const reasonOf = async (): Promise<string> => {
        const door = await SharedMemoryDoor.open(engine, settings, silentLog);
        if (door.ok) return "";
        assert.is(door.failure.code, "configuration_invalid");
        return door.failure.reason;
      };
      assert.match(await reasonOf(), "grants.json");
      write(grants({ ...grant(1), token: "1234" }));
      assert.match(await reasonOf(), /64 hexadecimal digits/);
      write(grants(grant(1, ["administer"])));
      assert.match(await reasonOf(), /permissions/);
      write(grants(grant(1)));
      chmodSync(settings.grantsFile, 0o640);
      assert.match(await reasonOf(), /others than its owner can read/);
    }),
);

testUnless(
  test,
  missingAddon,
  "A2.1 grants that are read again replace the old ones, and a bad file changes nothing",
  () =>
    withEngine(async (setting) => {
      const { engine, settings, write } = setting;
      write(grants(grant(1), grant(2, ["stream"])));
      const opened = await SharedMemoryDoor.open(engine, settings, silentLog);
      assert.ok(opened.ok && opened.value !== null);
      if (!opened.ok || opened.value === null) return;
      const market = await engine.open({
        market: "ALPHA",
        directory: join(settings.socket, "..", "log"),
        epoch: epoch(1),
      });
      assert.is(await connect(setting, 1), "market_unknown");
      opened.value.serve(market);
      opened.value.serve(market);
      assert.is(await connect(setting, 1), "connected");
      assert.is(await connect(setting, 1, { stream: true }), "credentials_refused");
      assert.is(await connect(setting, 2, { stream: true }), "connected");
      write(grants(grant(2)));
      assert.ok(opened.value.reload().ok);
      assert.is(await connect(setting, 1), "credentials_refused");
      assert.is(await connect(setting, 2), "connected");
      write("{");
      assert.not.ok(opened.value.reload().ok);
      assert.is(await connect(setting, 2), "connected");
      assert.is(opened.value.counters().accepted, 4);
    }),
);

testUnless(
  test,
  missingAddon,
  "B9.7 an engine of a cell takes nothing of a client before a lease is told, nor once it is over",
  () =>
    withEngine(async (setting) => {
      const { market, client } = await servedClient(setting);
      const send = async (waitMs: number): Promise<number> => {
        client.submit(cancel);
        client.flush();
        await client.wait(waitMs);
        return client.waitingCommands;
      };
      assert.is(await send(50), 1);
      // The clock of the engine began when it was made: a second of it is a second of the machine's.
      market.gate(sequence(0), durationNs(3_600e9));
      while (client.waitingCommands > 0) await client.wait(1);
      market.gate(sequence(0), durationNs(0));
      assert.is(await send(50), 1);
      await client.close();
    }),
);

testUnless(
  test,
  missingAddon,
  "B9.4 a market that has left takes nothing of its clients, not even when it is back, and says so",
  () =>
    withEngine(async (setting) => {
      const { door, market, client } = await servedClient(setting);
      assert.is(client.submit(cancel), "yes");
      client.flush();
      door.leave(market);
      assert.is(client.ended, "market_closed");
      assert.is(client.submit(cancel), "ended");
      assert.is(await connect(setting, 1), "market_unknown");
      market.gate(sequence(0), durationNs(3_600e9));
      door.serve(market);
      assert.is(await connect(setting, 1), "connected");
      assert.is(market.progress().matched, 0);
      await client.close();
      door.leave(market);
      await market.close();
      door.leave(market);
    }),
);

test("a cell on the portable engine says that it serves nobody, and goes on", async () => {
  const said: unknown[] = [];
  const log = { ...silentLog, warn: (_fields: object, text: string) => void said.push(text) };
  const settings = { socket: "/nowhere", grantsFile: "/nowhere" };
  const engine = new PortableEngine({ clock: systemClock() });
  const door = await SharedMemoryDoor.open(engine, settings, log);
  assert.equal(door, { ok: true, value: null });
  assert.equal(said, ["the portable engine serves no shared-memory clients"]);
  await engine.stop();
});

test.run();
