import {
  type Actor,
  type ActorLogic,
  type ActorScope,
  type AnyActorRef,
  type AnyEventObject,
  type AnyStateMachine,
  createActor,
  type Snapshot,
} from "xstate";

import { currentScope } from "./blame.ts";
import type { DurationNs } from "./units.ts";

/** Who runs a machine: delayed transitions go through its timers, so that they end with it. */
export interface MachineOwner {
  machineTimer(delay: DurationNs, callback: () => void): () => void;
}

/**
 * Machines that share one XState actor system. A system of its own costs each machine as much memory
 * again; but stopping a machine looks through all delayed transitions of its system, so that no more
 * than this many share one.
 */
const machinesOfHost = 64;

type HostScope = ActorScope<Snapshot<unknown>, AnyEventObject>;

/** An XState root actor under which machines run, each stopped on its own. Done and error events of theirs it ignores. */
class Host {
  machines = 0;
  readonly actor: AnyActorRef;
  #scope: HostScope | null = null;

  constructor(clock: object) {
    const logic: ActorLogic<Snapshot<unknown>, AnyEventObject> = {
      start: (_snapshot, scope) => {
        this.#scope = scope as HostScope;
      },
      transition: (snapshot) => snapshot,
      getInitialSnapshot: () => ({ status: "active", output: undefined, error: undefined }),
      getPersistedSnapshot: (snapshot) => snapshot,
    };
    this.actor = createActor(logic, { clock: clock as never }).start() as AnyActorRef;
  }

  stop(machine: Actor<AnyStateMachine>): void {
    this.#scope?.stopChild(machine);
  }
}

/** Makes and stops the lifecycle machines of one actor system. */
export class MachineHosts {
  readonly #clock: object;
  #open: Host;
  #running = 0;

  /** `unowned` arms a timer for a machine whose owner is not known. */
  constructor(unowned: (delay: DurationNs, callback: () => void) => () => void) {
    this.#clock = {
      // XState counts in milliseconds. The code of a machine runs as its owner (see runAs).
      setTimeout: (callback: () => void, delayMs: number): (() => void) => {
        const delay = (delayMs * 1_000_000) as DurationNs;
        const owner = currentScope() as (Partial<MachineOwner> & object) | undefined;
        return owner?.machineTimer?.(delay, callback) ?? unowned(delay, callback);
      },
      clearTimeout: (cancel: () => void): void => cancel(),
    };
    this.#open = new Host(this.#clock);
  }

  /** Machines made and not released. */
  get running(): number {
    return this.#running;
  }

  /** A machine that is not started yet, and the function that stops it and gives its place back. */
  create(
    machine: AnyStateMachine,
    input: unknown,
  ): { readonly actor: Actor<AnyStateMachine>; readonly host: object } {
    if (this.#open.machines === machinesOfHost) this.#open = new Host(this.#clock);
    const host = this.#open;
    host.machines += 1;
    this.#running += 1;
    const actor = createActor<AnyStateMachine>(machine, { input, parent: host.actor } as never);
    return { actor, host };
  }

  /** Once for each create(). */
  release(actor: Actor<AnyStateMachine>, from: object): void {
    const host = from as Host;
    host.stop(actor);
    host.machines -= 1;
    this.#running -= 1;
    // Its places are used again: else a system that restarts much would make host after host.
    if (host !== this.#open && host.machines < this.#open.machines) this.#open = host;
  }
}
