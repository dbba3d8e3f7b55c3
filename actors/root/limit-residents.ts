import type { ActorRef, ActorSystem } from "../kernel/actor.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import type { Log } from "../kernel/ports/log.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import type { DurationNs } from "../kernel/units.ts";
import { shardOfName } from "../control/placement.ts";
import type { ShardResidents } from "../control/plane.ts";
import type { LimitDirectory } from "../risk-limit/directory.ts";
import { noLimits } from "../risk-limit/limits.ts";
import type { riskLimitActor } from "../risk-limit/actor.ts";
import type { RiskLimitMessage, RiskLimitReply } from "../risk-limit/messages.ts";
import { riskLimitChild } from "./tree.ts";

export type RiskLimit = ActorRef<RiskLimitMessage, RiskLimitReply>;

/** Starts of one cell at a time: each reads its log from the stream's leader. */
const startsAtOnce = 16;
const tryAgainAfter = 250_000_000 as DurationNs;

export interface LimitResidentsOf {
  readonly region: string;
  /** Path of the supervisor above that of the risk limits. */
  readonly base: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly system: () => ActorSystem;
  readonly definition: ReturnType<typeof riskLimitActor>;
  readonly directory: LimitDirectory;
  /** Forgets what is remembered of an event log that is another cell's now. */
  readonly forget: (log: string) => void;
}

export const shardOfLimit = (name: string): number => shardOfName("risk-limit", name);

/**
 * The risk limits of the shards that this cell owns. All of a shard's are started when it comes, not when
 * they are asked for: what stands in them must be in the engines, and their proposals lapse in time.
 */
export class LimitResidents implements ShardResidents {
  readonly #of: LimitResidentsOf;
  readonly #epochs = new Map<number, number>();
  readonly #running = new Set<string>();
  /** Shards whose names are still to be started. */
  readonly #arrived = new Set<number>();
  #starting = false;

  constructor(of: LimitResidentsOf) {
    this.#of = of;
  }

  arrive(shard: number, epoch: number): void {
    this.#epochs.set(shard, epoch);
    this.#arrived.add(shard);
    if (!this.#starting) void this.#startArrived();
  }

  async leave(shard: number): Promise<void> {
    this.#epochs.delete(shard);
    this.#arrived.delete(shard);
    const gone = [...this.#running].filter((name) => shardOfLimit(name) === shard);
    await Promise.all(
      gone.map(async (name) => {
        this.#running.delete(name);
        await this.#of.system().terminateChild(this.#path(name));
        this.#of.forget(`risk-limit.${name}`);
      }),
    );
  }

  /** The actor of a name, when there is such a name. Failure codes: not_owner, not_found, busy, unavailable. */
  async find(name: string, mayMake: boolean): Promise<Result<RiskLimit>> {
    const { system, definition, directory } = this.#of;
    const running = system().find(definition, this.#path(name));
    if (running.ok && this.#running.has(name)) return running;
    const known = await (mayMake ? added(directory, name) : directory.has(name));
    if (!known.ok) return refuse("unavailable", known.failure.reason, known.failure.next);
    if (!known.value) {
      return refuse("not_found", `${name} has no limits`, "send define or set-limits first");
    }
    return this.#start(name);
  }

  async #start(name: string): Promise<Result<RiskLimit>> {
    const { system, definition, region, base } = this.#of;
    const incarnation = this.#epochs.get(shardOfLimit(name));
    if (incarnation === undefined) {
      return refuse("not_owner", `another cell owns the shard of ${name}`, "ask again in a moment");
    }
    this.#running.add(name);
    const child = riskLimitChild({ region, name, limits: noLimits, incarnation });
    const started = await system().startChild(`${base}/risk`, child);
    if (!started.ok && started.failure.code !== "already_started") {
      const code = started.failure.code === "busy" ? "busy" : "internal";
      return refuse(code, started.failure.reason, "send the same command id again in a moment");
    }
    return system().find(definition, this.#path(name));
  }

  #path(name: string): string {
    return `${this.#of.base}/risk/${name}`;
  }

  async #startArrived(): Promise<void> {
    const { clock, log, directory } = this.#of;
    this.#starting = true;
    while (this.#arrived.size > 0) {
      const names = await directory.names();
      if (!names.ok) {
        await new Promise<void>((resolve) => {
          clock.after(tryAgainAfter, resolve);
        });
        continue;
      }
      const shards = new Set(this.#arrived);
      this.#arrived.clear();
      const waiting = names.value.filter((name) => shards.has(shardOfLimit(name)));
      const work = async (): Promise<void> => {
        for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
          const started = await this.#start(name);
          if (started.ok || started.failure.code === "not_owner") continue;
          log.warn({ name, failure: started.failure }, "a risk limit did not start");
        }
      };
      await Promise.all(Array.from({ length: startsAtOnce }, work));
    }
    this.#starting = false;
  }
}

async function added(directory: LimitDirectory, name: string): Promise<Result<boolean>> {
  const made = await directory.add(name);
  return made.ok ? ok(true) : made;
}
