import { type Actor, type AnyStateMachine, createActor, type StateValue } from "xstate";

import type { ActorBehaviour, ActorContext, Lifecycle } from "./actor.ts";
import { runAs, type Scope } from "./blame.ts";
import { type ActorFailure, type ExitReason, type FailurePhase, failureOf } from "./exit.ts";
import type { Answer, Envelope, Mailbox } from "./mailbox.ts";
import type { Runtime } from "./runtime.ts";
import type { DurationNs } from "./units.ts";

/** What an incarnation needs from the node it belongs to. */
export interface IncarnationHost {
  readonly path: string;
  readonly id: string;
  readonly number: number;
  readonly mailbox: Mailbox;
  readonly context: Pick<ActorContext, "self" | "log" | "randomness">;
  readonly runtime: Runtime;
  create(context: ActorContext): ActorBehaviour<unknown, unknown, AnyStateMachine>;
  /** Called once, when the incarnation has ended, for whatever reason. */
  ended(reason: ExitReason): void;
}

/**
 * Messages worked on before timers and I/O of the process get a turn. Counted over all deliveries,
 * because actors that answer each other at once would otherwise never let go.
 */
const turnLimit = 128;

/**
 * One life of an actor, from create to exit. Whatever it starts through its context ends with it,
 * and whatever goes wrong in it ends it, once.
 */
export class Incarnation {
  readonly #host: IncarnationHost;
  readonly #scope: Scope;
  readonly #abort = new AbortController();
  /** Given back at the end, newest first. */
  readonly #releases = new Set<() => void>();
  /** Asks received and not answered yet. */
  readonly #owed = new Set<Answer>();
  readonly #transitionListeners = new Set<(state: string) => void>();
  #behaviour: ActorBehaviour<unknown, unknown, AnyStateMachine> | null = null;
  #machine: Actor<AnyStateMachine> | null = null;
  #state = "starting";
  #reason: ExitReason | null = null;
  #restored = false;
  #stopping = false;
  #pumpScheduled = false;
  #inTurn = 0;
  /** The message in work, when its receive has not returned or settled. */
  #inWork: Envelope | null = null;
  #workDone: (() => void) | null = null;

  constructor(host: IncarnationHost) {
    this.#host = host;
    this.#scope = { path: host.path, blame: (error) => this.#fail(error, "process") };
  }

  get state(): string {
    return this.#state;
  }

  get unanswered(): number {
    return this.#owed.size;
  }

