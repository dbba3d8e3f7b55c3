import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { alerts, ruleFile, ruleTrials } from "../../ops/observe/rule-files.ts";
import { burns, objectives } from "../../ops/observe/slo.ts";
import { type FamilyName, familyOf, metricFamilies } from "../../schemas/metrics/families.ts";
import { missingPrometheus, promtool } from "../support/prometheus.ts";
import { testUnless } from "../support/skip.ts";

const test = suite("rules of Prometheus");
const missing = missingPrometheus();
const folder = mkdtempSync(join(tmpdir(), "meridian-rules-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** Series of a histogram are counters, whatever their suffix. */
function isCounter(series: string): boolean {
  const family = series.replace(/_(bucket|count|sum)$/, "");
  const name = family in metricFamilies ? family : series;
  return name in metricFamilies && familyOf(name as FamilyName).type !== "gauge";
}

function write(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

testUnless(test, missing, "B1.5 B8.1 promtool finds no fault in the rules", () => {
  const region = write("rules.json", ruleFile("5s", "region"));
  const global = write("global-rules.json", ruleFile("5s", "global"));
  const { status, output } = promtool(["check", "rules", region, global]);
  assert.is(status, 0, output);
});

/** Runs the trials, with their rules as `change` makes them. */
function tryAlerts(change: (rules: string) => string, only = ""): ReturnType<typeof promtool> {
  const trials = ruleTrials((alert) => `${alert}.rules.json`, isCounter);
  const tests = trials
    .filter(({ alert }) => only === "" || alert === only)
    .map(({ alert, rules, test: trial }) => {
      write(`${alert}.rules.json`, change(rules));
      return write(`${alert}.test.json`, trial);
    });
  return promtool(["test", "rules", ...tests]);
}

testUnless(
  test,
  missing,
  "B1.5 B8.1 every alert is quiet while all is as usual, fires while it is not, and is over afterwards",
  () => {
    const { status, output } = tryAlerts((rules) => rules);
    assert.is(status, 0, output.replaceAll(/^ *SUCCESS\n?/gm, ""));
  },
);

testUnless(test, missing, "an alert that is given another threshold fails its trial", () => {
  const never = tryAlerts((rules) => rules.replace("_ready == 0", "_ready == 2"), "CellNotReady");
  assert.is(never.status, 1);
  assert.match(never.output, /CellNotReady/);
  const always = tryAlerts((rules) => rules.replace("_ready == 0", "_ready >= 0"), "CellNotReady");
  assert.is(always.status, 1);
});

test("each objective has a fast, a steady and a slow burn alert, each over two windows", () => {
  for (const { name } of objectives) {
    const own = alerts.filter(({ expr }) => expr.includes(`region_market:${name}_errors:`));
    assert.is(own.length, burns.length, name);
    for (const { expr } of own) assert.match(expr, / and /);
  }
  assert.equal(
    burns.map(({ factor, long, short }) => [factor, long, short]),
    [
      [14.4, "1h", "5m"],
      [6, "6h", "30m"],
      [1, "3d", "6h"],
    ],
  );
});

test.run();
