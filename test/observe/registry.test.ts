import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { dashboardJson } from "../../ops/observe/dashboard.ts";
import { dashboards } from "../../ops/observe/dashboards.ts";
import { recordings } from "../../ops/observe/recordings.ts";
import { alerts } from "../../ops/observe/rule-files.ts";
import { labelBounds } from "../../schemas/metrics/definition.ts";
import { type FamilyName, familyOf, metricFamilies } from "../../schemas/metrics/families.ts";
import { repository } from "../support/shared-data.ts";

const test = suite("the table of metrics");
const names = Object.keys(metricFamilies) as FamilyName[];

const runbookFiles = globSync("ops/runbooks/RB-*.md", { cwd: repository });
const runbooks = new Map(
  runbookFiles.map((file) => [
    /RB-\d\d/.exec(file)?.[0] ?? file,
    readFileSync(join(repository, file), "utf8"),
  ]),
);

/** Words of the shape of a family's name in an expression, without what a histogram adds. */
const familiesIn = (text: string): readonly string[] =>
  (text.match(/\b(?:meridian|process|nodejs)_[a-z0-9_]+/g) ?? []).map((word) =>
    word in metricFamilies ? word : word.replace(/_(bucket|sum|count)$/, ""),
  );

const queries = dashboards.flatMap(({ panels }) =>
  panels.flatMap((panel) => panel.queries.map(({ expr }) => expr)),
);
const expressions = [
  ...queries,
  ...alerts.map(({ expr }) => expr),
  ...recordings.map(({ expr }) => expr),
];

test("B1.4 there are at least 150 families, each with an owner, a unit and a help text", () => {
  assert.ok(names.length >= 150, `${names.length} families`);
  for (const name of names) {
    const { help, owner, unit } = familyOf(name);
    assert.ok(help.length > 10 && !help.endsWith("."), `${name}: ${help}`);
    assert.match(owner, /^(node|(actors|native)\/[a-z_-]+)$/, name);
    assert.ok(unit.length > 0, name);
  }
});

test("B1.4 names end in what they count", () => {
  for (const name of names) {
    const { type, unit } = familyOf(name);
    assert.is(name.endsWith("_total"), type === "counter", name);
    const base = name.replace(/_total$/, "");
    if (unit === "seconds" || unit === "bytes" || unit === "ratio") {
      assert.ok(base.endsWith(`_${unit}`), `${name} is in ${unit}`);
    } else {
      assert.not.match(base, /_(seconds|bytes|ratio)$/, name);
    }
  }
});

test("B1.4 labels are bounded, and so is what a process can show", () => {
  for (const name of names) {
    for (const label of familyOf(name).labels ?? []) {
      assert.ok(labelBounds[label] >= 1 && labelBounds[label] <= 100, `${name} ${label}`);
      assert.not.match(label, /account|order|session|client|member|actor_id/, name);
    }
  }
});

test("B1.4 every family is used by an alert, a dashboard or a runbook", () => {
  const used = new Set([...expressions, ...runbooks.values()].flatMap(familiesIn));
  const idle = names.filter((name) => !used.has(name));
  assert.equal(idle, []);
});

test("what alerts, dashboards and runbooks name exists", () => {
  for (const text of [...expressions, ...runbooks.values()]) {
    for (const family of familiesIn(text))
      assert.ok(family in metricFamilies, `${family}: ${text}`);
  }
  const recorded = new Set(recordings.map(({ record }) => record));
  for (const expression of expressions) {
    for (const name of expression.match(/\bregion(?:_market)?:[a-z0-9_:]+/g) ?? []) {
      assert.ok(recorded.has(name), `${name} is not recorded`);
    }
  }
});

test("B1.5 B8.1 every alert names a runbook that is there, and says what is wrong", () => {
  assert.is(new Set(alerts.map(({ alert }) => alert)).size, alerts.length);
  for (const { alert, runbook, summary } of alerts) {
    assert.ok(runbooks.has(runbook), `${alert}: ${runbook}`);
    assert.match(summary, /^[A-Z].*\.$|names the cause\.$|says why\.$/, alert);
  }
  for (const [runbook, text] of runbooks) {
    for (const part of ["## Check", "## Do", "## Verify"]) assert.ok(text.includes(part), runbook);
  }
});

test("B1.4 dashboards have unique names and panels, and only the variables they define", () => {
  assert.is(new Set(dashboards.map(({ uid }) => uid)).size, dashboards.length);
  for (const dashboard of dashboards) {
    const json = JSON.parse(dashboardJson(dashboard)) as {
      readonly panels: readonly { readonly id: number; readonly gridPos: { readonly x: number } }[];
      readonly templating: { readonly list: readonly { readonly name: string }[] };
    };
    assert.is(new Set(json.panels.map(({ id }) => id)).size, dashboard.panels.length);
    const variables = json.templating.list.map(({ name }) => name);
    for (const { queries: asked } of dashboard.panels) {
      for (const { expr } of asked) {
        for (const [, name = ""] of expr.matchAll(/\$([a-z]+)\b/g)) {
          assert.ok(variables.includes(name), `${dashboard.uid}: $${name}`);
        }
      }
    }
  }
});

test.run();
