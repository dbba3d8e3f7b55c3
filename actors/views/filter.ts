import type { NodeView } from "../kernel/actor.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import type { DurationNs } from "../kernel/units.ts";

/** Whether a row is wanted. */
export interface RowFilter {
  /** True: every row is. */
  readonly all: boolean;
  matches(node: NodeView, now: DurationNs): boolean;
}

type Test = (node: NodeView, now: DurationNs) => boolean;

const conditions = ["running", "restarting", "failed", "stopping", "stopped"] as const;
/** Longest filter taken, in characters. */
const textLimit = 256;
export const filterHelp =
  "words that must all hold: /failed /restarting /stopped restarts>N mailbox>N type:T state:S, or a part of the path";

/** Failure code: malformed. */
export function parseFilter(text: string): Result<RowFilter> {
  if (text.length > textLimit) {
    return refuse("malformed", `a filter of ${text.length} characters`, `at most ${textLimit}`);
  }
  const tests: Test[] = [];
  for (const word of text.split(/\s+/).filter((one) => one !== "")) {
    const test = testOf(word);
    if (test === null) {
      return refuse("malformed", `${JSON.stringify(word)} is no filter`, filterHelp);
    }
    tests.push(test);
  }
  return ok({
    all: tests.length === 0,
    matches: (node, now) => tests.every((test) => test(node, now)),
  });
}

/** Null: begins like a rule and is none. */
function testOf(word: string): Test | null {
  const condition = conditions.find((one) => word === `/${one}`);
  if (condition !== undefined) return ({ vitals }) => vitals.condition === condition;
  const [, field = "", comparison = "", digits = ""] =
    /^(restarts|mailbox)([><=])(\d{1,9})$/.exec(word) ?? [];
  const wanted = Number(digits);
  const compare = (value: number): boolean =>
    comparison === ">" ? value > wanted : comparison === "<" ? value < wanted : value === wanted;
  if (field === "restarts") {
    return ({ vitals }, now) => compare(vitals.recentRestarts(now));
  }
  if (field === "mailbox") return ({ waiting }) => compare(waiting);
  if (/^(restarts|mailbox)[><=]/.test(word)) return null;
  if (word.startsWith("type:")) {
    const type = word.slice("type:".length);
    return ({ spec }) => spec.type.includes(type);
  }
  if (word.startsWith("state:")) {
    const state = word.slice("state:".length);
    return ({ stateNow }) => stateNow.includes(state);
  }
  return ({ path }) => path.includes(word);
}
