import type { AnyStateMachine, EventFromLogic, InputFrom, SnapshotFrom } from "xstate";

import type { ChildSpec, DynamicChild } from "./child-spec.ts";
import type { Exit, ExitReason } from "./exit.ts";
import type { Clock } from "./ports/clock.ts";
import type { Log } from "./ports/log.ts";
import type { Randomness } from "./ports/randomness.ts";
import type { Result } from "./result.ts";
import type { DurationNs } from "./units.ts";
import type { Condition, TreeCounts, Vitals } from "./vitals.ts";

/**
 * What an actor author writes: one of these per actor type, registered with the actor system under
 * `type`. Ports (engine, bus, event log) are closed over by the function that makes the definition.
 */
export interface ActorDefinition<
  Start = unknown,
  Message = unknown,
  Reply = unknown,
  Machine extends AnyStateMachine = AnyStateMachine,
> {
  readonly type: string;
  readonly mailbox: MailboxPolicy;
  /**
   * Called at every start and restart. Quick and synchronous; what takes time belongs in `restore`.
   * A throw is a failed start. Null: there is nothing to do now; the child keeps its place, stopped,
   * and its supervisor goes on as after a success (OTP's `ignore`).
   */
  create(
    context: ActorContext<Message, Machine>,
    start: Start,
  ): ActorBehaviour<Message, Reply, Machine> | null;
}

export interface MailboxPolicy {
  /** Most messages waiting, in work or not yet answered; one more is refused `busy`. */
  readonly capacity: number;
  /** Whether waiting messages survive a restart; `drop` moves them to dead letters. */
  readonly onRestart: "keep" | "drop";
  /** A message whose processing ended with the actor's failure this many times is parked (>= 1). */
  readonly parkAfter: number;
  /** Most system messages waiting (see ActorRef.signal); they take no room of others. Absent: 16. */
  readonly signals?: number;
}

/** A running actor: its lifecycle machine, and what it does with a message. */
export interface ActorBehaviour<Message, Reply, Machine extends AnyStateMachine> {
  /** The lifecycle: started by the kernel; a final state is a normal exit, an error a failure. */
  readonly machine: Machine;
  readonly input: InputFrom<Machine>;
  /** Runs before the first message, which waits for it; a rejection fails the actor. */
  restore?(): Promise<void>;
  /**
   * Handles one message. With a promise the next message waits until it settles; a throw or a
   * rejection fails the actor, and the message is tried again after the restart (see parkAfter).
   * `reply` answers an ask, now or later, but before the actor ends; without an asker it does nothing.
   */
  receive(message: Message, reply: (reply: Reply) => void): void | Promise<void>;
  /** Of an event-sourced actor: its last events, newest last, at most `count`. For people who look. */
  recentEvents?(count: number): Promise<readonly RecentEvent[]>;
  /** Asked to stop (never after a failure or with brutal_kill): finish or give up work under way. */
  terminate?(reason: ExitReason): void | Promise<void>;
}

/**
 * What the kernel gives an actor. Everything started through it ends with the actor, and after the
 * end nothing more can be started. A promise that the actor's own code awaits goes on, though: before
 * it writes anything it has to look at `signal`.
 */
export interface ActorContext<
  Message = unknown,
  Machine extends AnyStateMachine = AnyStateMachine,
> {
  readonly path: string;
  readonly id: string;
  /** 1 at the first start, one more with each restart. */
  readonly incarnation: number;
  readonly clock: Clock;
  readonly randomness: Randomness;
  readonly log: Log;
  /** Aborted when the actor ends, whatever the reason. */
  readonly signal: AbortSignal;
  readonly system: ActorSystem;
  /** The lifecycle machine; inside `create` only its `onTransition` is usable. */
  readonly lifecycle: Lifecycle<Machine>;
  /** This actor, for messages to itself. */
  readonly self: ActorRef<Message, never>;
  /** Asynchronous work: its rejection is this actor's failure. Ignored once the actor has ended. */
  run(work: (signal: AbortSignal) => Promise<void>): void;
  /** One timer; the returned function cancels it. A throw in the callback is this actor's failure. */
  after(delay: DurationNs, callback: () => void): () => void;
  /**
   * Wraps a callback for a port (a subscription, an event source): runs as this actor, a throw or
   * rejection is its failure, and does nothing once this incarnation has ended.
   */
  callback<Arguments extends readonly unknown[]>(
    body: (...values: Arguments) => void | Promise<void>,
  ): (...values: Arguments) => void;
  /** Runs when this incarnation ends, also by a failure, in reverse order of registration. */
  onExit(release: () => void): void;
  /** Death watch: tells every exit of the path from now on, also a stop; `noproc` at once when nothing is there. */
  watch(path: string, callback: (exit: Exit) => void): () => void;
  /**
   * One-shot death watch of the present incarnation: tells its exit once, `noproc` when none runs.
   */
  monitor(path: string, callback: (exit: Exit) => void): () => void;
  /**
   * Ties this incarnation to the one that runs at the path: when one ends other than normally, the
   * other ends for the same reason, unless it traps exits. No incarnation there counts as one that
   * has ended, `noproc`. A supervisor never ends for a link; its end reaches those linked to it.
   */
  link(path: string): void;
  unlink(path: string): void;
  /** From now on exits of linked actors, normal ones too, come here and end nothing; null undoes it. */
  trapExits(callback: ((exit: Exit) => void) | null): void;
  /**
   * Inside `receive`: puts the message in work aside until unstash(); it takes room in the mailbox
   * meanwhile, and comes back by itself when the actor restarts.
   */
  stash(): void;
  /** What was put aside comes next, oldest first. */
  unstash(): void;
  /**
   * Calls back when no message was worked on for `delay`, and again after each such span, until
   * called with null or by the next call. Ends with this incarnation.
   */
  receiveTimeout(delay: DurationNs | null, callback?: () => void): void;
  /** Puts a message this actor does not understand into the dead letters. */
  unknown(message: unknown): void;
}

