import { readFileSync, readdirSync } from "node:fs";
import { mkdtemp, open as openFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { MemoryBroker } from "../../actors/bus/memory.ts";
import { systemClock } from "../../actors/kernel/system-clock.ts";
import { epoch } from "../../actors/kernel/units.ts";
import {
  type NativeEngine,
  type NativeEngineOptions,
  loadNativeEngine,
} from "../../native/index.ts";
import { PortableEngine } from "../../native/portable/engine.ts";
import { wire } from "../../schemas/messages.ts";
import { meridian, type CommandResult } from "../support/command-line.ts";
import { LogOwner } from "../support/log-owner.ts";
import { MarketCell } from "../support/market-cell.ts";
import { testUnless } from "../support/skip.ts";

/** A log that gives back the room of what two snapshots and the accepted root make superfluous. */

const test = suite("a trimmed log");
const probe = loadNativeEngine();
if (probe.ok) await probe.value.stop();
const missing = probe.ok ? null : `${probe.failure.reason}; ${probe.failure.next}`;

/** Small enough that a second of work fills many segments. */
const small = { segmentRecords: 1_000, snapshotInterval: 1_500, recordsKept: 2_000 };

function start(options: NativeEngineOptions = small): NativeEngine {
  const engine = loadNativeEngine(options);
  if (!engine.ok) throw new Error(engine.failure.reason);
  return engine.value;
}

const run = (...given: string[]): Promise<CommandResult> =>
  meridian(tmpdir(), ["journal", ...given]);
const segments = (folder: string): readonly number[] =>
  readdirSync(folder)
    .map((name) => Number(/^segment-(\d+)\.log$/.exec(name)?.[1] ?? 0))
    .filter((first) => first > 0)
    .sort((a, b) => a - b);

async function inFolder(body: (root: string) => Promise<void>): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "log-trim-"));
  try {
    await body(root);
  } finally {
    await rm(root, { recursive: true });
  }
}

testUnless(
  test,
  missing,
  "B6.3 a long run keeps a bounded log, from which restart, verify, rollback and restore still come right or are refused with the reason",
  () =>
    inFolder(async (root) => {
      const folder = join(root, "log");
      const engine = start();
      const owner = new LogOwner(
        await engine.open({ market: "m", directory: folder, epoch: epoch(1) }),
      );
      const { market } = owner;
      let most = 0;
      for (let round = 0; round < 60; round += 1) {
        await owner.round(500);
        await market.trim(owner.digests.size * 500);
        most = Math.max(most, segments(folder).length);
      }
      // Two snapshots 1,500 apart and one on its way, or 2,000 records; a begun segment at each end.
      assert.ok(most <= 7, `${most} segments of 1,000 records`);
      const begin = market.trimmed?.sequence ?? 0;
      assert.ok(begin >= 24_000, `trimmed at ${begin}`);
      const [oldest = 0] = segments(folder);
      assert.ok(oldest > 1 && oldest <= begin + 1);
      const { digest } = market.progress();
      await engine.stop();

      const verified = await run("verify", folder, "-o", "json");
      assert.is(verified.code, 0, verified.errors + verified.output);
      const report = JSON.parse(verified.output) as {
        readonly digest: string;
        readonly records: number;
        readonly chain: Readonly<Record<string, unknown>>;
        readonly snapshots: readonly { readonly sequence: number; readonly verdict: string }[];
      };
      assert.is(report.digest, digest);
      assert.is(report.records, 30_000);
      assert.equal([report.chain["first"], report.chain["last"]], [begin + 1, 30_000]);
      assert.equal(
        report.snapshots.map(({ verdict }) => verdict),
        ["good", "good"],
      );

      const first = report.snapshots.at(-1)?.sequence ?? 0;
      for (const target of [first, 29_500, 30_000]) {
        const into = join(root, `at-${target}`);
        const made = await run(
          "restore",
          folder,
          "--to",
          `${target}`,
          "--into",
          into,
          "-o",
          "json",
        );
        assert.is(made.code, 0, made.errors);
        const { digest: there } = JSON.parse(made.output) as { readonly digest: string };
        assert.is(there, owner.digests.get(target));
        assert.is((await run("verify", into)).code, 0);
      }
      const early = await run("restore", folder, "--to", "5000", "--into", join(root, "early"));
      assert.is(early.code, 1);
      assert.match(early.errors, /journal_trimmed: .*begins at record \d+, and no snapshot before/);
      const dumped = await run("dump", folder, "--limit", "1", "--from", `${oldest}`);
      assert.match(dumped.output, new RegExp(`^${oldest} +1 `, "m"));
      const portable = new PortableEngine({ clock: systemClock() });
      const refused = await portable.open({ market: "m", directory: folder, epoch: epoch(1) }).then(
        () => "",
        (error: Error) => error.message,
      );
      assert.match(refused, /trimmed: .* which the portable engine cannot read; start the native/);

      const again = start();
      const restarted = await again.open({ market: "m", directory: folder, epoch: epoch(1) });
      assert.is(restarted.progress().digest, digest);
      assert.ok((restarted.recovery.snapshot?.sequence ?? 0) > begin);
      assert.is(restarted.trimmed?.sequence, begin);
      await again.stop();
    }),
);

