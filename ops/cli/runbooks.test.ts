import { suite } from "uvu";
import * as assert from "uvu/assert";

import { findingRules } from "../../actors/incident/findings.ts";
import { alerts } from "../observe/rule-files.ts";
import { createProgram } from "./program.ts";
import { faultOf, filled, parseRunbook, readRunbooks } from "./runbooks.ts";

const test = suite("runbooks");

const runbooks = readRunbooks();
const program = createProgram();
const stepOf = (line: string, phase: "check" | "do" | "verify" = "check") => ({
  phase,
  line,
  within: 0,
});

test("B1.5 B8.1 every kind of incident and every alert has a runbook, and every runbook leads from one", () => {
  const named = [
    ...Object.values(findingRules).map(({ runbook }) => runbook),
    ...alerts.map(({ runbook }) => runbook),
  ];
  const there = runbooks.map(({ id }) => id);
  assert.equal(
    named.filter((id) => !there.includes(id)),
    [],
    "an alert without a runbook",
  );
  assert.equal(
    there.filter((id) => !named.includes(id)),
    [],
    "a runbook that nothing leads to",
  );
  assert.is(new Set(there).size, there.length);
});

test("B1.5 every step is a command of this program with options that it has", () => {
  const faults = runbooks.flatMap(({ id, steps }) =>
    steps.flatMap((step) => {
      const fault = faultOf(program, step);
      return fault === null ? [] : [`${id}: ${fault}`];
    }),
  );
  assert.equal(faults, []);
});

test("B1.5 every runbook checks something and says how to see that it helped", () => {
  for (const { id, steps } of runbooks) {
    for (const phase of ["check", "verify"]) {
      assert.ok(
        steps.some((step) => step.phase === phase),
        `${id} has no ${phase}`,
      );
    }
    const order = steps.map((step) => ["check", "do", "verify"].indexOf(step.phase));
    assert.equal(order, order.toSorted(), `${id}: check, do, verify`);
  }
});

test("B1.5 a step that is no command, that hides another user, or that changes things in a check is a fault", () => {
  const faulty = [
    stepOf("df -h /"),
    stepOf("npx meridian statsu"),
    stepOf("npx meridian region"),
    stepOf("npx meridian status --redy"),
    stepOf("npx meridian status --as operator"),
    stepOf("npx meridian up", "do"),
    stepOf("npx meridian runbook run RB-01", "do"),
    stepOf("npx meridian region failover a --to b --confirm a", "verify"),
  ];
  for (const step of faulty) assert.is.not(faultOf(program, step), null, step.line);
  assert.is(
    faultOf(program, stepOf("npx meridian region failover a --to b --confirm a", "do")),
    null,
  );
});

test("a file that is no runbook is a fault that names it", () => {
  assert.throws(() => parseRunbook("RB-1-x.md", "# RB-1: x\n"), /RB-1-x\.md/);
  assert.throws(() => parseRunbook("RB-11-x.md", "# RB-12: x\n"), /RB-11-x\.md/);
  assert.throws(
    () => parseRunbook("RB-11-x.md", "# RB-11: x\n```meridian undo\nnpx meridian status\n```\n"),
    /RB-11-x\.md.*undo/,
  );
});

test("a value fills its place as one word, whatever is in it, and one that lacks is named", () => {
  const step = stepOf('npx meridian market halt <market> --reason "by <who>"', "do");
  const values = new Map([
    ["market", "A; rm -rf /"],
    ["who", "x y"],
  ]);
  assert.equal(filled(step, values), {
    ok: true,
    value: ["market", "halt", "A; rm -rf /", "--reason", "by x y"],
  });
  const lacking = filled(step, new Map([["market", "A"]]));
  assert.ok(!lacking.ok && lacking.failure.reason.includes("<who>"));
});

test.run();
