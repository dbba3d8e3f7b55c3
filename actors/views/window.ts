import type { NodeView, TreeRow } from "../kernel/actor.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import type { DurationNs } from "../kernel/units.ts";
import type { RowFilter } from "./filter.ts";

/** Which rows of a tree, and in which order. */
export interface WindowQuery {
  readonly scope: "subtree" | "children";
  readonly offset: number;
  readonly limit: number;
  readonly filter: RowFilter;
  readonly sort: Sort | null;
}

export const sortKeys = ["path", "restarts", "mailbox", "state"] as const;
export interface Sort {
  readonly key: (typeof sortKeys)[number];
  readonly descending: boolean;
}

export interface Window {
  readonly rows: readonly TreeRow[];
  /** Rows that match, in the window or not. */
  readonly total: number;
}

/** Most rows of one window. */
export const windowLimit = 200;
/** Nodes looked at before others get a turn. */
const turnOfNodes = 4_096;
/** A window of sorted rows begins within the first so many. */
export const sortedLimit = 20_000;

/** Failure code: malformed. */
export function parseSort(text: string): Result<Sort | null> {
  if (text === "") return ok(null);
  const descending = text.startsWith("-");
  const key = sortKeys.find((one) => one === (descending ? text.slice(1) : text));
  if (key === undefined) {
    const known = sortKeys.join(", ");
    return refuse("malformed", `cannot sort by ${JSON.stringify(text.slice(0, 64))}`, known);
  }
  return ok({ key, descending });
}

/**
 * The rows of a window. Without filter and sort whole branches are skipped by their counts; else all
 * nodes are looked at, a few thousand at a time with `pause` in between. Only rows of the window are made.
 */
export async function windowOf(
  branch: NodeView,
  query: WindowQuery,
  now: DurationNs,
  pause: () => Promise<void>,
): Promise<Window> {
  const { scope, filter, sort } = query;
  if (sort !== null) return sorted(branch, { ...query, sort }, now, pause);
  if (!filter.all) return filtered(branch, query, now, pause);
  const total = scope === "subtree" ? branch.vitals.nodesBelow + 1 : branch.row().children;
  if (query.offset >= total) return { rows: [], total };
  const found = scope === "children" ? childWindow(branch, query) : subtreeWindow(branch, query);
  return { rows: found.map((node) => node.row()), total };
}

function childWindow(branch: NodeView, { offset, limit }: WindowQuery): readonly NodeView[] {
  const found: NodeView[] = [];
  let index = 0;
  for (const node of branch.childNodes()) {
    if (found.length === limit) break;
    if (index >= offset) found.push(node);
    index += 1;
  }
  return found;
}

function subtreeWindow(branch: NodeView, { offset, limit }: WindowQuery): readonly NodeView[] {
  const found: NodeView[] = [];
  let skip = offset;
  const visit = (node: NodeView): void => {
    if (found.length === limit) return;
    if (skip > 0) skip -= 1;
    else found.push(node);
    for (const child of node.childNodes()) {
      if (found.length === limit) return;
      const whole = child.vitals.nodesBelow + 1;
      if (skip >= whole) skip -= whole;
      else visit(child);
    }
  };
  visit(branch);
  return found;
}

/** The nodes of a branch one after the other. A generator inside a generator would cost each leaf its levels. */
class Walk {
  readonly #levels: Iterator<NodeView>[] = [];
  readonly #deep: boolean;
  #first: NodeView | null = null;

  constructor(branch: NodeView, scope: WindowQuery["scope"]) {
    this.#deep = scope === "subtree";
    if (this.#deep) this.#first = branch;
    else this.#enter(branch);
  }

  /** Null: there is no more. */
  next(): NodeView | null {
    if (this.#first !== null) {
      const branch = this.#first;
      this.#first = null;
      this.#enter(branch);
      return branch;
    }
    for (let level = this.#levels.at(-1); level !== undefined; level = this.#levels.at(-1)) {
      const found = level.next();
      if (found.done === true) {
        this.#levels.pop();
        continue;
      }
      if (this.#deep && found.value.vitals.nodesBelow > 0) this.#enter(found.value);
      return found.value;
    }
    return null;
  }

  #enter(node: NodeView): void {
    this.#levels.push(node.childNodes()[Symbol.iterator]());
  }
}

async function filtered(
  branch: NodeView,
  { scope, filter, offset, limit }: WindowQuery,
  now: DurationNs,
  pause: () => Promise<void>,
): Promise<Window> {
  const rows: TreeRow[] = [];
  let total = 0;
  let looked = 0;
  const walk = new Walk(branch, scope);
  for (let node = walk.next(); node !== null; node = walk.next()) {
    looked += 1;
    if (looked % turnOfNodes === 0) await pause();
    if (!filter.matches(node, now)) continue;
    if (total >= offset && rows.length < limit) rows.push(node.row());
    total += 1;
  }
  return { rows, total };
}

/** Sorts a few thousand at a time and keeps what may still be in the window: no sort is long. */
async function sorted(
  branch: NodeView,
  { scope, filter, offset, limit, sort }: WindowQuery & { readonly sort: Sort },
  now: DurationNs,
  pause: () => Promise<void>,
): Promise<Window> {
  const compare = comparison(sort, now);
  const wanted = offset + limit;
  let best: NodeView[] = [];
  let run: NodeView[] = [];
  let total = 0;
  let looked = 0;
  const merge = (): void => {
    // Stable, so that equal rows stay in the order of the tree.
    best = mergeOf(best, run.sort(compare), compare, wanted);
    run = [];
  };
  const walk = new Walk(branch, scope);
  for (let node = walk.next(); node !== null; node = walk.next()) {
    looked += 1;
    if (looked % turnOfNodes === 0) {
      merge();
      await pause();
    }
    if (!filter.matches(node, now)) continue;
    run.push(node);
    total += 1;
  }
  merge();
  return { rows: best.slice(offset).map((node) => node.row()), total };
}

type Comparison = (one: NodeView, other: NodeView) => number;

function mergeOf(
  best: readonly NodeView[],
  run: readonly NodeView[],
  compare: Comparison,
  wanted: number,
): NodeView[] {
  const merged: NodeView[] = [];
  let left = 0;
  let right = 0;
  while (merged.length < wanted) {
    const one = best[left];
    const other = run[right];
    if (one === undefined && other === undefined) break;
    const takeOther = one === undefined || (other !== undefined && compare(one, other) > 0);
    if (takeOther) right += 1;
    else left += 1;
    merged.push((takeOther ? other : one) as NodeView);
  }
  return merged;
}

function comparison({ key, descending }: Sort, now: DurationNs): Comparison {
  const sign = descending ? -1 : 1;
  const text = (one: string, other: string): number =>
    one === other ? 0 : one < other ? -sign : sign;
  switch (key) {
    case "path":
      return (one, other) => text(one.path, other.path);
    case "state":
      return (one, other) => text(one.stateNow, other.stateNow);
    case "mailbox":
      return (one, other) => sign * (one.waiting - other.waiting);
    case "restarts":
    default:
      return (one, other) =>
        sign * (one.vitals.recentRestarts(now) - other.vitals.recentRestarts(now));
  }
}
