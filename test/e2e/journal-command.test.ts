import { cp, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { accountId, epoch, priceTicks, quantityLots } from "../../actors/kernel/units.ts";
import { loadNativeEngine } from "../../native/index.ts";
import { crc32c } from "../../native/records.ts";
import { journalStream, journalSubject } from "../../schemas/subjects.ts";
import { readChain } from "../support/chain.ts";
import { meridian, type CommandResult } from "../support/command-line.ts";
import { MarketCell } from "../support/market-cell.ts";
import { testUnless } from "../support/skip.ts";

/** `meridian journal` on logs that the native engine wrote. */

const test = suite("journal command");
const probe = loadNativeEngine();
if (probe.ok) await probe.value.stop();
const missing = probe.ok ? null : `${probe.failure.reason}; ${probe.failure.next}`;

interface Written {
  readonly folder: string;
  readonly digest: string;
  /** Digest after each record, by sequence. */
  readonly digests: ReadonlyMap<number, string>;
  readonly snapshot: number;
}

/** A log of 500 records with snapshots. */
async function write(folder: string): Promise<Written> {
  const engine = loadNativeEngine({ snapshotInterval: 100 });
  if (!engine.ok) throw new Error(engine.failure.reason);
  const market = await engine.value.open({ market: "m", directory: folder, epoch: epoch(3) });
  const header = { session: 0, number: 0, account: accountId(1), tag: 0 };
  market.offer({
    ...header,
    kind: "configure",
    bandLow: priceTicks(1),
    bandHigh: priceTicks(1_000),
    maximumQuantity: quantityLots(10),
    orderCapacity: 1_000,
    mode: "durable",
  });
  const digests = new Map<number, string>();
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  for (let sequence = 1; sequence <= 500; sequence += 1) {
    if (sequence > 1) {
      market.offer({
        ...header,
        kind: "place",
        side: sequence % 2 === 0 ? "buy" : "sell",
        orderType: "limit",
        timeInForce: "day",
        price: priceTicks(500 + (sequence % 7)),
        quantity: quantityLots(1 + (sequence % 3)),
      });
    }
    market.flush();
    while (market.progress().matched < sequence || market.progress().durable < sequence) {
      await turn();
    }
    market.drain(() => {}, 100);
    digests.set(sequence, market.progress().digest);
    if (sequence % 120 === 0) {
      market.accept({ sequence, epoch: 3, hash: new Uint8Array(32).fill(sequence) });
      while (market.shadow()?.sequence !== sequence) await turn();
    }
  }
  while ((market.shadow()?.snapshot ?? 0) < 480) await turn();
  const snapshot = market.shadow()?.snapshot ?? 0;
  const { digest } = market.progress();
  await engine.value.stop();
  return { folder, digest, digests, snapshot };
}

async function withLog(body: (written: Written, root: string) => Promise<void>): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "journal-command-"));
  try {
    await body(await write(join(root, "log")), root);
  } finally {
    await rm(root, { recursive: true });
  }
}

async function flip(path: string, at: number): Promise<void> {
  const file = await open(path, "r+");
  const byte = new Uint8Array(1);
  await file.read(byte, 0, 1, at);
  byte[0] = (byte[0] ?? 0) ^ 16;
  await file.write(byte, 0, 1, at);
  await file.close();
}

const run = (...given: string[]): Promise<CommandResult> =>
  meridian(tmpdir(), ["journal", ...given]);

testUnless(test, missing, "B6.3 verify says what is in a log, and names what is damaged", () =>
  withLog(async ({ folder, digest, snapshot }, root) => {
    const good = await run("verify", folder, "-o", "json");
    assert.is(good.code, 0, good.errors);
    const report = JSON.parse(good.output) as Record<string, unknown> & {
      readonly snapshots: readonly { readonly sequence: number; readonly verdict: string }[];
    };
    assert.is(report["records"], 500);
    assert.is(report["digest"], digest);
    assert.is(report["epoch"], 3);
    assert.is(report["tornBytes"], 0);
    assert.equal(
      report.snapshots.map((one) => [one.sequence, one.verdict]),
      [
        [snapshot, "good"],
        [snapshot - 120, "good"],
      ],
    );

    const copy = join(root, "copy");
    await cp(folder, copy, { recursive: true });
    await flip(join(copy, `snapshot-${String(snapshot).padStart(16, "0")}.state`), 300);
    const bad = await run("verify", copy);
    assert.is(bad.code, 1);
    assert.match(bad.output, new RegExp(`${snapshot} +bad .*is damaged: its checksum is wrong`));
    await flip(join(copy, "segment-0000000000000001.log"), 96 * 20 + 50);
    const worse = await run("verify", copy);
    assert.is(worse.code, 1);
    assert.match(worse.errors, /journal_damaged: damage: the record 21 in .*segment-0+1\.log/);
    assert.match(worse.errors, /next: restore the folder/);
  }),
);

