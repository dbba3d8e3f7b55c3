import type { AnyStateMachine } from "xstate";

import type {
  ActorDefinition,
  ActorRef,
  NodeView,
  RecentEvent,
  TreeNode,
  TreeRow,
} from "./actor.ts";
import { type Addressee, PathRef } from "./actor-ref.ts";
import type { ChildSpec } from "./child-spec.ts";
import { type ExitReason, summary } from "./exit.ts";
import { Incarnation, type IncarnationNode } from "./incarnation.ts";
import type { Linked } from "./links.ts";
import { type Answer, type Envelope, Mailbox } from "./mailbox.ts";
import { ok, type Result } from "./result.ts";
import {
  announceExit,
  conditionOf,
  type ExitListener,
  notFound,
  rowOf,
  type Runtime,
  type StartOutcome,
  type Status,
  type TreeMember,
  unixMs,
} from "./runtime.ts";
import { Vitals } from "./vitals.ts";

/** System messages that wait at most, when the definition does not say. */
const defaultSignals = 16;

const started: StartOutcome = { ok: true, ignored: false };
const startIgnored: StartOutcome = { ok: true, ignored: true };

/** An actor's place in the tree: its address, mailbox and history. Incarnations come and go in it. */
export class ActorNode implements TreeMember, IncarnationNode, Addressee {
  readonly path: string;
  readonly spec: ChildSpec;
  readonly definition: ActorDefinition;
  readonly runtime: Runtime;
  readonly mailbox: Mailbox;
  readonly vitals: Vitals;
  incarnation = 0;
  #status: Status = "stopped";
  #failed = false;
  readonly #exited: ExitListener;
  #life: Incarnation | null = null;
  #starting = false;
  #lastFailure = "";

  constructor(
    runtime: Runtime,
    path: string,
    spec: ChildSpec,
    definition: ActorDefinition,
    exited: ExitListener,
    above: Vitals | null,
  ) {
    this.path = path;
    this.vitals = new Vitals(above, runtime.changes);
    this.spec = spec;
    this.definition = definition;
    this.runtime = runtime;
    this.#exited = exited;
    const { capacity, signals } = definition.mailbox;
    this.mailbox = new Mailbox(capacity, signals ?? defaultSignals);
    runtime.nodes.set(path, this);
  }

  get status(): Status {
    return this.#status;
  }

  set status(status: Status) {
    this.#status = status;
    this.#assess();
  }

  get addressee(): Addressee {
    return this;
  }

  start(): StartOutcome {
    if (this.incarnation > 0) {
      if (this.definition.mailbox.onRestart === "drop") this.#drop();
      else this.mailbox.unstash();
    }
    this.incarnation += 1;
    const life = new Incarnation(this, this.incarnation);
    this.#life = life;
    this.#starting = true;
    const beginning = life.begin();
    this.#starting = false;
    if (beginning.kind === "failed") {
      return { ok: false, failure: beginning.failure, released: Promise.resolve() };
    }
    if (beginning.kind === "ignored") return startIgnored;
    this.runtime.counters.starts += 1;
    return started;
  }

  stop(): Promise<void> | undefined {
    const { shutdown } = this.spec;
    if (shutdown !== "brutal_kill") return this.#life?.stop(shutdown);
    this.kill();
    return undefined;
  }

  kill(): void {
    this.#life?.end({ kind: "killed" });
  }

  retire(): void {
    for (const envelope of this.mailbox.clear()) {
      this.runtime.deadLetters.add(this.path, "actor_ended", envelope.message);
      envelope.answer?.refuse(
        "not_found",
        `${this.path} ended before it came to the message`,
        "send it to the actor that took over, or start this one again",
      );
    }
    this.#life = null;
  }

  remove(): void {
    this.retire();
    this.runtime.nodes.delete(this.path);
    this.vitals.leave();
  }

  life(): Linked | undefined {
    return this.#life === null || this.#life.hasEnded ? undefined : this.#life;
  }

