import { AsyncLocalStorage } from "node:async_hooks";

import type {
  ActorDefinition,
  ActorSystem,
  DeadLetterStore,
  KernelCounters,
  NodeView,
  TreeNode,
  TreeRow,
} from "./actor.ts";
import type { Addressee } from "./actor-ref.ts";
import { type ActorFailure, type Exit, type ExitReason, summary } from "./exit.ts";
import type { Linked, Links } from "./links.ts";
import type { MachineHosts } from "./machine-host.ts";
import type { Clock } from "./ports/clock.ts";
import type { Log } from "./ports/log.ts";
import { type Failure, type Result, refuse, unreachable } from "./result.ts";
import { messageText } from "./dead-letters.ts";
import type { SeededRandomness } from "./seeded-randomness.ts";
import type { DurationNs } from "./units.ts";
import type { Condition, TreeChanges, Vitals } from "./vitals.ts";

/** What all nodes of one actor system share. */
export interface Runtime {
  readonly clock: Clock;
  readonly randomness: SeededRandomness;
  readonly log: Log;
  readonly system: ActorSystem;
  readonly definitions: ReadonlyMap<string, ActorDefinition>;
  readonly deadLetters: DeadLetterStore;
  readonly counters: Counters;
  readonly watchers: Watchers;
  readonly links: Links;
  readonly machines: MachineHosts;
  /** Every node by path. */
  readonly nodes: Map<string, TreeMember>;
  readonly changes: TreeChanges;
}

/** What a start came to. After a failed one `released` resolves when what had started has ended. */
export type StartOutcome =
  | {
      readonly ok: true /** Its create found nothing to do: it does not run. */;
      readonly ignored: boolean;
    }
  | { readonly ok: false; readonly failure: ActorFailure; readonly released: Promise<void> };

/**
 * Where a child stands with its supervisor. `exited` is the moment between its end and its
 * supervisor's answer; `restarting` waits for its turn or its back-off; `stopped` stays so until
 * somebody starts or deletes it.
 */
export type Status = "running" | "stopping" | "exited" | "restarting" | "stopped";

/** A node of the tree: an actor or a supervisor. It outlives its incarnations. */
export interface TreeMember extends NodeView {
  readonly vitals: Vitals;
  /** Kept by the supervisor above. */
  status: Status;
  /** Where messages go; null for a supervisor. */
  readonly addressee: Addressee | null;
  start(): StartOutcome;
  /** Ends it within its specification's shutdown time; resolves when it has, undefined when it has already. */
  stop(): Promise<void> | undefined;
  kill(): void;
  /** It will not be started again before somebody asks: what waits for it is answered and put away. */
  retire(): void;
  /** retire(), and its path is free again. */
  remove(): void;
  /** The end of links to the incarnation that runs; undefined when none does. */
  life(): Linked | undefined;
  collect(into: TreeNode[]): void;
}

export interface ExitListener {
  /** Told by a node to its supervisor, for every end of a started incarnation that it was not asked for. */
  childExited(member: TreeMember, reason: ExitReason): void;
}

export class Counters {
  starts = 0;
  restarts = 0;
  /** By type of the child; types are those of definitions, so there are few. */
  readonly restartsByType = new Map<string, number>();
  failures = 0;
  escalations = 0;
  autoShutdowns = 0;
  delivered = 0;
  parked = 0;
  lateErrors = 0;
  readonly refusals = new Map<string, number>();

  restarted(type: string): void {
    this.restarts += 1;
    this.restartsByType.set(type, (this.restartsByType.get(type) ?? 0) + 1);
  }

  /** A refusal, counted under its code. */
  refuse(
    code: string,
    reason: string,
    next: string,
  ): { readonly ok: false; readonly failure: Failure } {
    this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
    return refuse(code, reason, next);
  }

  read(): KernelCounters {
    const { starts, restarts, failures, escalations, autoShutdowns } = this;
    const { delivered, parked, lateErrors } = this;
    return {
      starts,
      restarts,
      failures,
      escalations,
      autoShutdowns,
      delivered,
      parked,
      lateErrors,
      restartsByType: Object.fromEntries(this.restartsByType),
      refusals: Object.fromEntries(this.refusals),
    };
  }
}

/** Death watches by path. */
export class Watchers {
  readonly #byPath = new Map<string, Set<(exit: Exit) => void>>();

  add(path: string, callback: (exit: Exit) => void): () => void {
    const callbacks = this.#byPath.get(path) ?? new Set();
    // Bound to whoever watches: what it does about the exit is not the doing of who ended.
    const entry = AsyncLocalStorage.bind((exit: Exit): void => callback(exit));
    callbacks.add(entry);
    this.#byPath.set(path, callbacks);
    return () => {
      callbacks.delete(entry);
      if (callbacks.size === 0 && this.#byPath.get(path) === callbacks) this.#byPath.delete(path);
    };
  }

  /** Each callback runs on its own, after what is under way: its error stays its own. */
  tell(exit: Exit): void {
    const callbacks = this.#byPath.get(exit.path);
    if (callbacks === undefined) return;
    for (const callback of callbacks) queueMicrotask(() => callback(exit));
  }

  /** Paths with a watch. */
  get size(): number {
    return this.#byPath.size;
  }
}

/** Counts, logs, keeps and tells an end; for actors and supervisors alike. */
export function announceExit(
  runtime: Runtime,
  member: TreeMember,
  reason: ExitReason,
  cause: { readonly message?: unknown; readonly because?: string } = {},
): void {
  const { path, incarnation } = member;
  member.vitals.ended({
    atUnixMs: unixMs(runtime.clock),
    incarnation,
    reason,
    message: cause.message === undefined ? "" : messageText(cause.message),
    because: cause.because ?? "",
  });
  if (reason.kind === "failed") {
    runtime.counters.failures += 1;
    runtime.log.error({ actor: path, incarnation, failure: reason.failure }, summary(reason));
  } else if (reason.kind === "killed") {
    runtime.log.warn({ actor: path, incarnation }, "killed");
  }
  const exit: Exit = { path, incarnation, reason };
  runtime.watchers.tell(exit);
  runtime.links.tell(exit);
}

export const unixMs = (clock: Clock): number => Number(clock.now() / 1_000_000n);

/** A supervisor's word about a child in the words of those who look at the tree. */
export function conditionOf(status: Status, state: string, failed: boolean): Condition {
  switch (status) {
    case "running":
      return state === "failed" || state.startsWith("failed.") ? "failed" : "running";
    case "exited":
    case "restarting":
      return "restarting";
    case "stopping":
      return "stopping";
    case "stopped":
      return failed ? "failed" : "stopped";
    default:
      return unreachable(status);
  }
}

export function rowOf(
  node: Pick<NodeView, "path" | "spec" | "stateNow" | "incarnation" | "waiting" | "vitals">,
  children: number,
  lastFailure: string,
  now: DurationNs,
): TreeRow {
  const { path, spec, stateNow, incarnation, waiting, vitals } = node;
  return {
    path,
    type: spec.type,
    state: stateNow,
    restarts: Math.max(incarnation - 1, 0),
    mailbox: waiting,
    lastFailure,
    condition: vitals.condition,
    recentRestarts: vitals.recentRestarts(now),
    children,
    below: vitals.counts(now),
  };
}

/** Refusal for a path where nothing takes messages or calls. */
export function notFound(
  runtime: Runtime,
  path: string,
): Result<never> & { readonly ok: false; readonly failure: Failure } {
  return runtime.counters.refuse(
    "not_found",
    `nothing runs at ${path}`,
    "list the tree and use one of its paths",
  );
}