testUnless(
  test,
  missing,
  "nothing is trimmed above the floor, nor when one of the two snapshots cannot be restored",
  () =>
    inFolder(async (root) => {
      const folder = join(root, "log");
      const engine = start();
      const owner = new LogOwner(
        await engine.open({ market: "m", directory: folder, epoch: epoch(1) }),
      );
      const { market } = owner;
      for (let round = 0; round < 20; round += 1) await owner.round(500);
      assert.is(await market.trim(900), null);
      assert.is((await market.trim(2_400))?.sequence, 2_000);
      assert.equal(segments(folder).slice(0, 2), [2_001, 3_001]);

      const snapshot = readdirSync(folder)
        .filter((name) => name.endsWith(".state"))
        .sort()[0];
      const file = await openFile(join(folder, snapshot ?? ""), "r+");
      await file.write(new Uint8Array([1, 2, 3]), 0, 3, 300);
      await file.close();
      const why = await market.trim(5_000).then(
        () => "",
        (error: Error) => error.message,
      );
      assert.match(why, /checksum is wrong; .* not trimmed: only 1 snapshots behind record 5000/);
      assert.is(segments(folder)[0], 2_001);
      const { digest } = market.progress();
      await engine.stop();
      const again = start();
      const restarted = await again.open({ market: "m", directory: folder, epoch: epoch(1) });
      assert.is(restarted.progress().digest, digest);
      await again.stop();
    }),
);

async function fill(cell: MarketCell, from: number, count: number): Promise<void> {
  const { SIDE_BUY: buy, SIDE_SELL: sell } = wire.market.v1.Side;
  const { ORDER_TYPE_LIMIT: orderType } = wire.market.v1.OrderType;
  const { TIME_IN_FORCE_DAY: timeInForce } = wire.market.v1.TimeInForce;
  for (let number = from; number < from + count; number += 500) {
    const commands = Array.from({ length: 500 }, (_, index) => ({
      number: number + index,
      account: 7,
      place: {
        side: index % 2 === 0 ? buy : sell,
        orderType,
        timeInForce,
        price: 500,
        quantity: 10,
      },
    }));
    const reply = await cell.submit({ session: 3, commands }, 60);
    assert.is(reply.refusal, null);
  }
}

testUnless(
  test,
  missing,
  "B6.3 a market trims its log behind the accepted root, and recovers without the root or refuses another journal",
  () =>
    inFolder(async (root) => {
      const directory = join(root, "log");
      const broker = new MemoryBroker();
      const cell = await MarketCell.open({
        engine: start(),
        directory,
        broker,
        recordsRemembered: 1_000,
      });
      // The shadow runs at the lowest priority, and the market looks once a second.
      let next = 1;
      for (; (segments(directory)[0] ?? 1) === 1; next += 500) {
        assert.ok(next < 100_000, "nothing was trimmed");
        await fill(cell, next, 500);
        if (next > 10_000) await sleep(250);
      }
      const { digest, matched: matchedBefore } = await cell.status();
      await cell.stop();

      await rm(join(directory, "accepted.json"));
      const again = await MarketCell.open({ engine: start(), directory, broker });
      assert.is((await again.status()).digest, digest);
      await fill(again, next, 500);
      assert.is((await again.status()).matched, matchedBefore + 500);
      await again.stop();
      assert.is((await run("verify", directory)).code, 0);

      const empty = await MarketCell.start({ engine: start(), directory });
      const failed = await empty.until(({ state }) => state === "failed");
      assert.match(
        failed.detail,
        /the journal ends at record 0, and this log, which begins behind/,
      );
      await empty.stop();

      const other = new MemoryBroker();
      const elsewhere = await MarketCell.open({ broker: other });
      await fill(elsewhere, 1, next + 500);
      await elsewhere.end();
      const divergent = await MarketCell.start({ engine: start(), directory, broker: other });
      // Set aside with its report; the journal is followed anew (decision 0027).
      await divergent.until(({ state, matched }) => state === "open" && matched > 0);
      const reports = readdirSync(root, { recursive: true, encoding: "utf8" })
        .filter((name) => /quarantine[^/]*\.json$/.test(name))
        .map((name) => readFileSync(join(root, name), "utf8"));
      assert.match(
        reports.join(),
        /trimmed at record \d+ of another chain than the accepted journal/,
      );
      await divergent.stop();
    }),
);

test.run();
