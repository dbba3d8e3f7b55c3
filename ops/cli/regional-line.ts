import { setTimeout as sleep } from "node:timers/promises";

import type { Delivery } from "../../schemas/sdk/client.ts";
import { type RegionSight, usualRules } from "../../schemas/sdk/nearest-region.ts";
import { RegionalTransport, type RegionalCounters } from "../../schemas/sdk/regional-transport.ts";
import type { Line, NatsLine } from "./line.ts";

const noRegionPauseMs = 200;

/** A line over the nearest allowed region that is well; it moves by itself, and what is listened to with it. */
export class RegionalLine implements Line {
  readonly #transport: RegionalTransport;
  readonly #lines = new Map<string, NatsLine>();
  #closed = false;
  /** Ends a subscription whose region was left. */
  #moved: () => void = () => {};
  #nextMove: Promise<void>;

  constructor(
    allowed: readonly string[],
    open: (region: string) => Promise<NatsLine | null>,
    rules = usualRules,
  ) {
    this.#nextMove = this.#awaitMove();
    this.#transport = new RegionalTransport({
      allowed,
      rules,
      open: async (region) => {
        const line = await open(region);
        if (line !== null) this.#lines.set(region, line);
        return line;
      },
      now: () => performance.now(),
      // A pause keeps no program from ending.
      sleep: (milliseconds) => sleep(milliseconds, undefined, { ref: false }),
      random: Math.random,
      moved: () => {
        const told = this.#moved;
        this.#nextMove = this.#awaitMove();
        told();
      },
    });
  }

  /** The region it begins in, or null when none is well. */
  start(): Promise<string | null> {
    return this.#transport.start();
  }
  lookedAtAll(): Promise<void> {
    return this.#transport.lookedAtAll();
  }
  get region(): string | null {
    return this.#transport.region;
  }
  sights(): readonly RegionSight[] {
    return this.#transport.sights();
  }
  counters(): RegionalCounters {
    return this.#transport.counters();
  }

  request(
    subject: string,
    payload: Uint8Array,
    timeoutMs: number,
    trace?: string,
  ): Promise<Delivery> {
    return this.#transport.request(subject, payload, timeoutMs, trace);
  }

  /** What is published while it moves is missed: there is nobody to keep it. */
  async *listen(subject: string): AsyncGenerator<Uint8Array> {
    while (!this.#closed) {
      const { region } = this;
      const line = region === null ? undefined : this.#lines.get(region);
      if (line === undefined) {
        await sleep(noRegionPauseMs, undefined, { ref: false });
        continue;
      }
      const left = Promise.race([this.#nextMove, line.lost]).then(() => null);
      const messages = line.listen(subject);
      for (;;) {
        const next = await Promise.race([messages.next(), left]);
        if (next === null || next.done === true) break;
        yield next.value;
      }
      // Its pending wait ends with the connection, which may be a silent one.
      void messages.return(undefined);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#moved();
    await this.#transport.close();
  }

  #awaitMove(): Promise<void> {
    return new Promise((resolve) => {
      this.#moved = resolve;
    });
  }
}