/** The actor's lifecycle machine as its own code sees it. */
export interface Lifecycle<Machine extends AnyStateMachine = AnyStateMachine> {
  /** An event that the present state does not take goes to the dead letters; after the end it is nothing. */
  send(event: EventFromLogic<Machine>): void;
  snapshot(): SnapshotFrom<Machine>;
  /** State as dotted text: `open`, `recovering.reading`. */
  state(): string;
  /** Called after each transition, with the new state. Ends with the actor. */
  onTransition(callback: (state: string) => void): void;
}

/** The address of an actor: holds over restarts. */
export interface ActorRef<Message, Reply> {
  readonly path: string;
  /** Failure codes: busy (mailbox full), not_found (no such actor, or it has ended for good). */
  send(message: Message): Result<void>;
  /**
   * Sends a system message: it is worked on before all ordinary ones, in order among its kind, and a
   * full mailbox does not keep it out. Failure codes: busy (too many of these wait), not_found.
   */
  signal(message: Message): Result<void>;
  /**
   * Sends and waits for the reply. Failure codes: busy, not_found; timeout (ambiguous: it may have
   * been done); internal (the actor failed on it, or ended before it replied: ambiguous too).
   * `lane`: `system` sends it as signal() does; absent: ordinary.
   */
  ask(message: Message, timeout: DurationNs, lane?: Lane): Promise<Result<Reply>>;
}

/** System messages go before ordinary ones and have room of their own. */
export type Lane = "ordinary" | "system";

/** One node of the supervision tree as plain data, for ops.<region>.tree. */
export interface TreeNode {
  readonly path: string;
  readonly type: string;
  /** The lifecycle machine's state, or restarting | stopping | stopped. */
  readonly state: string;
  /** Starts after the first one. */
  readonly restarts: number;
  /** Messages waiting. 0 for supervisors. */
  readonly mailbox: number;
  /** One line about the last failure, empty when there was none. */
  readonly lastFailure: string;
}

/** An event that an actor has kept. */
export interface RecentEvent {
  readonly sequence: number;
  /** 0: unknown. */
  readonly atUnixMs: number;
  readonly type: string;
  /** JSON, cut. */
  readonly detail: string;
}

/** A node as a row of a window. */
export interface TreeRow extends TreeNode {
  readonly condition: Condition;
  /** Its own, in the last ten minutes. */
  readonly recentRestarts: number;
  /** Direct ones. */
  readonly children: number;
  readonly below: TreeCounts;
}

/** What may be read of a node's vitals. */
export type VitalsView = Pick<
  Vitals,
  "condition" | "transitions" | "ends" | "counts" | "nodesBelow" | "recentRestarts"
>;

/**
 * A node for those who look at the tree: reading one costs the same however large the tree is. Holds
 * until the tree changes.
 */
export interface NodeView {
  readonly path: string;
  readonly spec: ChildSpec;
  readonly vitals: VitalsView;
  readonly incarnation: number;
  /** Messages that wait. 0 for supervisors. */
  readonly waiting: number;
  /** As TreeNode.state. */
  readonly stateNow: string;
  /** Children in order of start; none of an actor. */
  childNodes(): Iterable<NodeView>;
  row(): TreeRow;
  /** The machine that runs, null when none does. */
  machineNow(): AnyStateMachine | null;
  recentEvents(count: number): Promise<readonly RecentEvent[]>;
}

