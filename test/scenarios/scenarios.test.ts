import { suite } from "uvu";
import * as assert from "uvu/assert";

import { missingCompiler, requireEngineReplay } from "../differential/comparison.ts";
import { testUnless } from "../support/skip.ts";
import { loadCases } from "./case-files.ts";
import type { Case } from "./case-files.ts";
import { playNative, playTwin } from "./play.ts";
import type { Answer, Played } from "./play.ts";
import { rules } from "./rules.ts";
import type { ExpectedEvent, Line } from "./scenario-language.ts";

/** What the acceptance criteria ask for. */
const CASES = 250;

const test = suite("scenarios");
const cases = loadCases();
const played = new Map<Case, Played>();
const wanted = process.env["MERIDIAN_SCENARIO"];
const chosen = cases.filter((one) => wanted === undefined || one.name.includes(wanted));

test("there are at least 250 cases and no two have one name", () => {
  assert.ok(cases.length >= CASES, `${cases.length} cases`);
  const names = cases.map(({ name }) => name);
  assert.equal(
    names.filter((name, index) => names.indexOf(name) !== index),
    [],
  );
});

test("every rule of the engine's page has a case, and every case names rules there are", () => {
  const named = new Set(cases.filter(({ skip }) => skip === null).flatMap((one) => one.rules));
  assert.equal(
    Object.keys(rules).filter((rule) => !named.has(rule)),
    [],
    "rules without a case",
  );
  assert.equal(
    [...named].filter((rule) => rules[rule] === undefined),
    [],
    "rules that are none",
  );
});

for (const one of chosen) {
  testUnless(test, one.skip, `the twin: ${one.name}`, () => {
    const result = playTwin(one);
    played.set(one, result);
    const faults = compare(one, result.answers);
    assert.is(faults.length, 0, `${one.file}: ${one.name}\n${faults.join("\n")}`);
  });
}

testUnless(test, missingCompiler, "the C++ engine plays every case as written", async () => {
  requireEngineReplay();
  const ready = chosen.filter((one) => played.has(one));
  const results = await playNative(
    ready,
    ready.map((one) => (played.get(one) as Played).bytes),
  );
  const failures = ready.flatMap((one, index) => {
    const { answers } = results[index] as Played;
    const twin = (played.get(one) as Played).answers;
    const faults = [...compare(one, answers), ...compareDigests(twin, answers)];
    return faults.length === 0 ? [] : [`${one.file}: ${one.name}\n${faults.join("\n")}`];
  });
  assert.is(failures.length, 0, `${failures.length} cases\n${failures.join("\n")}`);
});

/** Where the answers are not what the case says, in words. */
function compare(one: Case, answers: readonly Answer[]): string[] {
  const faults: string[] = [];
  let next = 0;
  for (const line of one.lines) {
    if (line.is === "command") {
      const answer = answers[next] as Answer;
      next += 1;
      const got = answer.events.filter(({ kind }) => !one.ignored.has(kind));
      if (!agree(line.events, got, line.open)) {
        faults.push(`  ${line.text}\n    expected ${show(line.events)}\n    got      ${show(got)}`);
      }
    } else {
      const state = answers[next - 1] as Answer;
      const fault = check(line, state);
      if (fault !== null) faults.push(`  after command ${next}: ${line.text}\n    got ${fault}`);
    }
    // What follows a difference only repeats it.
    if (faults.length > 0) break;
  }
  return faults;
}

function agree(
  expected: readonly ExpectedEvent[],
  got: readonly ExpectedEvent[],
  open: boolean,
): boolean {
  if (open ? got.length < expected.length : got.length !== expected.length) return false;
  return expected.every((event, index) => {
    const other = got[index] as ExpectedEvent;
    if (event.kind !== other.kind) return false;
    return [...event.fields].every(
      ([name, value]) => value === "*" || other.fields.get(name) === value,
    );
  });
}

/** Null when the state is what the line says; else what it is. */
function check(line: Exclude<Line, { is: "command" }>, state: Answer): string | null {
  switch (line.is) {
    case "book": {
      if (state.book === null) return null;
      const got = state.book[line.side];
      return got.join() === line.orders.join() ? null : got.join(", ") || "-";
    }
    case "open":
      return state.openOrders === line.count ? null : String(state.openOrders);
    case "work":
      return state.hasWork === line.left ? null : state.hasWork ? "yes" : "no";
    case "id": {
      const id = state.ids.get(line.order) ?? 0;
      return id === line.id ? null : `${Math.floor(id / 2 ** 24)}:${id % 2 ** 24}`;
    }
  }
}

/** The book of the C++ engine is not seen; its digest is, and the twin's book was compared. */
function compareDigests(twin: readonly Answer[], native: readonly Answer[]): string[] {
  const index = twin.findIndex((answer, at) => answer.digest !== native[at]?.digest);
  if (index < 0) return [];
  const events = (native[index] as Answer).events;
  return [`  command ${index + 1}: the digest is not the twin's\n    got      ${show(events)}`];
}

function show(events: readonly ExpectedEvent[]): string {
  const LONGEST = 12;
  const told = events
    .slice(0, LONGEST)
    .map(({ kind, fields }) =>
      [kind, ...[...fields].map(([name, value]) => `${name}=${value}`)].join(" "),
    );
  if (events.length > LONGEST) told.push(`and ${events.length - LONGEST} more`);
  return told.join("\n             ") || "nothing";
}

test.run();
