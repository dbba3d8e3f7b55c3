import type { Actor, AnyStateMachine, StateValue } from "xstate";

import type { ActorBehaviour, ActorDefinition, ActorRef, RecentEvent } from "./actor.ts";
import { IncarnationContext } from "./actor-context.ts";
import { currentScope, runAs, type Scope } from "./blame.ts";
import type { ChildSpec } from "./child-spec.ts";
import {
  type ActorFailure,
  type Exit,
  type ExitReason,
  type FailurePhase,
  failureOf,
  linkedExit,
} from "./exit.ts";
import type { Linked } from "./links.ts";
import type { MachineOwner } from "./machine-host.ts";
import type { Answer, Envelope, Mailbox } from "./mailbox.ts";
import type { Runtime } from "./runtime.ts";
import type { DurationNs } from "./units.ts";

/** What an incarnation needs from the node it belongs to. */
export interface IncarnationNode {
  readonly path: string;
  readonly spec: ChildSpec;
  readonly definition: ActorDefinition;
  readonly mailbox: Mailbox;
  readonly runtime: Runtime;
  ref(): ActorRef<unknown, unknown>;
  /** The machine is in another state. */
  stateChanged(from: string, to: string, cause: string): void;
  /** Called once, when the incarnation has ended, with the message it failed on, if any. */
  lifeEnded(reason: ExitReason, failedOn: Envelope | null): void;
}

/**
 * Messages worked on before timers and I/O of the process get a turn. Counted over all deliveries,
 * because actors that answer each other at once would otherwise never let go.
 */
const turnLimit = 128;

/** A change that the machine made by itself: an invoked promise, a raised event. */
const ownDoing = "internal";

/** What begin() came to; a failure is also told to the node. */
export type Beginning =
  | { readonly kind: "begun" }
  | { readonly kind: "ignored" }
  | { readonly kind: "failed"; readonly failure: ActorFailure };

const begun: Beginning = { kind: "begun" };
const ignored: Beginning = { kind: "ignored" };

/**
 * One life of an actor, from create to exit. Whatever it starts through its context ends with it,
 * and whatever goes wrong in it ends it, once.
 */
export class Incarnation implements Scope, Linked, MachineOwner {
  readonly node: IncarnationNode;
  readonly number: number;
  #abort: AbortController | null = null;
  /** Given back at the end, newest first. */
  #releases: Set<() => void> | null = null;
  /** Asks received and not answered yet. */
  #owed: Set<Answer> | null = null;
  #transitionListeners: ((state: string) => void)[] | null = null;
  #behaviour: ActorBehaviour<unknown, unknown, AnyStateMachine> | null = null;
  #machine: Actor<AnyStateMachine> | null = null;
  #host: object | null = null;
  #state = "starting";
  /** What the machine is given at the moment; null until its first start is over: that is no change. */
  #cause: string | null = null;
  #reason: ExitReason | null = null;
  #restored = false;
  #stopping = false;
  #pumpScheduled = false;
  #inTurn = 0;
  /** The message in work, when its receive has not returned or settled. */
  #inWork: Envelope | null = null;
  #stashInWork = false;
  #unstashAfterwards = false;
  #workDone: (() => void) | null = null;
  #trap: ((exit: Exit) => void) | null = null;
  #idle: IdleWatch | null = null;

  constructor(node: IncarnationNode, number: number) {
    this.node = node;
    this.number = number;
  }

  get path(): string {
    return this.node.path;
  }

  get runtime(): Runtime {
    return this.node.runtime;
  }

  get state(): string {
    return this.#state;
  }

  get unanswered(): number {
    return this.#owed?.size ?? 0;
  }

  get hasEnded(): boolean {
    return this.#reason !== null;
  }

  get machine(): Actor<AnyStateMachine> | null {
    return this.#machine;
  }

