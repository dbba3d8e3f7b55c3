import { shardOfName } from "../control/placement.ts";
import type { ShardResidents } from "../control/plane.ts";
import type { ActorDefinition, ActorRef, ActorSystem } from "../kernel/actor.ts";
import type { DynamicChild } from "../kernel/child-spec.ts";
import type { EventSourcedMachine } from "../kernel/event-sourced-machine.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import type { Log } from "../kernel/ports/log.ts";
import { refuse, type Result } from "../kernel/result.ts";
import type { DurationNs } from "../kernel/units.ts";

const tryAgainAfter = 250_000_000 as DurationNs;

/** What residents of every kind need of the cell they live in. */
export interface ResidentsOf {
  readonly region: string;
  /** Path of the supervisor above those of the actors. */
  readonly base: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly system: () => ActorSystem;
  /** Forgets what is remembered of an event log that is another cell's now. */
  readonly forget: (log: string) => void;
}

/** Actors of one type that are found by name. */
export interface NamedActors<Start, Message, Reply> {
  readonly definition: ActorDefinition<Start, Message, Reply, EventSourcedMachine>;
  /** Path of their supervisor. */
  readonly supervisor: string;
  /** Starts of one cell at a time: each reads its log from the stream's leader. */
  readonly startsAtOnce: number;
  readonly child: (name: string, incarnation: number) => DynamicChild<Start>;
  /** Every name of the region. */
  readonly names: () => Promise<Result<readonly string[]>>;
  /** Ok: there is such a name, made just now when it may be. */
  readonly ensure: (name: string, mayMake: boolean) => Promise<Result<void>>;
}

/**
 * The actors of one type in the shards that this cell owns, by the hash of their names. All of a shard's
 * are started when it comes, not when they are asked for.
 */
export class NamedResidents<Start, Message, Reply> implements ShardResidents {
  readonly #of: ResidentsOf;
  readonly #actors: NamedActors<Start, Message, Reply>;
  readonly #epochs = new Map<number, number>();
  readonly #running = new Set<string>();
  /** Shards whose names are still to be started. */
  readonly #arrived = new Set<number>();
  #starting = false;

  constructor(of: ResidentsOf, actors: NamedActors<Start, Message, Reply>) {
    this.#of = of;
    this.#actors = actors;
  }

  /** Names of those that run here. */
  get running(): readonly string[] {
    return [...this.#running];
  }

  arrive(shard: number, epoch: number): void {
    this.#epochs.set(shard, epoch);
    this.#arrived.add(shard);
    if (!this.#starting) void this.#startArrived();
  }

  async leave(shard: number): Promise<void> {
    this.#epochs.delete(shard);
    this.#arrived.delete(shard);
    const gone = this.running.filter((name) => this.#shardOf(name) === shard);
    await Promise.all(
      gone.map(async (name) => {
        this.#running.delete(name);
        await this.#of.system().terminateChild(this.#path(name));
        this.#of.forget(`${this.#actors.definition.type}.${name}`);
      }),
    );
  }

  /** The actor of a name. Failure codes: not_owner, busy, internal, and those of `ensure`. */
  async find(name: string, mayMake: boolean): Promise<Result<ActorRef<Message, Reply>>> {
    const running = this.#of.system().find(this.#actors.definition, this.#path(name));
    if (running.ok && this.#running.has(name)) return running;
    const there = await this.#actors.ensure(name, mayMake);
    return there.ok ? this.#start(name) : there;
  }

  async #start(name: string): Promise<Result<ActorRef<Message, Reply>>> {
    const { definition, supervisor, child } = this.#actors;
    const incarnation = this.#epochs.get(this.#shardOf(name));
    if (incarnation === undefined) {
      return refuse("not_owner", `another cell owns the shard of ${name}`, "ask again in a moment");
    }
    this.#running.add(name);
    const system = this.#of.system();
    const started = await system.startChild(supervisor, child(name, incarnation));
    if (!started.ok && started.failure.code !== "already_started") {
      const code = started.failure.code === "busy" ? "busy" : "internal";
      return refuse(code, started.failure.reason, "send the same command id again in a moment");
    }
    return system.find(definition, this.#path(name));
  }

  #shardOf(name: string): number {
    return shardOfName(this.#actors.definition.type, name);
  }

  #path(name: string): string {
    return `${this.#actors.supervisor}/${name}`;
  }

  async #startArrived(): Promise<void> {
    const { clock } = this.#of;
    const { names, startsAtOnce } = this.#actors;
    this.#starting = true;
    while (this.#arrived.size > 0) {
      const known = await names();
      if (!known.ok) {
        await new Promise<void>((resolve) => {
          clock.after(tryAgainAfter, resolve);
        });
        continue;
      }
      const shards = new Set(this.#arrived);
      this.#arrived.clear();
      const waiting = known.value.filter((name) => shards.has(this.#shardOf(name))).values();
      await Promise.all(Array.from({ length: startsAtOnce }, () => this.#startEach(waiting)));
    }
    this.#starting = false;
  }

  /** Several of these take from the same names. */
  async #startEach(names: Iterable<string>): Promise<void> {
    const { type } = this.#actors.definition;
    for (const name of names) {
      const started = await this.#start(name);
      if (started.ok || started.failure.code === "not_owner") continue;
      this.#of.log.warn({ type, name, failure: started.failure }, "an actor did not start");
    }
  }
}

/** Several that come and go with the shards of a cell. */
export function allResidents(...residents: readonly ShardResidents[]): ShardResidents {
  return {
    arrive(shard, epoch) {
      for (const one of residents) one.arrive(shard, epoch);
    },
    async leave(shard) {
      await Promise.all(residents.map((one) => one.leave(shard)));
    },
  };
}
