import { mkdtempSync, readFileSync } from "node:fs";
import { cp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import type { MemoryBroker } from "../bus/memory.ts";
import { blockHash } from "../kernel/accepted-chain.ts";
import { RECORD_BYTES } from "../kernel/ports/matching-engine.ts";
import { seededRandomness, type SeededRandomness } from "../kernel/seeded-randomness.ts";
import { decodeChainMessage } from "../market/codec.ts";
import { segmentPath } from "../../native/portable/log-files.ts";
import { recoverLog } from "../../native/portable/log-recovery.ts";
import { systemLogStorage } from "../../native/portable/log-storage.ts";
import { crc32c, recordFault } from "../../native/records.ts";
import { readEntry, SEAL_ENTRY_BYTES, writeEntry } from "../../native/seal-entry.ts";
import { readSeals, sealPath, systemSealStorage } from "../../native/seal-log.ts";
import { wire } from "../../schemas/messages.ts";
import { journalStream, journalSubject } from "../../schemas/subjects.ts";
import { readChain } from "../../test/support/chain.ts";
import { MarketCell } from "../../test/support/market-cell.ts";
import { seed } from "../../test/support/seed.ts";
import { checkChain } from "./chain-check.ts";

const test = suite("chain of a write-ahead log");

interface Written {
  readonly folder: string;
  readonly broker: MemoryBroker;
  readonly records: number;
}

async function trade(cell: MarketCell, from: number, count: number): Promise<void> {
  const { SIDE_BUY: buy, SIDE_SELL: sell } = wire.market.v1.Side;
  const { ORDER_TYPE_LIMIT: orderType } = wire.market.v1.OrderType;
  const { TIME_IN_FORCE_DAY: timeInForce } = wire.market.v1.TimeInForce;
  for (let number = from; number < from + count; number += 2) {
    const commands = [number, number + 1].map((each, index) => ({
      number: each,
      account: 7,
      place: { side: index === 0 ? buy : sell, orderType, timeInForce, price: 500, quantity: 10 },
    }));
    const reply = await cell.submit({ session: 3, commands });
    assert.is(reply.refusal, null);
  }
}

/** A log of two lives of a cell: a block for each two orders, and a fence for each life. */
async function write(): Promise<Written> {
  const folder = mkdtempSync(join(tmpdir(), "chain-check-"));
  const first = await MarketCell.open({ directory: folder });
  await trade(first, 1, 20);
  await first.stop();
  const again = await MarketCell.open({ directory: folder, broker: first.broker });
  await trade(again, 21, 20);
  const { matched } = await again.status();
  await again.stop();
  return { folder, broker: first.broker, records: matched };
}

const written = await write();

async function onCopy(body: (folder: string) => Promise<void>): Promise<void> {
  const copy = mkdtempSync(join(tmpdir(), "chain-check-copy-"));
  await cp(written.folder, copy, { recursive: true });
  try {
    await body(copy);
  } finally {
    await rm(copy, { recursive: true });
  }
}

/** Changes one bit of the command in a record, and its checksum so that the record is whole. */
async function change(folder: string, record: number, random: SeededRandomness): Promise<void> {
  const path = segmentPath(folder, 1);
  const bytes = await readFile(path);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const at = (record - 1) * RECORD_BYTES;
  const place = at + 32 + random.below(RECORD_BYTES - 32);
  bytes[place] = (bytes[place] ?? 0) ^ (1 << random.below(8));
  view.setUint32(at, crc32c(view, at + 4, at + RECORD_BYTES), true);
  assert.is(recordFault(view, at), null);
  await writeFile(path, bytes);
}

test("B6.3 the seals of a log are the accepted chain, and every hash is that of the records", async () => {
  const { report } = await checkChain(written.folder);
  const chain = readChain(written.broker, journalStream("atlas", 0), journalSubject("TEST"));
  assert.is(report.fault, null);
  assert.is(report.fences, 2);
  assert.ok(report.blocks >= 20, `${report.blocks} blocks`);
  assert.equal([report.first, report.last], [1, written.records]);
  assert.is(report.hash, Buffer.from(chain.hash).toString("hex"));
});

test("B6.3 a changed record whose checksum was made right is found, and its block is named", async () => {
  const first = seed(4_700);
  for (let round = 0; round < 20; round += 1) {
    const random = seededRandomness(first + round);
    await onCopy(async (folder) => {
      const record = 1 + random.below(written.records);
      await change(folder, record, random);
      await recoverLog(
        systemLogStorage,
        () => Promise.resolve(),
        folder,
        () => {},
        {
          repairs: false,
        },
      );
      const { report } = await checkChain(folder);
      const label = `SEED=${first + round} record ${record}: ${JSON.stringify(report)}`;
      assert.match(report.fault ?? "", /was changed after it was sealed/, label);
      const bad = report.badBlock ?? { first: 0, last: 0 };
      assert.ok(bad.first <= record && record <= bad.last, label);
    });
  }
});

test("B6.3 a block that was sealed anew over changed records does not fit the blocks behind it", () =>
  onCopy(async (folder) => {
    await change(folder, 4, seededRandomness(1));
    const path = sealPath(folder);
    const seals = await readFile(path);
    const view = new DataView(seals.buffer, seals.byteOffset, seals.byteLength);
    const { entries } = await readSeals(systemSealStorage, folder);
    const index = entries.findIndex((seal) => seal.type === "block" && seal.last >= 4);
    const seal = readEntry(view, index * SEAL_ENTRY_BYTES);
    assert.ok(seal?.type === "block");
    const segment = await readFile(segmentPath(folder, 1));
    const records = segment.subarray((seal.first - 1) * RECORD_BYTES, seal.last * RECORD_BYTES);
    seals.fill(0, index * SEAL_ENTRY_BYTES, (index + 1) * SEAL_ENTRY_BYTES);
    writeEntry(view, index * SEAL_ENTRY_BYTES, { ...seal, hash: blockHash({ ...seal, records }) });
    await writeFile(path, seals);
    const { report } = await checkChain(folder);
    assert.match(report.fault ?? "", /does not continue any message before it/);
    assert.is(report.badBlock?.first, seal.last + 1);
  }));

test("the seal of a block is on the disk before the block is published", async () => {
  const folder = mkdtempSync(join(tmpdir(), "chain-check-order-"));
  const cell = await MarketCell.open({ directory: folder });
  const unsealed: string[] = [];
  let blocks = 0;
  cell.broker.appendFault = (_, payload) => {
    const message = decodeChainMessage(payload);
    if (message?.type !== "block") return null;
    blocks += 1;
    // The file as it is at this moment; only its content, which was synced before, is looked at.
    const isThere = readFileSync(sealPath(folder)).includes(Buffer.from(message.hash));
    if (!isThere) unsealed.push(`${message.first} to ${message.last}`);
    return null;
  };
  await trade(cell, 1, 8);
  await cell.end();
  await rm(folder, { recursive: true });
  assert.ok(blocks >= 4, `${blocks} blocks`);
  assert.equal(unsealed, []);
});

test("seals that are missing in the middle are named, and a root that is on no chain", async () => {
  const { entries } = await readSeals(systemSealStorage, written.folder);
  await onCopy(async (folder) => {
    const seals = await readFile(sealPath(folder));
    const cut = Buffer.concat([
      seals.subarray(0, 5 * SEAL_ENTRY_BYTES),
      seals.subarray(6 * SEAL_ENTRY_BYTES),
    ]);
    await writeFile(sealPath(folder), cut);
    assert.match((await checkChain(folder)).report.fault ?? "", /does not continue any message/);
  });
  await onCopy(async (folder) => {
    const root = JSON.parse(await readFile(join(folder, "accepted.json"), "utf8")) as object;
    await writeFile(
      join(folder, "accepted.json"),
      JSON.stringify({ ...root, hash: "ab".repeat(32) }),
    );
    assert.match(
      (await checkChain(folder)).report.fault ?? "",
      /accepted root at record \d+ is not/,
    );
  });
  await onCopy(async (folder) => {
    const seals = await readFile(sealPath(folder));
    const at = 3 * SEAL_ENTRY_BYTES + 70;
    seals[at] = (seals[at] ?? 0) ^ 1;
    await writeFile(sealPath(folder), seals);
    const failure = await checkChain(folder).then(
      () => "",
      (error: Error) => error.message,
    );
    assert.match(failure, /seal 4 in .* is broken, but seal 5 behind it is whole/);
  });
  assert.ok(entries.length > 6);
});

test("a log that was cut exactly between two records is refused from its last seal on", async () => {
  for (const lost of [1, 2, 7]) {
    await onCopy(async (folder) => {
      await truncate(segmentPath(folder, 1), (written.records - lost) * RECORD_BYTES);
      const failed = await MarketCell.start({ directory: folder, broker: written.broker });
      const status = await failed.until(({ state }) => state === "failed");
      assert.match(
        status.detail,
        `ends at record ${written.records - lost}, but it went on: it was durable up to ${written.records}`,
      );
      await failed.stop();
    });
  }
});

test("a torn write of seals is left out, and the chain is completed when the market opens", () =>
  onCopy(async (folder) => {
    const seals = await readFile(sealPath(folder));
    const { entries } = await readSeals(systemSealStorage, folder);
    // Of the last two entries, written together, a crash left the second alone.
    const at = (entries.length - 2) * SEAL_ENTRY_BYTES;
    seals.fill(0, at, at + SEAL_ENTRY_BYTES);
    await writeFile(sealPath(folder), seals);
    await rm(join(folder, "accepted.json"));
    const again = await MarketCell.open({ directory: folder, broker: written.broker });
    await again.stop();
    const { report } = await checkChain(folder);
    assert.is(report.fault, null);
    assert.is(report.fences, 3);
  }));

test.after(() => rm(written.folder, { recursive: true }));
test.run();
