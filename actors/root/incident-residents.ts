import { shardOfName } from "../control/placement.ts";
import type { ShardResidents } from "../control/plane.ts";
import type { incidentActor } from "../incident/actor.ts";
import type { IncidentDirectory } from "../incident/directory.ts";
import type { IncidentMessage, IncidentReply } from "../incident/messages.ts";
import type { ActorRef, ActorSystem } from "../kernel/actor.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import type { Log } from "../kernel/ports/log.ts";
import { refuse, type Result } from "../kernel/result.ts";
import type { DurationNs } from "../kernel/units.ts";
import { incidentChild } from "./tree.ts";

export type IncidentRef = ActorRef<IncidentMessage, IncidentReply>;

const tryAgainAfter = 250_000_000 as DurationNs;

export interface IncidentResidentsOf {
  readonly region: string;
  /** Path of the supervisor above that of the incidents. */
  readonly base: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly system: () => ActorSystem;
  readonly definition: ReturnType<typeof incidentActor>;
  readonly directory: IncidentDirectory;
  /** Forgets what is remembered of an event log that is another cell's now. */
  readonly forget: (log: string) => void;
}

export const shardOfIncident = (id: string): number => shardOfName("incident", id);

/**
 * The incidents of the shards that this cell owns. All of a shard's are started when it comes: an
 * unacknowledged page escalates whether anybody asks or not.
 */
export class IncidentResidents implements ShardResidents {
  readonly #of: IncidentResidentsOf;
  readonly #epochs = new Map<number, number>();
  readonly #running = new Set<string>();
  /** Shards whose incidents are still to be started. */
  readonly #arrived = new Set<number>();
  #starting = false;

  constructor(of: IncidentResidentsOf) {
    this.#of = of;
  }

  /** Ids of those that run here. */
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
    const gone = this.running.filter((id) => shardOfIncident(id) === shard);
    await Promise.all(
      gone.map(async (id) => {
        this.#running.delete(id);
        await this.#of.system().terminateChild(this.#path(id));
        this.#of.forget(`incident.${id}`);
      }),
    );
  }

  /** Failure codes: not_owner, not_found, busy, unavailable, too_many_incidents. */
  async find(id: string, mayMake: boolean): Promise<Result<IncidentRef>> {
    const { system, definition, directory } = this.#of;
    const running = system().find(definition, this.#path(id));
    if (running.ok && this.#running.has(id)) return running;
    const known = await directory.has(id);
    if (!known.ok) return refuse("unavailable", known.failure.reason, known.failure.next);
    if (!known.value) {
      if (!mayMake) return refuse("not_found", `no incident ${id}`, "npx meridian incident list");
      const made = await directory.add(id);
      if (!made.ok) return made;
    }
    return this.#start(id);
  }

  async #start(id: string): Promise<Result<IncidentRef>> {
    const { system, definition, region, base } = this.#of;
    const incarnation = this.#epochs.get(shardOfIncident(id));
    if (incarnation === undefined) {
      return refuse("not_owner", `another cell owns the shard of ${id}`, "ask again in a moment");
    }
    this.#running.add(id);
    const child = incidentChild({ region, id, incarnation });
    const started = await system().startChild(`${base}/incidents`, child);
    if (!started.ok && started.failure.code !== "already_started") {
      const code = started.failure.code === "busy" ? "busy" : "internal";
      return refuse(code, started.failure.reason, "send the same command id again in a moment");
    }
    return system().find(definition, this.#path(id));
  }

  #path(id: string): string {
    return `${this.#of.base}/incidents/${id}`;
  }

  async #startArrived(): Promise<void> {
    const { clock, log, directory } = this.#of;
    this.#starting = true;
    while (this.#arrived.size > 0) {
      const ids = await directory.ids();
      if (!ids.ok) {
        await new Promise<void>((resolve) => {
          clock.after(tryAgainAfter, resolve);
        });
        continue;
      }
      const shards = new Set(this.#arrived);
      this.#arrived.clear();
      for (const id of ids.value.filter((one) => shards.has(shardOfIncident(one)))) {
        const started = await this.#start(id);
        if (started.ok || started.failure.code === "not_owner") continue;
        log.warn({ id, failure: started.failure }, "an incident did not start");
      }
    }
    this.#starting = false;
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
