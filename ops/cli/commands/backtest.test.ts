import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { repository } from "../data-folder.ts";

const test = suite("meridian backtest");
const folder = mkdtempSync(join(tmpdir(), "meridian-test-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

/**
 * A minute around 50.00: each second two orders of 40 and later one of 25 behind one of them, which is
 * executed after the 40 before it.
 */
function session(): string {
  const rows: string[] = [];
  for (let second = 0; second < 60; second += 1) {
    const at = (part: number): string => (34_200 + second + part).toFixed(9);
    const base = 3 * second;
    const [bid, ask] = [500_000 + 100 * (second % 3), 500_300 + 100 * (second % 3)];
    const buy = `${base + 1},40,${bid},1`;
    const sell = `${base + 2},40,${ask},-1`;
    const [hit, other] = second % 2 === 0 ? [buy, sell] : [sell, buy];
    const late = second % 2 === 0 ? `${base + 3},25,${bid},1` : `${base + 3},25,${ask},-1`;
    rows.push(`${at(0.1)},1,${buy}`, `${at(0.2)},1,${sell}`, `${at(0.4)},1,${late}`);
    rows.push(`${at(0.7)},4,${hit}`, `${at(0.75)},4,${late}`, `${at(0.8)},3,${other}`);
  }
  return rows.join("\n");
}

const file = join(folder, "TEST_2026-01-05_34200000_34260000_message_deep.csv");
writeFileSync(file, session());

function meridian(...words: readonly string[]) {
  return spawnSync(
    process.execPath,
    [join(repository, "ops", "cli", "main.ts"), "backtest", ...words],
    {
      encoding: "utf8",
    },
  );
}

const options = [
  "--engine",
  "portable",
  "--strategy",
  "touch",
  "--depth",
  "0",
  "--quantity",
  "10",
  "--inventory-bound",
  "20",
];

test("the report is the golden one, and its plots are written where they are asked for", () => {
  const plots = join(folder, "plots");
  const shown = meridian(file, ...options, "--plots", plots);
  assert.is(shown.stderr, "");
  assert.is(shown.status, 0);
  assert.equal(
    shown.stdout
      .replaceAll(folder, "")
      .split("\n")
      .map((line) => line.trimEnd()),
    readFileSync(join(repository, "ops", "cli", "commands", "backtest.golden.txt"), "utf8").split(
      "\n",
    ),
  );
  for (const name of ["profit", "inventory", "markouts"]) {
    const path = join(plots, `${name}.svg`);
    assert.ok(existsSync(path));
    assert.match(readFileSync(path, "utf8"), /^<svg .*<polyline .*<\/svg>\n$/s);
  }
});

test("JSON has the same report", () => {
  const { stdout, status } = meridian(file, ...options, "-o", "json");
  assert.is(status, 0);
  const { report } = JSON.parse(stdout) as {
    report: { fills: { count: number; lots: number }; profit: number };
  };
  assert.equal(
    [report.fills.count, report.fills.lots, report.profit.toFixed(2)],
    [60, 600, "8.75"],
  );
});

test("a file that is missing, or holds no session, is a refusal that says so", () => {
  const missing = meridian(join(folder, "nowhere.csv"));
  assert.is(missing.status, 1);
  assert.match(missing.stderr, /file_unreadable: .*nowhere\.csv/);
  const text = join(folder, "text.csv");
  writeFileSync(text, "no session at all\n");
  const other = meridian(text, "--engine", "portable");
  assert.is(other.status, 1);
  assert.match(other.stderr, /file_format: no line of .*text\.csv is about an order/);
  const bound = meridian(
    file,
    "--engine",
    "portable",
    "--quantity",
    "10",
    "--inventory-bound",
    "5",
  );
  assert.match(bound.stderr, /out_of_range: inventoryBound = 5/);
});

test.run();
