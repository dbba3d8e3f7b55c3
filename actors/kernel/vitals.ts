import type { ExitReason } from "./exit.ts";
import type { DurationNs } from "./units.ts";

/**
 * How a node is doing. `failed`: it does not run and will not by itself, or its machine is in a state
 * `failed`; `restarting`: it waits for its turn or its back-off.
 */
export type Condition = "running" | "restarting" | "failed" | "stopping" | "stopped";

/** Nodes below a branch, supervisors included. */
export interface TreeCounts {
  readonly nodes: number;
  readonly failed: number;
  readonly restarting: number;
  /** In the last ten minutes. */
  readonly recentRestarts: number;
}

/** A change of a node's machine, as it happened. */
export interface Transition {
  readonly atUnixMs: number;
  readonly incarnation: number;
  readonly from: string;
  readonly to: string;
  /** The event, and the message in work when there was one: `drain (message stop)`. */
  readonly cause: string;
}

/** The end of one incarnation: why a node was started again. */
export interface End {
  readonly atUnixMs: number;
  readonly incarnation: number;
  readonly reason: ExitReason;
  /** The message it failed on as JSON, cut; empty when there was none. */
  readonly message: string;
  /** Path of the node whose end led to this one; empty when it was its own. */
  readonly because: string;
}

const transitionsKept = 20;
const endsKept = 5;
const spans = 20;
const spanNs = 30_000_000_000;

/** A count over the last ten minutes, in spans of half a minute. */
export class RecentCount {
  readonly #bySpan = new Uint32Array(spans);
  #newest = 0;
  #sum = 0;

  add(now: DurationNs): void {
    this.#forget(now);
    const index = this.#newest % spans;
    this.#bySpan[index] = (this.#bySpan[index] ?? 0) + 1;
    this.#sum += 1;
  }

  read(now: DurationNs): number {
    this.#forget(now);
    return this.#sum;
  }

  #forget(now: DurationNs): void {
    const span = Math.floor(now / spanNs);
    const passed = Math.min(span - this.#newest, spans);
    for (let step = 1; step <= passed; step += 1) {
      const index = (this.#newest + step) % spans;
      this.#sum -= this.#bySpan[index] ?? 0;
      this.#bySpan[index] = 0;
    }
    this.#newest = Math.max(this.#newest, span);
  }
}

/** What the nodes of one tree share: how often anything in it has changed. */
export interface TreeChanges {
  count: number;
}

interface Below {
  nodes: number;
  failed: number;
  restarting: number;
  recent: RecentCount | null;
}

/**
 * A node's health, and that of the nodes below it, counted as it changes: who looks at a branch of a
 * hundred thousand reads four numbers. A healthy leaf holds no more than its place in the chain.
 */
export class Vitals {
  #above: Vitals | null;
  readonly #changes: TreeChanges;
  #condition: Condition = "stopped";
  #below: Below | null = null;
  #recent: RecentCount | null = null;
  #transitions: Transition[] | null = null;
  #ends: End[] | null = null;

  constructor(above: Vitals | null, changes: TreeChanges) {
    this.#above = above;
    this.#changes = changes;
    changes.count += 1;
    this.#up((below) => {
      below.nodes += 1;
    });
  }

  get condition(): Condition {
    return this.#condition;
  }

  get transitions(): readonly Transition[] {
    return this.#transitions ?? [];
  }

  get ends(): readonly End[] {
    return this.#ends ?? [];
  }

  become(condition: Condition): void {
    const before = this.#condition;
    if (condition === before) return;
    this.#condition = condition;
    this.#changes.count += 1;
    const failed = Number(condition === "failed") - Number(before === "failed");
    const restarting = Number(condition === "restarting") - Number(before === "restarting");
    if (failed === 0 && restarting === 0) return;
    this.#up((below) => {
      below.failed += failed;
      below.restarting += restarting;
    });
  }

  /** It is started again after an end that nobody asked for. */
  restarted(now: DurationNs): void {
    this.#changes.count += 1;
    this.#recent ??= new RecentCount();
    this.#recent.add(now);
    this.#up((below) => {
      below.recent ??= new RecentCount();
      below.recent.add(now);
    });
  }

  transition(transition: Transition): void {
    this.#changes.count += 1;
    this.#transitions ??= [];
    if (this.#transitions.length === transitionsKept) this.#transitions.shift();
    this.#transitions.push(transition);
  }

  ended(end: End): void {
    this.#ends ??= [];
    if (this.#ends.length === endsKept) this.#ends.shift();
    this.#ends.push(end);
  }

  /** Its last end was the doing of another node. */
  blame(path: string): void {
    const last = this.#ends?.pop();
    if (last !== undefined) this.#ends?.push({ ...last, because: path });
  }

  recentRestarts(now: DurationNs): number {
    return this.#recent?.read(now) ?? 0;
  }

  /** As counts().nodes. */
  get nodesBelow(): number {
    return this.#below?.nodes ?? 0;
  }

  counts(now: DurationNs): TreeCounts {
    const { nodes = 0, failed = 0, restarting = 0, recent = null } = this.#below ?? {};
    return { nodes, failed, restarting, recentRestarts: recent?.read(now) ?? 0 };
  }

  /** Its node leaves the tree; those below it have left before. Restarts stay counted: they happened. */
  leave(): void {
    this.become("stopped");
    this.#changes.count += 1;
    this.#up((below) => {
      below.nodes -= 1;
    });
    this.#above = null;
  }

  #up(change: (below: Below) => void): void {
    for (let above = this.#above; above !== null; above = above.#above) {
      above.#below ??= { nodes: 0, failed: 0, restarting: 0, recent: null };
      change(above.#below);
    }
  }
}
