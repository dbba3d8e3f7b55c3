import { existsSync } from "node:fs";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { unreachable } from "../../actors/kernel/result.ts";
import { buildLine, engineReplay } from "../differential/comparison.ts";
import { testUnless } from "../support/skip.ts";
import { loadCases } from "./case-files.ts";
import type { Case } from "./case-files.ts";
import { playNative, playTwin } from "./play.ts";
import type { Answer } from "./play.ts";
import { rules } from "./rules.ts";
import type { ExpectedEvent, Line } from "./scenario-language.ts";

/** What the acceptance criteria ask for. */
const CASES = 250;

const test = suite("scenarios");
const cases = loadCases();
/** A part of a name: only the cases that have it are played. */
const wanted = process.env["MERIDIAN_SCENARIO"] ?? "";
const chosen = cases.filter((one) => one.name.includes(wanted));

/** Of a case that the twin has played: its commands, and the digest after each. */
interface Played {
  readonly commands: Uint8Array;
  readonly digests: readonly bigint[];
}
const played = new Map<Case, Played>();

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
  testUnless(test, one.skip, `the twin: ${one.file}: ${one.name}`, () => {
    const expected = new Expectation(one);
    const digests: bigint[] = [];
    const commands = playTwin(one, (index, answer) => {
      digests.push(answer.digest);
      expected.judge(index, answer);
    });
    played.set(one, { commands, digests });
    assert.is(expected.fault ?? "", "");
  });
}

const notBuilt = existsSync(engineReplay) ? null : `it is not built; ${buildLine}`;

testUnless(test, notBuilt, "the C++ engine plays every case as it is written", async () => {
  const expectations: Expectation[] = [];
  await playNative(
    [...played].map(([one, { commands, digests }]) => {
      const expected = new Expectation(one);
      expectations.push(expected);
      return {
        case: one,
        commands,
        judge: (index, answer) => expected.judge(index, answer, digests[index]),
      };
    }),
  );
  const faults = expectations.flatMap(({ fault }) => (fault === null ? [] : [fault]));
  assert.is(faults.join("\n"), "", `${faults.length} cases`);
});

/** Compares what an engine says to the commands of a case with what the case says. */
class Expectation {
  readonly #case: Case;
  readonly #lines: readonly Line[];
  /** Of the line that is looked at next. */
  #at = 0;
  /** The first difference in words. */
  fault: string | null = null;

  constructor(one: Case) {
    this.#case = one;
    this.#lines = one.lines();
  }

  /**
   * The lit book of the C++ engine is not seen here; its digest is, and the twin's book is what the
   * case says: `digest` is the twin's.
   */
  judge(index: number, answer: Answer, digest = answer.digest): void {
    if (this.fault !== null) return;
    const line = this.#lines[this.#at] as Line;
    if (line.is !== "command") throw new Error(`"${line.text}" stands before the first command`);
    const got = answer.events.filter(({ kind }) => !this.#case.ignored.has(kind));
    if (!agree(line.events, got, line.open)) {
      this.#differs(index, line, `expected ${show(line.events)}\n    got      ${show(got)}`);
      return;
    }
    if (answer.digest !== digest) {
      this.#differs(index, line, `the digest is not the twin's\n    got      ${show(got)}`);
      return;
    }
    for (this.#at += 1; this.#at < this.#lines.length; this.#at += 1) {
      const next = this.#lines[this.#at] as Line;
      if (next.is === "command") break;
      const is = check(next, answer);
      if (is !== null) this.#differs(index, next, `got ${is}`);
    }
  }

  #differs(index: number, line: Line, how: string): void {
    const { file, name } = this.#case;
    this.fault ??= `\n${file}: ${name}\n  ${index + 1}: ${line.text}\n    ${how}\n  run it alone: MERIDIAN_SCENARIO="${name}" npm test -- scenarios`;
  }
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
      const got = state.book(line.side);
      if (got === null || got.join() === line.orders.join()) return null;
      return got.join(", ") || "-";
    }
    case "open":
      return state.openOrders === line.count ? null : String(state.openOrders);
    case "work":
      return state.hasWork === line.left ? null : state.hasWork ? "yes" : "no";
    case "id": {
      const id = state.ids.get(line.order) ?? 0;
      return id === line.id ? null : `${Math.floor(id / 2 ** 24)}:${id % 2 ** 24}`;
    }
    default:
      return unreachable(line);
  }
}

const EVENTS_SHOWN = 12;

function show(events: readonly ExpectedEvent[]): string {
  const told = events
    .slice(0, EVENTS_SHOWN)
    .map(({ kind, fields }) =>
      [kind, ...[...fields].map(([name, value]) => `${name}=${value}`)].join(" "),
    );
  if (events.length > EVENTS_SHOWN) told.push(`and ${events.length - EVENTS_SHOWN} more`);
  return told.join("\n             ") || "nothing";
}

test.run();