  /** Creates and starts the actor. The failure, when it could not be started. */
  begin(): ActorFailure | null {
    runAs(this.#scope, () => {
      try {
        this.#behaviour = this.#host.create(this.#context());
        this.#startMachine(this.#behaviour);
      } catch (error) {
        this.#fail(error, "create");
        return;
      }
      if (this.#reason === null) this.#restore(this.#behaviour);
    });
    return failureIn(this.#reason);
  }

  /** A message is waiting in the mailbox. */
  wake(): void {
    if (this.#pumpScheduled || !this.#canWork()) return;
    this.#pumpScheduled = true;
    queueMicrotask(() => this.#pump());
  }

  /** Orderly end: the message in work is finished, `terminate` is called, within `limit`. */
  stop(limit: DurationNs | "infinity"): Promise<void> {
    if (this.#reason !== null) return Promise.resolve();
    this.#stopping = true;
    const terminate = this.#behaviour?.terminate?.bind(this.#behaviour);
    if (this.#inWork === null && terminate === undefined) {
      this.end({ kind: "shutdown" });
      return Promise.resolve();
    }
    const ended = new Promise<void>((resolve) => this.#releases.add(resolve));
    if (limit !== "infinity") {
      this.#releases.add(this.#host.runtime.clock.after(limit, () => this.end({ kind: "killed" })));
    }
    this.#task("task", async () => {
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
    this.#abort.abort(new Error(`the actor ${this.#host.path} has ended`));
    this.#machine?.stop();
    this.#settleMessageInWork(reason);
    for (const release of [...this.#releases].reverse()) {
      try {
        runAs(this.#scope, release);
      } catch (error) {
        this.#late(error);
      }
    }
    this.#releases.clear();
    for (const answer of this.#owed) {
      answer.refuse(
        "internal",
        `${this.#host.path} ended before it replied; what was asked may have been done`,
        "ask for the present state, then repeat under the same command id",
      );
    }
    this.#owed.clear();
    this.#host.ended(reason);
  }

  #fail(error: unknown, during: FailurePhase): void {
    if (this.#reason === null) this.end({ kind: "failed", failure: failureOf(error, during) });
    else this.#late(error);
  }

  /** An error after the end: nobody is left to restart, but it must not go unseen. */
  #late(error: unknown): void {
    if (error instanceof Error && error.name === "AbortError") return;
    if (error === this.#abort.signal.reason) return;
    const { runtime, path, number } = this.#host;
    runtime.counters.lateErrors += 1;
    const failure = failureOf(error, "process");
    runtime.log.warn({ actor: path, incarnation: number, failure }, "error after the actor's end");
  }

  /**
   * Only a failure counts against the message in work, and a stop leaves it as it was. A normal exit
   * is what the message led to: it is done, else a permanent actor would get it again and again.
   */
  #settleMessageInWork(reason: ExitReason): void {
    const envelope = this.#inWork;
    this.#inWork = null;
    if (envelope !== null && reason.kind === "failed") envelope.attempts += 1;
    if (envelope !== null && reason.kind === "normal") {
      this.#host.mailbox.take();
      if (envelope.answer !== null && !envelope.answer.settled) this.#owed.add(envelope.answer);
    }
    this.#workDone?.();
    this.#workDone = null;
  }

  #startMachine(behaviour: ActorBehaviour<unknown, unknown, AnyStateMachine>): void {
    const machine = createActor(behaviour.machine, {
      input: behaviour.input as unknown,
      clock: {
        // XState counts in milliseconds.
        setTimeout: (callback: () => void, delayMs: number): unknown =>
          this.#timer((delayMs * 1_000_000) as DurationNs, callback, "lifecycle"),
        clearTimeout: (cancel: unknown): void => (cancel as () => void)(),
      },
    });
    this.#machine = machine;
    machine.subscribe({
      next: (snapshot: { readonly value: StateValue }) => {
        this.#state = stateText(snapshot.value);
        for (const listener of this.#transitionListeners) {
          this.#guarded("lifecycle", () => listener(this.#state));
        }
      },
      error: (error: unknown) => this.#fail(error, "lifecycle"),
      complete: () => this.end({ kind: "normal" }),
    });
    machine.start();
    if (this.#reason === null) {
      this.#state = stateText((machine.getSnapshot() as { readonly value: StateValue }).value);
    }
  }

  #restore(behaviour: ActorBehaviour<unknown, unknown, AnyStateMachine>): void {
    if (behaviour.restore === undefined) {
      this.#restored = true;
      this.wake();
      return;
    }
    this.#task("restore", async () => {
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
      this.#host.mailbox.size > 0
    );
  }

  #pump(): void {
    this.#pumpScheduled = false;
    while (this.#canWork()) {
      if (this.#inTurn === turnLimit) {
        this.#pumpScheduled = true;
        this.#host.runtime.clock.after(0 as DurationNs, () => {
          this.#inTurn = 0;
          this.#pump();
        });
        return;
      }
      this.#inTurn += 1;
      runAs(this.#scope, () => this.#deliver(this.#host.mailbox.peek() as Envelope));
    }
  }

  #deliver(envelope: Envelope): void {
    this.#inWork = envelope;
    this.#host.runtime.counters.delivered += 1;
    const { answer } = envelope;
    let work: void | Promise<void>;
    try {
      work = this.#behaviour?.receive(envelope.message, (value) => {
        if (answer === null) return;
        this.#owed.delete(answer);
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
    this.#host.mailbox.take();
    const { answer } = envelope;
    if (answer !== null && !answer.settled) {
      this.#owed.add(answer);
      answer.onSettled(() => this.#owed.delete(answer));
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

  #task(during: FailurePhase, work: (signal: AbortSignal) => Promise<void>): void {
    if (this.#reason !== null) return;
    runAs(this.#scope, () => {
      // Inside a promise, so that a synchronous throw takes the same way as a rejection.
      const settled = (async (): Promise<void> => work(this.#abort.signal))();
      settled.catch((error: unknown) => this.#fail(error, during));
    });
  }

  #timer(delay: DurationNs, callback: () => void, during: FailurePhase): () => void {
    if (this.#reason !== null) return () => {};
    const cancel = this.#host.runtime.clock.after(delay, () => {
      this.#releases.delete(cancel);
      runAs(this.#scope, () => {
        try {
          callback();
        } catch (error) {
          this.#fail(error, during);
        }
      });
    });
    this.#releases.add(cancel);
    return () => {
      this.#releases.delete(cancel);
      cancel();
    };
  }

  #wrap<Arguments extends readonly unknown[]>(
    body: (...values: Arguments) => void | Promise<void>,
  ): (...values: Arguments) => void {
    return (...values) => {
      if (this.#reason !== null) return;
      this.#guarded("callback", () => body(...values));
    };
  }

  #guarded(during: FailurePhase, body: () => void | Promise<void>): void {
    runAs(this.#scope, () => {
      try {
        const work = body();
        if (work instanceof Promise) work.catch((error: unknown) => this.#fail(error, during));
      } catch (error) {
        this.#fail(error, during);
      }
    });
  }

  #context(): ActorContext {
    const { path, id, number, runtime, context } = this.#host;
    return {
      path,
      id,
      incarnation: number,
      clock: runtime.clock,
      ...context,
      signal: this.#abort.signal,
      system: runtime.system,
      lifecycle: this.#lifecycle(),
      run: (work) => this.#task("task", work),
      after: (delay, callback) => this.#timer(delay, callback, "timer"),
      callback: (body) => this.#wrap(body),
      onExit: (release) => {
        // What is got hold of after the end is given back at once.
        if (this.#reason === null) this.#releases.add(() => release());
        else release();
      },
      watch: (watched, callback) => {
        if (this.#reason !== null) return () => {};
        const unwatch = runtime.system.watch(watched, this.#wrap(callback));
        this.#releases.add(unwatch);
        return () => {
          this.#releases.delete(unwatch);
          unwatch();
        };
      },
      unknown: (message) => runtime.deadLetters.add(path, "unknown_message", message),
    };
  }

  #lifecycle(): Lifecycle {
    const machine = (): Actor<AnyStateMachine> => {
      if (this.#machine === null) {
        throw new Error(`${this.#host.path}: the lifecycle is not started inside create`);
      }
      return this.#machine;
    };
    return {
      send: (event) => {
        const target = machine();
        if (this.#reason !== null) return;
        const taken = (target.getSnapshot() as { can(event: unknown): boolean }).can(event);
        if (taken) target.send(event);
        else this.#host.runtime.deadLetters.add(this.#host.path, "unknown_message", event);
      },
      snapshot: () => machine().getSnapshot() as never,
      state: () => this.#state,
      onTransition: (callback) => {
        this.#transitionListeners.add(callback);
      },
    };
  }
}

/** A state value as dotted text; parallel regions are joined with a comma. */
export function stateText(value: StateValue): string {
  if (typeof value === "string") return value;
  return Object.entries(value)
    .map(([key, inner]) => (inner === undefined ? key : `${key}.${stateText(inner)}`))
    .join(",");
}

function failureIn(reason: ExitReason | null): ActorFailure | null {
  return reason?.kind === "failed" ? reason.failure : null;
}