  get signal(): AbortSignal {
    if (this.#abort === null) {
      this.#abort = new AbortController();
      if (this.#reason !== null) this.#abort.abort(this.#endedError());
    }
    return this.#abort.signal;
  }

  /** Creates and starts the actor. */
  begin(): Beginning {
    return runAs(this, () => {
      try {
        const behaviour = this.node.definition.create(
          new IncarnationContext(this),
          this.node.spec.start,
        );
        if (behaviour === null) {
          this.end({ kind: "normal" });
          return ignored;
        }
        this.#behaviour = behaviour;
        this.#startMachine(behaviour);
      } catch (error) {
        this.#fail(error, "create");
      }
      if (this.#reason === null) this.#restore();
      const reason = this.#reason;
      return reason?.kind === "failed" ? { kind: "failed", failure: reason.failure } : begun;
    });
  }

  /** A message is waiting in the mailbox. */
  wake(): void {
    if (this.#pumpScheduled || !this.#canWork()) return;
    this.#pumpScheduled = true;
    queueMicrotask(() => this.#pump());
  }

  /** Orderly end: the message in work is finished, `terminate` is called, within `limit`. */
  stop(limit: DurationNs | "infinity"): Promise<void> | undefined {
    if (this.#reason !== null) return undefined;
    this.#stopping = true;
    const terminate = this.#behaviour?.terminate?.bind(this.#behaviour);
    if (this.#inWork === null && terminate === undefined) {
      this.end({ kind: "shutdown" });
      return undefined;
    }
    const ended = new Promise<void>((resolve) => this.#own(resolve));
    if (limit !== "infinity") {
      this.#own(this.runtime.clock.after(limit, () => this.end({ kind: "killed" })));
    }
    this.task("task", async () => {
      await this.#workFinished();
      if (this.#reason !== null) return;
      await terminate?.({ kind: "shutdown" });
      this.end({ kind: "shutdown" });
    });
    return ended;
  }

  /** Ends at once. Only the first end counts. */
  end(reason: ExitReason): void {
    if (this.#reason !== null) return;
    this.#reason = reason;
    this.#abort?.abort(this.#endedError());
    if (this.#machine !== null && this.#host !== null) {
      this.runtime.machines.release(this.#machine, this.#host);
    }
    const failedOn = this.#settleMessageInWork(reason);
    this.#giveBack();
    for (const answer of this.#owed ?? []) {
      answer.refuse(
        "internal",
        `${this.path} ended before it replied; what was asked may have been done`,
        "ask for the present state, then repeat under the same command id",
      );
    }
    this.#owed = null;
    this.node.lifeEnded(reason, failedOn);
  }

  blame(error: unknown): void {
    this.#fail(error, "process");
  }

  exitSignal(exit: Exit): void {
    if (this.#reason !== null) return;
    const trap = this.#trap;
    if (trap !== null) this.#guarded("callback", () => trap(exit));
    else if (exit.reason.kind !== "normal") this.end(linkedExit(exit));
  }

  task(during: FailurePhase, work: (signal: AbortSignal) => Promise<void>): void {
    if (this.#reason !== null) return;
    runAs(this, () => {
      // Inside a promise, so that a synchronous throw takes the same way as a rejection.
      const settled = (async (): Promise<void> => work(this.signal))();
      settled.catch((error: unknown) => this.#fail(error, during));
    });
  }

  timer(delay: DurationNs, callback: () => void, during: FailurePhase): () => void {
    if (this.#reason !== null) return () => {};
    const cancel = this.runtime.clock.after(delay, () => {
      this.#releases?.delete(cancel);
      this.#guarded(during, callback);
    });
    return this.#own(cancel);
  }

  machineTimer(delay: DurationNs, callback: () => void): () => void {
    const timed = (): void => {
      this.#cause = `after ${delay / 1_000_000} ms`;
      callback();
      this.#cause = ownDoing;
    };
    return this.timer(delay, timed, "lifecycle");
  }

  wrap<Arguments extends readonly unknown[]>(
    body: (...values: Arguments) => void | Promise<void>,
  ): (...values: Arguments) => void {
    return (...values) => {
      if (this.#reason !== null) return;
      this.#guarded("callback", () => body(...values));
    };
  }

  onExit(release: () => void): void {
    // What is got hold of after the end is given back at once.
    if (this.#reason === null) this.#own(() => release());
    else release();
  }

  watch(path: string, callback: (exit: Exit) => void): () => void {
    if (this.#reason !== null) return () => {};
    return this.#own(this.runtime.system.watch(path, this.wrap(callback)));
  }

  monitor(path: string, callback: (exit: Exit) => void): () => void {
    if (this.#reason !== null) return () => {};
    if (this.runtime.nodes.get(path)?.life() === undefined) {
      queueMicrotask(() => this.wrap(callback)(nobody(path)));
      return () => {};
    }
    const unwatch = this.watch(path, (exit) => {
      unwatch();
      callback(exit);
    });
    return unwatch;
  }

  link(path: string): void {
    if (this.#reason !== null) return;
    const other = this.runtime.nodes.get(path)?.life();
    if (other === undefined) queueMicrotask(() => this.exitSignal(nobody(path)));
    else this.runtime.links.link(this, other);
  }

  trapExits(callback: ((exit: Exit) => void) | null): void {
    this.#trap = callback;
  }

  stash(): void {
    if (this.#inWork === null) {
      throw new Error(`${this.path}: only a message in work can be stashed`);
    }
    this.#stashInWork = true;
  }

  unstash(): void {
    if (this.#reason !== null) return;
    // The message in work has to stay at the head until it is done.
    if (this.#inWork !== null) {
      this.#unstashAfterwards = true;
      return;
    }
    this.node.mailbox.unstash();
    this.wake();
  }

  receiveTimeout(delay: DurationNs | null, callback: (() => void) | undefined): void {
    this.#idle?.cancel();
    this.#idle = null;
    if (delay === null || callback === undefined || this.#reason !== null) return;
    this.#idle = new IdleWatch(this, delay, callback);
  }

  /** Nothing is in work and nothing waits. */
  get isIdle(): boolean {
    return this.#inWork === null && this.node.mailbox.waiting === 0;
  }

  onTransition(callback: (state: string) => void): void {
    this.#transitionListeners ??= [];
    this.#transitionListeners.push(callback);
  }

  async recentEvents(count: number): Promise<readonly RecentEvent[]> {
    return (await this.#behaviour?.recentEvents?.(count)) ?? [];
  }

  /** Runs as this actor, whoever sends: what the machine's actions do is this actor's doing. */
  sendToMachine(machine: Actor<AnyStateMachine>, event: { readonly type: string }): void {
    const before = this.#cause;
    this.#cause = event.type;
    if (currentScope() === this) machine.send(event);
    else runAs(this, () => machine.send(event));
    this.#cause = before;
  }

  #fail(error: unknown, during: FailurePhase): void {
    if (this.#reason === null) this.end({ kind: "failed", failure: failureOf(error, during) });
    else this.#late(error);
  }

  /** An error after the end: nobody is left to restart, but it must not go unseen. */
  #late(error: unknown): void {
    if (error instanceof Error && error.name === "AbortError") return;
    if (this.#abort !== null && error === this.#abort.signal.reason) return;
    this.runtime.counters.lateErrors += 1;
    const failure = failureOf(error, "process");
    this.runtime.log.warn(
      { actor: this.path, incarnation: this.number, failure },
      "error after the actor's end",
    );
  }

  #endedError(): Error {
    return new Error(`the actor ${this.path} has ended`);
  }

  #own(release: () => void): () => void {
    this.#releases ??= new Set();
    this.#releases.add(release);
    return () => {
      this.#releases?.delete(release);
      release();
    };
  }

  #giveBack(): void {
    if (this.#releases === null) return;
    for (const release of [...this.#releases].reverse()) {
      try {
        runAs(this, release);
      } catch (error) {
        this.#late(error);
      }
    }
    this.#releases = null;
  }

  /**
   * Only a failure counts against the message in work, and a stop leaves it as it was. A normal exit
   * is what the message led to: it is done, else a permanent actor would get it again and again.
   */
  #settleMessageInWork(reason: ExitReason): Envelope | null {
    const envelope = this.#inWork;
    this.#inWork = null;
    let failedOn: Envelope | null = null;
    // What a link brought is not the doing of the message either.
    if (envelope !== null && reason.kind === "failed" && reason.failure.during !== "link") {
      envelope.attempts += 1;
      failedOn = envelope;
    }
    if (envelope !== null && reason.kind === "normal") {
      this.node.mailbox.remove(envelope);
      if (envelope.answer !== null && !envelope.answer.settled) this.#owe(envelope.answer);
    }
    this.#workDone?.();
    this.#workDone = null;
    return failedOn;
  }

  #owe(answer: Answer): void {
    this.#owed ??= new Set();
    this.#owed.add(answer);
  }

  #startMachine(behaviour: ActorBehaviour<unknown, unknown, AnyStateMachine>): void {
    const { actor, host } = this.runtime.machines.create(
      behaviour.machine,
      behaviour.input as unknown,
    );
    this.#machine = actor;
    this.#host = host;
    actor.subscribe({
      next: (snapshot: { readonly value: StateValue }) => this.#transitioned(snapshot.value),
      error: (error: unknown) => this.#fail(error, "lifecycle"),
      complete: () => this.end({ kind: "normal" }),
    });
    if (this.number > 1) this.#cause = "restart";
    actor.start();
    this.#cause = ownDoing;
    if (this.#reason === null) {
      this.#state = stateText((actor.getSnapshot() as { readonly value: StateValue }).value);
    }
  }

  #transitioned(value: StateValue): void {
    const from = this.#state;
    this.#state = stateText(value);
    if (this.#cause !== null && from !== this.#state) {
      this.node.stateChanged(from, this.#state, this.#causeText(this.#cause));
    }
    for (const listener of this.#transitionListeners ?? []) {
      this.#guarded("lifecycle", () => listener(this.#state));
    }
  }

  #causeText(cause: string): string {
    const message = this.#inWork?.message as { readonly type?: unknown } | undefined;
    return typeof message?.type === "string" ? `${cause} (message ${message.type})` : cause;
  }

  #restore(): void {
    const behaviour = this.#behaviour;
    if (behaviour?.restore === undefined) {
      this.#restored = true;
      this.wake();
      return;
    }
    this.task("restore", async () => {
      await behaviour.restore?.();
      this.#restored = true;
      this.wake();
    });
  }

  #canWork(): boolean {
    return (
      this.#restored &&
      this.#reason === null &&
      !this.#stopping &&
      this.#inWork === null &&
      this.node.mailbox.waiting > 0
    );
  }

  #pump(): void {
    this.#pumpScheduled = false;
    while (this.#canWork()) {
      if (this.#inTurn === turnLimit) {
        this.#pumpScheduled = true;
        this.runtime.clock.after(0 as DurationNs, () => {
          this.#inTurn = 0;
          this.#pump();
        });
        return;
      }
      this.#inTurn += 1;
      runAs(this, () => this.#deliver(this.node.mailbox.peek() as Envelope));
    }
  }

  #deliver(envelope: Envelope): void {
    this.#inWork = envelope;
    this.runtime.counters.delivered += 1;
    const { answer } = envelope;
    let work: void | Promise<void>;
    try {
      work = this.#behaviour?.receive(envelope.message, (value) => {
        if (answer === null) return;
        this.#owed?.delete(answer);
        answer.reply(value);
      });
    } catch (error) {
      this.#fail(error, "receive");
      return;
    }
    if (work === undefined) {
      this.#finish(envelope);
      return;
    }
    work.then(
      () => {
        this.#finish(envelope);
        this.wake();
      },
      (error: unknown) => this.#fail(error, "receive"),
    );
  }

  /** The message is done with: only now does it leave the mailbox. */
  #finish(envelope: Envelope): void {
    // The actor may have ended inside its own receive; then the message counts as not done.
    if (this.#inWork !== envelope) return;
    this.#inWork = null;
    this.#idle?.touch();
    const { answer } = envelope;
    if (this.#stashInWork) {
      this.#stashInWork = false;
      this.node.mailbox.stash(envelope);
    } else {
      this.node.mailbox.remove(envelope);
      if (answer !== null && !answer.settled) {
        this.#owe(answer);
        answer.onSettled(() => this.#owed?.delete(answer));
      }
    }
    if (this.#unstashAfterwards) {
      this.#unstashAfterwards = false;
      this.node.mailbox.unstash();
    }
    this.#workDone?.();
    this.#workDone = null;
  }

  #workFinished(): Promise<void> {
    if (this.#inWork === null) return Promise.resolve();
    return new Promise((resolve) => {
      this.#workDone = resolve;
    });
  }

  #guarded(during: FailurePhase, body: () => void | Promise<void>): void {
    runAs(this, () => {
      try {
        const work = body();
        if (work instanceof Promise) work.catch((error: unknown) => this.#fail(error, during));
      } catch (error) {
        this.#fail(error, during);
      }
    });
  }
}

/** Calls back whenever no message was worked on for a while; one timer, not one a message. */
class IdleWatch {
  readonly #life: Incarnation;
  readonly #delay: DurationNs;
  readonly #callback: () => void;
  #since: number;
  #cancel: () => void = () => {};

  constructor(life: Incarnation, delay: DurationNs, callback: () => void) {
    this.#life = life;
    this.#delay = delay;
    this.#callback = callback;
    this.#since = life.runtime.clock.monotonic();
    this.#arm(delay);
  }

  touch(): void {
    this.#since = this.#life.runtime.clock.monotonic();
  }

  cancel(): void {
    this.#cancel();
  }

  #arm(delay: number): void {
    this.#cancel = this.#life.timer(delay as DurationNs, () => this.#due(), "timer");
  }

  #due(): void {
    if (!this.#life.isIdle) this.touch();
    const left = this.#delay - (this.#life.runtime.clock.monotonic() - this.#since);
    if (left > 0) {
      this.#arm(left);
      return;
    }
    this.touch();
    // Armed first: the callback may set another one in place of this.
    this.#arm(this.#delay);
    this.#callback();
  }
}

const nobody = (path: string): Exit => ({ path, incarnation: 0, reason: { kind: "noproc" } });

/** A state value as dotted text; parallel regions are joined with a comma. */
export function stateText(value: StateValue): string {
  if (typeof value === "string") return value;
  return Object.entries(value)
    .map(([key, inner]) => (inner === undefined ? key : `${key}.${stateText(inner)}`))
    .join(",");
}
