import type { ActorRef, Lane } from "./actor.ts";
import type { Answer } from "./mailbox.ts";
import { ok, type Result, refuse } from "./result.ts";
import { notFound, type Runtime } from "./runtime.ts";
import type { DurationNs } from "./units.ts";

/** A node that takes messages. */
export interface Addressee {
  /** Failure codes: busy, not_found. */
  post(message: unknown, answer: Answer | null, signal: boolean): Result<void>;
}

/** The address of whatever actor is at the path when a message is sent. */
export class PathRef implements ActorRef<unknown, unknown> {
  readonly path: string;
  readonly #runtime: Runtime;

  constructor(runtime: Runtime, path: string) {
    this.#runtime = runtime;
    this.path = path;
  }

  send(message: unknown): Result<void> {
    return this.#post(message, null, false);
  }

  signal(message: unknown): Result<void> {
    return this.#post(message, null, true);
  }

  ask(message: unknown, timeout: DurationNs, lane: Lane = "ordinary"): Promise<Result<unknown>> {
    const pending = new PendingAnswer(this.#runtime, this.path, timeout);
    const posted = this.#post(message, pending, lane === "system");
    if (posted.ok) return pending.promise;
    pending.cancel();
    return Promise.resolve(posted);
  }

  #post(message: unknown, answer: Answer | null, signal: boolean): Result<void> {
    const addressee = this.#runtime.nodes.get(this.path)?.addressee;
    if (addressee) return addressee.post(message, answer, signal);
    this.#runtime.deadLetters.add(this.path, "not_found", message);
    return notFound(this.#runtime, this.path);
  }
}

/** What an ask waits for: a reply, a refusal or its time-out, whichever comes first. */
class PendingAnswer implements Answer {
  readonly promise: Promise<Result<unknown>>;
  readonly cancel: () => void;
  settled = false;
  #resolve: (result: Result<unknown>) => void = () => {};
  #afterwards: (() => void) | null = null;

  constructor(runtime: Runtime, path: string, timeout: DurationNs) {
    this.promise = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.cancel = runtime.clock.after(timeout, () =>
      this.#settle(
        runtime.counters.refuse(
          "timeout",
          `${path} did not reply within ${timeout / 1_000_000} ms; it may have done it`,
          "ask for the present state, then repeat under the same command id",
        ),
      ),
    );
  }

  reply(value: unknown): void {
    this.#settle(ok(value));
  }

  refuse(code: string, reason: string, next: string): void {
    this.#settle(refuse(code, reason, next));
  }

  onSettled(callback: () => void): void {
    this.#afterwards = callback;
  }

  #settle(result: Result<unknown>): void {
    if (this.settled) return;
    this.settled = true;
    this.cancel();
    this.#resolve(result);
    this.#afterwards?.();
  }
}
