import type { AnyStateMachine } from "xstate";

import type { ActorBehaviour, ActorContext, ActorDefinition, ActorRef, TreeNode } from "./actor.ts";
import type { ChildSpec } from "./child-spec.ts";
import { type ExitReason, summary } from "./exit.ts";
import { Incarnation, type IncarnationHost } from "./incarnation.ts";
import { type Answer, type Envelope, Mailbox } from "./mailbox.ts";
import { ok, type Result, refuse } from "./result.ts";
import {
  announceExit,
  type ExitListener,
  notFound,
  type Runtime,
  type StartOutcome,
  type Status,
  type TreeMember,
} from "./runtime.ts";
import type { DurationNs } from "./units.ts";

/** An actor's place in the tree: its address, mailbox and history. Incarnations come and go in it. */
export class ActorNode implements TreeMember {
  readonly path: string;
  readonly spec: ChildSpec;
  readonly definition: ActorDefinition;
  status: Status = "stopped";
  incarnation = 0;
  readonly #runtime: Runtime;
  readonly #mailbox: Mailbox;
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
  ) {
    this.path = path;
    this.spec = spec;
    this.definition = definition;
    this.#runtime = runtime;
    this.#exited = exited;
    this.#mailbox = new Mailbox(definition.mailbox.capacity);
    runtime.nodes.set(path, this);
  }

  start(): StartOutcome {
    if (this.incarnation > 0 && this.definition.mailbox.onRestart === "drop") this.#drop();
    this.incarnation += 1;
    const life = new Incarnation(this.#host());
    this.#life = life;
    this.#starting = true;
    const failure = life.begin();
    this.#starting = false;
    if (failure !== null) return { ok: false, failure, released: Promise.resolve() };
    this.#runtime.counters.starts += 1;
    return { ok: true };
  }

  stop(): Promise<void> {
    const { shutdown } = this.spec;
    if (shutdown !== "brutal_kill") return this.#life?.stop(shutdown) ?? Promise.resolve();
    this.kill();
    return Promise.resolve();
  }

  kill(): void {
    this.#life?.end({ kind: "killed" });
  }

  retire(): void {
    for (const envelope of this.#mailbox.clear()) {
      this.#runtime.deadLetters.add(this.path, "actor_ended", envelope.message);
      envelope.answer?.refuse(
        "not_found",
        `${this.path} ended before it came to the message`,
        "send it to the actor that took over, or start this one again",
      );
    }
  }

  remove(): void {
    this.retire();
    this.#runtime.nodes.delete(this.path);
  }

  collect(into: TreeNode[]): void {
    into.push({
      path: this.path,
      type: this.spec.type,
      state: this.status === "running" ? (this.#life?.state ?? "stopped") : stateOf(this.status),
      restarts: Math.max(this.incarnation - 1, 0),
      mailbox: this.#mailbox.size,
      lastFailure: this.#lastFailure,
    });
  }

  /** Takes a message. Failure codes: busy, not_found. */
  post(message: unknown, answer: Answer | null): Result<void> {
    if (this.status === "stopped") {
      this.#runtime.deadLetters.add(this.path, "not_found", message);
      return notFound(this.#runtime, this.path);
    }
    const envelope: Envelope = { message, attempts: 0, answer };
    if (!this.#mailbox.offer(envelope, this.#life?.unanswered ?? 0)) {
      return this.#runtime.counters.refuse(
        "busy",
        `the mailbox of ${this.path} holds ${this.definition.mailbox.capacity} messages`,
        "wait for replies, then send again more slowly",
      );
    }
    this.#life?.wake();
    return ok(undefined);
  }

  #host(): IncarnationHost {
    const { path, spec, definition, incarnation } = this;
    const runtime = this.#runtime;
    return {
      path,
      id: spec.id,
      number: incarnation,
      mailbox: this.#mailbox,
      runtime,
      context: {
        self: actorRef(runtime, path) as ActorRef<unknown, never>,
        log: runtime.log.child({ actor: path }),
        randomness: runtime.randomness.fork(`${path}#${incarnation}`),
      },
      create: (context: ActorContext): ActorBehaviour<unknown, unknown, AnyStateMachine> =>
        definition.create(context, spec.start),
      ended: (reason) => this.#ended(reason),
    };
  }

  #ended(reason: ExitReason): void {
    this.#lastFailure = summary(reason) || this.#lastFailure;
    if (reason.kind === "failed") this.#park(this.#lastFailure);
    announceExit(this.#runtime, this, reason);
    // A failed start is the answer to start(); an ordered stop is the answer to stop().
    if (this.#starting && reason.kind === "failed") return;
    if (this.status === "running") this.#exited(this, reason);
  }

  /** Takes the message at the head out when its actor has failed on it too often. */
  #park(failure: string): void {
    const head = this.#mailbox.peek();
    if (head === null || head.attempts < this.definition.mailbox.parkAfter) return;
    this.#mailbox.take();
    this.#runtime.counters.parked += 1;
    this.#runtime.deadLetters.add(this.path, "poison", head.message, failure);
    head.answer?.refuse(
      "internal",
      `${this.path} failed ${head.attempts} times on this message; it was put aside`,
      "do not send it again; report it with the dead letter of this actor",
    );
  }

  #drop(): void {
    for (const envelope of this.#mailbox.clear()) {
      this.#runtime.deadLetters.add(this.path, "dropped_at_restart", envelope.message);
      envelope.answer?.refuse(
        "internal",
        `${this.path} was restarted and does not keep its mailbox`,
        "send it again",
      );
    }
  }
}

/** The address of whatever actor is at the path when a message is sent. */
export function actorRef(runtime: Runtime, path: string): ActorRef<unknown, unknown> {
  const post = (message: unknown, answer: Answer | null): Result<void> => {
    const node = runtime.nodes.get(path);
    if (node instanceof ActorNode) return node.post(message, answer);
    runtime.deadLetters.add(path, "not_found", message);
    return notFound(runtime, path);
  };
  return {
    path,
    send: (message) => post(message, null),
    ask: (message, timeout) => {
      const { promise, answer, cancel } = pendingAnswer(runtime, path, timeout);
      const posted = post(message, answer);
      if (posted.ok) return promise;
      cancel();
      return Promise.resolve(posted);
    },
  };
}

function pendingAnswer(
  runtime: Runtime,
  path: string,
  timeout: DurationNs,
): {
  readonly promise: Promise<Result<unknown>>;
  readonly answer: Answer;
  readonly cancel: () => void;
} {
  const { promise, resolve } = Promise.withResolvers<Result<unknown>>();
  let settled = false;
  let afterwards: (() => void) | null = null;
  const settle = (result: Result<unknown>): void => {
    if (settled) return;
    settled = true;
    cancel();
    resolve(result);
    afterwards?.();
  };
  const cancel = runtime.clock.after(timeout, () =>
    settle(
      runtime.counters.refuse(
        "timeout",
        `${path} did not reply within ${timeout / 1_000_000} ms; it may have done it`,
        "ask for the present state, then repeat under the same command id",
      ),
    ),
  );
  const answer: Answer = {
    get settled() {
      return settled;
    },
    reply: (value) => settle(ok(value)),
    refuse: (code, reason, next) => settle(refuse(code, reason, next)),
    onSettled: (callback) => {
      afterwards = callback;
    },
  };
  return { promise, answer, cancel };
}

/** What the tree shows of a node without a running machine. */
function stateOf(status: Exclude<Status, "running">): string {
  return status === "exited" ? "restarting" : status;
}
