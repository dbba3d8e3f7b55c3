import { join } from "node:path";

import type { Bus } from "../kernel/ports/bus.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import { type ConfinedLimits, ConfinedProcess, type ConfinedUser } from "./process.ts";

export interface PoolOf {
  /** One NATS user for each process that may run at a time. */
  readonly users: readonly ConfinedUser[];
  /** Each strategy gets a folder of its own below it. */
  readonly directory: string;
  readonly bus: Pick<Bus, "request">;
  readonly limits?: ConfinedLimits;
}

/** The processes of users' strategies of one cell: as many at a time as it has NATS users for them. */
export class ConfinedPool {
  readonly #of: PoolOf;
  readonly #free: ConfinedUser[];
  readonly #running = new Set<ConfinedProcess>();
  #trials = 0;

  constructor(of: PoolOf) {
    this.#of = of;
    this.#free = [...of.users];
  }

  /** Failure codes: no_room, and those of ConfinedProcess.start. */
  async start(id: string, source: string): Promise<Result<ConfinedProcess>> {
    const user = this.#free.pop();
    if (user === undefined) {
      const most = this.#of.users.length;
      const reason =
        most === 0
          ? "this cell runs no strategies of users"
          : `${most} strategies of users run in this cell, and more are not allowed`;
      return refuse("no_room", reason, "stop one, or spawn it in another region");
    }
    const { bus, directory, limits } = this.#of;
    const options = { source, directory: join(directory, id), user, bus };
    const started = await ConfinedProcess.start(
      limits === undefined ? options : { ...options, limits },
    );
    if (!started.ok) {
      this.#free.push(user);
      return started;
    }
    const { value: process } = started;
    this.#running.add(process);
    void process.ended.then(() => {
      this.#running.delete(process);
      this.#free.push(user);
    });
    return started;
  }

  /** Starts it once and ends it: a file that cannot start is told before anything is spawned. */
  async check(source: string): Promise<Result<void>> {
    this.#trials += 1;
    const started = await this.start(`trial-${this.#trials % 16}`, source);
    if (!started.ok) return started;
    started.value.end("a trial");
    await started.value.ended;
    return ok(undefined);
  }

  end(): void {
    for (const process of this.#running) process.end("the cell is stopping");
  }
}