testUnless(
  test,
  missing,
  "B6.3 verify computes the hash chain again, and names the block of a record that was changed with its checksum",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "journal-command-chain-"));
    const cell = await MarketCell.open({ directory: folder });
    await cell.stop();
    try {
      const good = await run("verify", folder);
      assert.is(good.code, 0, good.errors);
      assert.match(good.output, /sealed +records 1 to 1 in 1 blocks, 0 behind them are not/);
      const hash = /chain hash +([0-9a-f]{64})/.exec(good.output)?.[1];
      const accepted = readChain(cell.broker, journalStream("atlas", 0), journalSubject("TEST"));
      assert.is(hash, Buffer.from(accepted.hash).toString("hex"));

      const path = join(folder, "segment-0000000000000001.log");
      const bytes = await readFile(path);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      bytes[40] = (bytes[40] ?? 0) ^ 1;
      view.setUint32(0, crc32c(view, 4, 96), true);
      await writeFile(path, bytes);
      const bad = await run("verify", folder);
      assert.is(bad.code, 1);
      assert.match(bad.output, /the block of records 1 to 1 \(epoch 1\) has another hash/);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);

testUnless(test, missing, "dump prints records as a table and as lines of JSON", () =>
  withLog(async ({ folder }) => {
    const lines = await run("dump", folder, "--from", "10", "--to", "12", "-o", "json");
    assert.is(lines.code, 0, lines.errors);
    const rows = lines.output
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { sequence: number; kind: string; side: string });
    assert.equal(
      rows.map(({ sequence, kind, side }) => [sequence, kind, side]),
      [
        [10, "place", "buy"],
        [11, "place", "sell"],
        [12, "place", "buy"],
      ],
    );
    const shown = await run("dump", folder);
    assert.match(shown.output, /SEQUENCE +EPOCH +TIME +KIND/);
    assert.match(shown.output, /^1 +3 +\S+Z +configure +1 /m);
    assert.is(shown.output.trim().split("\n").length, 101);
  }),
);

testUnless(test, missing, "B6.3 restore makes a log that has the digest of its last record", () =>
  withLog(async ({ folder, digests }, root) => {
    for (const target of [1, 119, 360, 361, 499]) {
      const into = join(root, `at-${target}`);
      const made = await run("restore", folder, "--to", `${target}`, "--into", into, "-o", "json");
      assert.is(made.code, 0, made.errors);
      const report = JSON.parse(made.output) as Record<string, unknown>;
      assert.is(report["sequence"], target);
      assert.is(report["digest"], digests.get(target));
      const again = await run("verify", into, "-o", "json");
      assert.is(
        (JSON.parse(again.output) as Record<string, unknown>)["digest"],
        digests.get(target),
      );
    }
    const into = join(root, "by-time");
    const late = await run("restore", folder, "--to", "2100-01-01", "--into", into, "-o", "json");
    assert.is((JSON.parse(late.output) as Record<string, unknown>)["sequence"], 500);
    const wrong = await run("restore", folder, "--to", "yesterday", "--into", join(root, "z"));
    assert.is(wrong.code, 2);
    assert.match(wrong.errors, /"yesterday" is no sequence and no time/);
    const again = await run("restore", folder, "--to", "100", "--into", into);
    assert.is(again.code, 1);
    assert.match(again.errors, /is not empty/);
    const beyond = await run("restore", folder, "--to", "501", "--into", join(root, "beyond"));
    assert.is(beyond.code, 1);
    assert.match(beyond.errors, /ends at record 500\n {2}next: restore --to 500/);
  }),
);

testUnless(test, missing, "wrong use of the journal command is told with exit code 2", async () => {
  assert.is((await run("verify")).code, 2);
  assert.is((await run("dump", "x", "--from", "y")).code, 2);
  const gone = await run("verify", join(tmpdir(), "there-is-no-such-log"));
  assert.is(gone.code, 1);
  assert.match(gone.errors, /journal_missing/);
});

testUnless(test, missing, "a log that somebody writes is not looked into", () =>
  withLog(async ({ folder }) => {
    const engine = loadNativeEngine();
    if (!engine.ok) throw new Error(engine.failure.reason);
    await engine.value.open({ market: "m", directory: folder, epoch: epoch(4) });
    const refused = await run("verify", folder);
    await engine.value.stop();
    assert.is(refused.code, 1);
    assert.match(refused.errors, /journal_in_use: .* is in use by process \d+/);
  }),
);

test.run();
