import { join } from "node:path";

import type { ClientCounters } from "../../native/index.ts";
import type { CellConfiguration } from "../../schemas/configuration.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import type { Log } from "../kernel/ports/log.ts";
import type { MarketEngine, MatchingEngine } from "../kernel/ports/matching-engine.ts";
import { ok, type Result } from "../kernel/result.ts";
import type { MarketDefinition } from "../region/messages.ts";
import { type EdgeReport, MarketEdges } from "./edges.ts";
import type { EntryTracing } from "./tracing.ts";
import { SharedMemoryDoor } from "./shared-memory.ts";

/** What a scrape shows of the doors beside NATS. */
export interface DoorsMeasured {
  /** Null in a cell without shared-memory clients. */
  readonly clients: ClientCounters | null;
  readonly edges: readonly EdgeReport[];
}

/** Where orders come in besides NATS: shared memory, and OUCH; and where the feeds go out. */
export class Doors {
  readonly #memory: SharedMemoryDoor | null;
  readonly #edges: MarketEdges | null;
  readonly #log: Log;

  private constructor(memory: SharedMemoryDoor | null, edges: MarketEdges | null, log: Log) {
    this.#memory = memory;
    this.#edges = edges;
    this.#log = log;
  }

  /** Failure codes: configuration_invalid (a file it names), address_taken (the socket). */
  static async open(
    engine: MatchingEngine,
    configuration: CellConfiguration,
    ports: { readonly clock: Clock; readonly log: Log },
  ): Promise<Result<Doors>> {
    const { clients, edges, dataDirectory } = configuration;
    const memory =
      clients === null ? ok(null) : await SharedMemoryDoor.open(engine, clients, ports.log);
    if (!memory.ok) return memory;
    const served =
      edges === null ? ok(null) : MarketEdges.read(edges, join(dataDirectory, "edges.json"), ports);
    if (!served.ok) return served;
    return ok(new Doors(memory.value, served.value, ports.log));
  }

  /** As MarketPorts.onServing. */
  serve(engine: MarketEngine, definition: MarketDefinition, epoch: number): void {
    this.#memory?.serve(engine);
    this.#edges?.serve(engine, definition, epoch);
  }

  /** As MarketPorts.onLeaving. */
  leave(engine: MarketEngine, definition: MarketDefinition): void {
    this.#memory?.leave(engine);
    this.#edges?.leave(engine, definition);
  }

  /** As MarketEdges.trace. */
  trace(tracing: EntryTracing): void {
    this.#edges?.trace(tracing);
  }

  /** Reads again who may come in over shared memory. */
  reload(): void {
    const reloaded = this.#memory?.reload() ?? ok(undefined);
    if (reloaded.ok) this.#log.info({}, "grants read again");
    else this.#log.error({ failure: reloaded.failure }, "the grants stay as they were");
  }

  measured(): DoorsMeasured {
    return { clients: this.#memory?.counters() ?? null, edges: this.#edges?.reports() ?? [] };
  }

  /** Before the markets are closed. */
  stop(): void {
    this.#edges?.stop();
  }
}
