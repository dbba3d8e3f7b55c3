import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { findDivergences } from "./divergences.ts";

const test = suite("divergence reports");

const report = {
  market: "BTC-EUR",
  log: "f".repeat(32),
  reason: "record 5 of this log differs from the accepted journal (epoch 3)",
  first: 5,
  last: 7,
  accepted: { lastSequence: 4, epoch: 3, hash: "ab" },
};

function within(check: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "meridian-divergences-"));
  try {
    check(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function write(file: string, text: string, unixSeconds: number): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  utimesSync(file, unixSeconds, unixSeconds);
}

test("B9.7 every report below a data folder is listed with its records, the oldest first", () =>
  within((folder) => {
    const markets = join(folder, "cells", "eu-central", "markets");
    const later = join(markets, "BTC-EUR.diverged-ff");
    const earlier = join(markets, "BTC-USD.diverged-ee");
    write(join(later, "quarantine-5-7.json"), JSON.stringify(report), 2_000_000);
    write(join(later, "quarantine-5-7.0.records"), "", 2_000_000);
    const other = { ...report, market: "BTC-USD", first: 9, last: 9 };
    write(join(earlier, "quarantine-9-9.json"), JSON.stringify(other), 1_000_000);
    const found = findDivergences(folder);
    assert.ok(found.ok);
    assert.equal(
      found.value.map(({ market, first, records, folder: where }) => ({
        market,
        first,
        records,
        where,
      })),
      [
        { market: "BTC-USD", first: 9, records: 1, where: earlier },
        { market: "BTC-EUR", first: 5, records: 3, where: later },
      ],
    );
    assert.is(found.value[0]?.time, "1970-01-12T13:46:40.000Z");
  }));

test("a folder that is none, and a report that cannot be read, are refused by name", () =>
  within((folder) => {
    const missing = findDivergences(join(folder, "nowhere"));
    assert.is(missing.ok ? "" : missing.failure.code, "folder_missing");
    const file = join(folder, "markets", "A.diverged-ff", "quarantine-1-2.json");
    for (const text of ["{", JSON.stringify({ ...report, first: "5" })]) {
      write(file, text, 1);
      const found = findDivergences(folder);
      assert.is(found.ok ? "" : found.failure.code, "report_invalid");
      assert.ok(!found.ok && found.failure.reason.includes(file));
    }
  }));

test.run();
