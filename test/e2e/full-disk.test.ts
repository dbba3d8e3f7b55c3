import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { systemClock } from "../../actors/kernel/system-clock.ts";
import { loadNativeEngine } from "../../native/index.ts";
import { PortableEngine } from "../../native/portable/engine.ts";
import { systemLogStorage } from "../../native/portable/log-storage.ts";
import { wire } from "../../schemas/messages.ts";
import { journalStream, journalSubject } from "../../schemas/subjects.ts";
import { readChain } from "../support/chain.ts";
import { FullDisk } from "../support/full-disk.ts";
import { MarketCell } from "../support/market-cell.ts";
import { testUnless } from "../support/skip.ts";

/** A market whose disk is full stops acknowledging, says why, and goes on when there is room. */

const test = suite("a full disk under a market");
const probe = loadNativeEngine();
if (probe.ok) await probe.value.stop();

const { SIDE_BUY: side } = wire.market.v1.Side;
const { ORDER_TYPE_LIMIT: orderType } = wire.market.v1.OrderType;
const { TIME_IN_FORCE_DAY: timeInForce } = wire.market.v1.TimeInForce;

function orders(from: number, count: number): wire.market.v1.ICommand[] {
  return Array.from({ length: count }, (_, index) => ({
    number: from + index,
    account: 7,
    place: { side, orderType, timeInForce, price: 400, quantity: 10 },
  }));
}

const codes = (reply: wire.market.v1.SubmitReply): ReadonlySet<string> =>
  new Set(reply.outcomes.map((outcome) => outcome.refusal?.code ?? ""));

/** Sends orders that get no answer now, and some later that are refused. */
async function meetFullDisk(
  cell: MarketCell,
  from: number,
): Promise<{ readonly pending: Promise<wire.market.v1.SubmitReply> }> {
  const pending = cell.submit({ session: 1, commands: orders(from, 2) }, 60);
  const waiting = await cell.until(({ detail }) => /ENOSPC|No space/.test(detail));
  assert.match(waiting.detail, /free space on the disk/);
  assert.is(waiting.state, "open");
  await sleep(400);
  const refused = await cell.submit({ session: 1, commands: orders(from + 2, 3) });
  assert.equal(codes(refused), new Set(["not_durable"]));
  assert.is((await cell.status()).refusals["not_durable"], 3);
  assert.is(await Promise.race([pending, sleep(300, "waits" as const)]), "waits");
  return { pending };
}

/** There is room: what waited is answered, and what was refused is taken with the same numbers. */
async function goOn(
  cell: MarketCell,
  from: number,
  pending: Promise<wire.market.v1.SubmitReply>,
): Promise<void> {
  assert.equal(codes(await pending), new Set([""]));
  const taken = await cell.submit({ session: 1, commands: orders(from + 2, 3) }, 60);
  assert.equal(codes(taken), new Set([""]));
  const { detail } = await cell.until(({ committed, matched }) => committed === matched);
  assert.not.match(detail, /ENOSPC|No space/);
}

/** Every order up to `last` is in the accepted chain and in the market after a restart on that disk. */
async function allThereAfterRestart(before: MarketCell, last: number): Promise<void> {
  await before.stop();
  const { broker, directory, definition } = before;
  const again = await MarketCell.open({ broker, directory, definition });
  const { restingOrders, matched } = await again.status();
  await again.stop();
  const chain = readChain(broker, journalStream("atlas", 0), journalSubject("TEST"));
  assert.is(restingOrders, last);
  assert.equal([chain.lastSequence, chain.dropped], [matched, 0]);
}

