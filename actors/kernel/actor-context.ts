import type { Actor, AnyStateMachine } from "xstate";

import type { ActorContext, ActorRef, ActorSystem, Lifecycle } from "./actor.ts";
import type { Exit } from "./exit.ts";
import type { Incarnation } from "./incarnation.ts";
import type { Clock } from "./ports/clock.ts";
import type { Log } from "./ports/log.ts";
import type { Randomness } from "./ports/randomness.ts";
import type { DurationNs } from "./units.ts";

/** What an actor's code holds of its incarnation. Made lazily where it costs: most actors use little of it. */
export class IncarnationContext implements ActorContext {
  readonly #life: Incarnation;
  #log: Log | null = null;
  #randomness: Randomness | null = null;
  #self: ActorRef<unknown, never> | null = null;
  #lifecycle: IncarnationLifecycle | null = null;

  constructor(life: Incarnation) {
    this.#life = life;
  }

  get path(): string {
    return this.#life.path;
  }

  get id(): string {
    return this.#life.node.spec.id;
  }

  get incarnation(): number {
    return this.#life.number;
  }

  get clock(): Clock {
    return this.#life.runtime.clock;
  }

  get system(): ActorSystem {
    return this.#life.runtime.system;
  }

  get signal(): AbortSignal {
    return this.#life.signal;
  }

  get log(): Log {
    this.#log ??= this.#life.runtime.log.child({ actor: this.path });
    return this.#log;
  }

  get randomness(): Randomness {
    const { runtime, path, number } = this.#life;
    this.#randomness ??= runtime.randomness.fork(`${path}#${number}`);
    return this.#randomness;
  }

  get self(): ActorRef<unknown, never> {
    this.#self ??= this.#life.node.ref() as ActorRef<unknown, never>;
    return this.#self;
  }

  get lifecycle(): Lifecycle {
    this.#lifecycle ??= new IncarnationLifecycle(this.#life);
    return this.#lifecycle;
  }

  run(work: (signal: AbortSignal) => Promise<void>): void {
    this.#life.task("task", work);
  }

  after(delay: DurationNs, callback: () => void): () => void {
    return this.#life.timer(delay, callback, "timer");
  }

  callback<Arguments extends readonly unknown[]>(
    body: (...values: Arguments) => void | Promise<void>,
  ): (...values: Arguments) => void {
    return this.#life.wrap(body);
  }

  onExit(release: () => void): void {
    this.#life.onExit(release);
  }

  watch(path: string, callback: (exit: Exit) => void): () => void {
    return this.#life.watch(path, callback);
  }

  monitor(path: string, callback: (exit: Exit) => void): () => void {
    return this.#life.monitor(path, callback);
  }

  link(path: string): void {
    this.#life.link(path);
  }

  unlink(path: string): void {
    this.#life.runtime.links.unlink(this.path, path);
  }

  trapExits(callback: ((exit: Exit) => void) | null): void {
    this.#life.trapExits(callback);
  }

  stash(): void {
    this.#life.stash();
  }

  unstash(): void {
    this.#life.unstash();
  }

  receiveTimeout(delay: DurationNs | null, callback?: () => void): void {
    this.#life.receiveTimeout(delay, callback);
  }

  unknown(message: unknown): void {
    this.#life.runtime.deadLetters.add(this.path, "unknown_message", message);
  }
}

class IncarnationLifecycle implements Lifecycle {
  readonly #life: Incarnation;

  constructor(life: Incarnation) {
    this.#life = life;
  }

  get #machine(): Actor<AnyStateMachine> {
    const { machine, path } = this.#life;
    if (machine === null) {
      throw new Error(`${path}: the lifecycle is not started inside create`);
    }
    return machine;
  }

  send(event: { readonly type: string }): void {
    const machine = this.#machine;
    if (this.#life.hasEnded) return;
    const taken = (machine.getSnapshot() as { can(event: unknown): boolean }).can(event);
    if (taken) this.#life.sendToMachine(machine, event);
    else this.#life.runtime.deadLetters.add(this.#life.path, "unknown_message", event);
  }

  snapshot(): never {
    return this.#machine.getSnapshot() as never;
  }

  state(): string {
    return this.#life.state;
  }

  onTransition(callback: (state: string) => void): void {
    this.#life.onTransition(callback);
  }
}