  collect(into: TreeNode[]): void {
    into.push({
      path: this.path,
      type: this.spec.type,
      state: this.stateNow,
      restarts: Math.max(this.incarnation - 1, 0),
      mailbox: this.mailbox.size,
      lastFailure: this.#lastFailure,
    });
  }

  get stateNow(): string {
    return this.status === "running" ? (this.#life?.state ?? "stopped") : stateOf(this.status);
  }

  get waiting(): number {
    return this.mailbox.size;
  }

  childNodes(): Iterable<NodeView> {
    return [];
  }

  row(): TreeRow {
    return rowOf(this, 0, this.#lastFailure, this.runtime.clock.monotonic());
  }

  machineNow(): AnyStateMachine | null {
    return this.#life?.machine?.logic ?? null;
  }

  recentEvents(count: number): Promise<readonly RecentEvent[]> {
    return this.#life?.recentEvents(count) ?? Promise.resolve([]);
  }

  stateChanged(from: string, to: string, cause: string): void {
    const { vitals, incarnation } = this;
    vitals.transition({ atUnixMs: unixMs(this.runtime.clock), incarnation, from, to, cause });
    this.#assess();
  }

  #assess(): void {
    const state = this.#life?.state ?? "";
    this.vitals.become(conditionOf(this.#status, state, this.#failed));
  }

  ref(): ActorRef<unknown, unknown> {
    return new PathRef(this.runtime, this.path);
  }

  post(message: unknown, answer: Answer | null, signal: boolean): Result<void> {
    if (this.status === "stopped") {
      this.runtime.deadLetters.add(this.path, "not_found", message);
      return notFound(this.runtime, this.path);
    }
    const life = this.#life;
    const envelope: Envelope = { message, attempts: 0, answer, signal };
    if (!this.mailbox.offer(envelope, life === null ? 0 : life.unanswered)) {
      return this.#busy(signal);
    }
    life?.wake();
    return taken;
  }

  lifeEnded(reason: ExitReason, failedOn: Envelope | null): void {
    this.#lastFailure = summary(reason) || this.#lastFailure;
    if (failedOn !== null) this.#park(failedOn, this.#lastFailure);
    this.#failed = reason.kind === "failed" || reason.kind === "killed";
    announceExit(this.runtime, this, reason, { message: failedOn?.message });
    // A failed or ignored start is the answer to start(); an ordered stop is the answer to stop().
    if (this.#starting && (reason.kind === "failed" || this.#life?.machine === null)) return;
    if (this.status === "running") this.#exited.childExited(this, reason);
  }

  #busy(signal: boolean): Result<void> {
    const { capacity, signals = defaultSignals } = this.definition.mailbox;
    const what = signal ? `${signals} system messages` : `${capacity} messages`;
    return this.runtime.counters.refuse(
      "busy",
      `the mailbox of ${this.path} holds ${what}`,
      "wait for replies, then send again more slowly",
    );
  }

  /** Takes a message out when its actor has failed on it too often. */
  #park(message: Envelope, failure: string): void {
    if (message.attempts < this.definition.mailbox.parkAfter) return;
    this.mailbox.remove(message);
    this.runtime.counters.parked += 1;
    this.runtime.deadLetters.add(this.path, "poison", message.message, failure);
    message.answer?.refuse(
      "internal",
      `${this.path} failed ${message.attempts} times on this message; it was put aside`,
      "do not send it again; report it with the dead letter of this actor",
    );
  }

  #drop(): void {
    for (const envelope of this.mailbox.clear()) {
      this.runtime.deadLetters.add(this.path, "dropped_at_restart", envelope.message);
      envelope.answer?.refuse(
        "internal",
        `${this.path} was restarted and does not keep its mailbox`,
        "send it again",
      );
    }
  }
}

const taken = ok(undefined);

/** What the tree shows of a node without a running machine. */
function stateOf(status: Exclude<Status, "running">): string {
  return status === "exited" ? "restarting" : status;
}