for (const mode of ["durable", "replicated"] as const) {
  test(`B7.7 a ${mode} market on a full disk acknowledges nothing, refuses with a count, and goes on`, async () => {
    const disk = new FullDisk(1e6);
    const engine = new PortableEngine({ clock: systemClock(), storage: disk.storage });
    const cell = await MarketCell.open({ engine, definition: { mode } });
    assert.equal(codes(await cell.submit({ session: 1, commands: orders(1, 4) })), new Set([""]));
    await cell.until(({ committed, matched }) => committed === matched);
    disk.room = 100;
    const { pending } = await meetFullDisk(cell, 5);
    disk.room = 1e6;
    await goOn(cell, 5, pending);
    await allThereAfterRestart(cell, 9);
    await cell.end();
  });
}

test("B7.7 a disk that has room for records and none for seals stops acknowledging too", async () => {
  const disk = new FullDisk(1e6);
  const engine = new PortableEngine({
    clock: systemClock(),
    storage: { ...systemLogStorage, seals: disk.storage.seals },
  });
  const cell = await MarketCell.open({ engine });
  disk.room = 100;
  const { pending } = await meetFullDisk(cell, 1);
  assert.match((await cell.status()).detail, /^the seals in .* cannot be written/);
  disk.room = 1e6;
  await goOn(cell, 1, pending);
  await allThereAfterRestart(cell, 5);
  await cell.end();
});

test("a disk that fails is named, the market takes nothing more, and the refusals are counted", async () => {
  const disk = new FullDisk(1e6, "EIO");
  const engine = new PortableEngine({ clock: systemClock(), storage: disk.storage });
  const cell = await MarketCell.open({ engine, definition: { mode: "durable" } });
  disk.room = 100;
  const pending = cell.submit({ session: 1, commands: orders(1, 2) }, 3).then(
    () => "answered",
    () => "none",
  );
  const failed = await cell.until(({ state }) => state === "failed");
  assert.match(failed.detail, /the write-ahead log cannot be written: .*EIO/);
  const refused = await cell.submit({ session: 1, commands: orders(3, 1) });
  assert.is(refused.refusal?.code, "market_stopped");
  assert.match(refused.refusal?.reason ?? "", /EIO/);
  assert.is((await cell.status()).refusals["market_stopped"], 1);
  assert.is(await pending, "none");
  await cell.end();
});

const records = 174_762;

/** A file system in memory of this size; null when this machine does not allow it. */
function mountSmall(size: string): string | null {
  const at = mkdtempSync(join(tmpdir(), "full-disk-"));
  const { status } = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", at]);
  if (status === 0) return at;
  rmSync(at, { recursive: true });
  return null;
}

testUnless(
  test,
  probe.ok ? null : probe.failure.reason,
  "B7.7 a small file system fills under a market of the native engine, which goes on when it is larger",
  async () => {
    const at = mountSmall("20M");
    if (at === null) {
      console.log("SKIP a small file system: needs root and mount");
      return;
    }
    const engine = loadNativeEngine();
    if (!engine.ok) throw new Error(engine.failure.reason);
    try {
      const cell = await MarketCell.open({
        engine: engine.value,
        directory: join(at, "log"),
        definition: { orderCapacity: 1_000_000, mode: "durable" },
      });
      // The first segment and a few records more, for which there is no room.
      let next = 1;
      for (; next <= records - 2_048; next += 1_024) {
        const reply = await cell.submit({ session: 1, commands: orders(next, 1_024) }, 60);
        assert.equal(codes(reply), new Set([""]));
      }
      const crossing = Array.from({ length: 3 }, (_, index) =>
        cell.submit({ session: 1, commands: orders(next + index * 1_000, 1_000) }, 60),
      );
      next += 3_000;
      const { pending } = await meetFullDisk(cell, next);
      assert.is(spawnSync("mount", ["-o", "remount,size=80M", at]).status, 0);
      await goOn(cell, next, pending);
      for (const reply of await Promise.all(crossing)) {
        assert.equal(codes(reply), new Set([""]));
      }
      await allThereAfterRestart(cell, next + 4);
    } finally {
      await engine.value.stop();
      spawnSync("umount", [at]);
      rmSync(at, { recursive: true, force: true });
    }
  },
);

test.run();