/** The tree of one cell and the way to its actors. Nothing here throws on outside input. */
export interface ActorSystem {
  /**
   * Starts the tree from the root's specification. Failure codes: start_failed (a child could not be
   * started; all that had started is stopped again), already_started, definition_invalid.
   */
  start(root: ChildSpec): Promise<Result<void>>;
  /** Stops the tree in reverse order of start. Resolves when everything has ended. */
  stop(): Promise<void>;
  /** Resolves when the root has ended: by stop(), normally, or by an escalation nobody is left to answer. */
  readonly ended: Promise<Exit>;
  /** Failure codes: not_found (no actor of that definition's type at the path). */
  find<Start, Message, Reply, Machine extends AnyStateMachine>(
    definition: ActorDefinition<Start, Message, Reply, Machine>,
    path: string,
  ): Result<ActorRef<Message, Reply>>;
  /**
   * Adds a child to the supervisor at the path and starts it. A supervisor that is idle has done it
   * when this returns; otherwise the call waits its turn. Failure codes: not_found, busy (restarting a
   * group, stopping, full, or too many calls wait), already_started, start_failed, definition_invalid.
   */
  startChild(supervisor: string, spec: ChildSpec | DynamicChild): Promise<Result<void>>;
  /**
   * Stops a child; its specification stays, unless it is temporary or of a dynamic supervisor. Failure
   * codes: not_found, busy.
   */
  terminateChild(path: string): Promise<Result<void>>;
  /**
   * Starts a stopped child again. Failure codes: not_found, busy, already_started, start_failed,
   * dynamic_child (a dynamic supervisor keeps no stopped children: start it anew).
   */
  restartChild(path: string): Promise<Result<void>>;
  /** Forgets a stopped child. Failure codes: not_found, busy, still_running, dynamic_child. */
  deleteChild(path: string): Promise<Result<void>>;
  /** The children of a supervisor, in order of start. Failure code: not_found. */
  whichChildren(supervisor: string): Result<readonly ChildInfo[]>;
  /** Failure code: not_found. */
  countChildren(supervisor: string): Result<ChildCounts>;
  /** The specification a child was given. Failure code: not_found. */
  childSpec(path: string): Result<ChildSpec>;
  /** Death watch from outside the tree; see ActorContext.watch. */
  watch(path: string, callback: (exit: Exit) => void): () => void;
  /** Every node, parents before children, children in order of start. */
  tree(): readonly TreeNode[];
  /** The node at the path, the root without one; null when there is none. */
  node(path?: string): NodeView | null;
  /** Rises with every change of the tree: a node more or less, another state, a restart. */
  readonly changes: number;
  readonly deadLetters: DeadLetterStore;
  counters(): KernelCounters;
  sizes(): KernelSizes;
}

/** A child as its supervisor sees it. */
export interface ChildInfo {
  readonly id: string;
  readonly type: string;
  readonly kind: "worker" | "supervisor";
  readonly status: "running" | "stopping" | "restarting" | "stopped";
  /** 0 before the first start. */
  readonly incarnation: number;
}

export interface ChildCounts {
  /** All children, running or not. */
  readonly specs: number;
  /** Those that run. */
  readonly active: number;
  readonly supervisors: number;
  readonly workers: number;
}

/** How much the kernel holds now: what grows here without the tree growing is a leak. */
export interface KernelSizes {
  readonly nodes: number;
  /** Paths with a death watch. */
  readonly watched: number;
  /** Paths with a link. */
  readonly linked: number;
  /** Lifecycle machines of actors. */
  readonly machines: number;
}

export interface KernelCounters {
  readonly starts: number;
  readonly restarts: number;
  readonly restartsByType: Readonly<Record<string, number>>;
  readonly failures: number;
  readonly escalations: number;
  /** Supervisors that ended because a significant child had. */
  readonly autoShutdowns: number;
  readonly delivered: number;
  /** Refused sends and calls by failure code. */
  readonly refusals: Readonly<Record<string, number>>;
  readonly parked: number;
  /** Errors of incarnations that had already ended: reported, nobody to restart. */
  readonly lateErrors: number;
}

/** Why a message found no taker. A full mailbox makes no dead letter: the sender was told `busy`. */
export type DeadLetterReason =
  | "not_found"
  | "unknown_message"
  | "poison"
  | "dropped_at_restart"
  | "actor_ended"
  | "malformed";

export interface DeadLetter {
  /** 1, 2, …; gaps show what was pushed out. */
  readonly number: number;
  readonly path: string;
  readonly reason: DeadLetterReason;
  /** Unix nanoseconds as decimal text. */
  readonly at: string;
  /** The message as JSON, cut at 1 KiB. */
  readonly message: string;
  /** For `poison`: what it did to its actor. */
  readonly failure: string;
}

/** Bounded: the oldest letter makes room, counted in `pushedOut`. */
export interface DeadLetterStore {
  add(path: string, reason: DeadLetterReason, message: unknown, failure?: string): void;
  /** Newest last. */
  list(): readonly DeadLetter[];
  /** All ever added, by reason. */
  counts(): Readonly<Record<string, number>>;
  readonly total: number;
  readonly pushedOut: number;
}
