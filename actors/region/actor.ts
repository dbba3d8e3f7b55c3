import type { ActorBehaviour, ActorDefinition } from "../kernel/actor.ts";
import type { Bus } from "../kernel/ports/bus.ts";
import type { LogControl } from "../kernel/ports/log.ts";
import type { RequestTrace, Tracing } from "../kernel/ports/tracing.ts";
import type { DurabilityMode, MarketState } from "../kernel/ports/matching-engine.ts";
import type { Result } from "../kernel/result.ts";
import { RegionBehaviour } from "./behaviour.ts";
import type { HostedActors, HostedRegion } from "./codec.ts";
import type { RegionMachine } from "./machine.ts";
import type {
  ClusterFacts,
  FailoverActor,
  MarketDefinition,
  MarketReport,
  RegionMessage,
  RegionReply,
  RegionStart,
  ViewVerb,
} from "./messages.ts";
import type { ShardOwnership } from "./ownership.ts";
import type { MarketVerb } from "./router.ts";

/** The markets of this cell as the region sees them: actors of another folder, met through wiring. */
export interface MarketHost {
  /** Starts the market's actor. Failure codes: already_started, busy, not_found, start_failed. */
  start(definition: MarketDefinition): Promise<Result<void>>;
  /**
   * Hands a request to the market's actor; the value is the encoded reply. Failure codes: busy,
   * not_found, timeout and internal (the last two are ambiguous).
   */
  request(
    market: string,
    verb: MarketVerb | "history",
    payload: Uint8Array,
    trace?: RequestTrace,
  ): Promise<Result<Uint8Array>>;
  /** Failure codes as request. */
  report(market: string): Promise<Result<MarketReport>>;
  setState(market: string, state: MarketState, reason: string): Promise<Result<void>>;
  /** Codes as request, and mode_not_available. */
  setMode(market: string, mode: DurabilityMode): Promise<Result<void>>;
  /** Ends this cell's ownership for the cells of a region; done when the HANDOVER is accepted. */
  handOver(market: string, region: string): Promise<Result<void>>;
  /** Ends a hand-over whose last record is not written yet: it is refused `aborted`, and the market goes on. */
  stay(market: string): Promise<Result<void>>;
}

/** The background flow of this cell. */
export interface FlowHost {
  pause(paused: boolean): void;
  totals(): { readonly sent: number; readonly refused: number };
}

/** Refusals outside the markets, by code; totals of the process. */
export interface RefusalCounts {
  count(code: string): void;
  read(): Readonly<Record<string, number>>;
}

/** Strategies, executions and risk limits of whole regions, which go where an operator wants them. */
export interface ActorMoves {
  /**
   * Regions whose actors are seated in `from`, whether `to` has a cell that may run them, and the actors with
   * the last number of their logs. Failure code: unavailable.
   */
  find(from: string, to: string): Promise<Result<FoundActors>>;
  /**
   * Seats the actors of a region in another one; done when cells there own every shard of them. The same again
   * goes on where it was. `by`: id of the move. Failure codes: not_permitted, unavailable, timeout.
   */
  move(region: string, to: string, by: string): Promise<Result<void>>;
}

export interface FoundActors {
  readonly regions: readonly { readonly region: string; readonly mayGo: boolean }[];
  readonly actors: readonly FailoverActor[];
  /** More than are listed. */
  readonly leftOut: number;
}

export interface RegionPorts {
  readonly bus: Bus;
  readonly ownership: ShardOwnership;
  readonly markets: MarketHost;
  readonly flow: FlowHost;
  readonly refusals: RefusalCounts;
  /**
   * Makes sure the market's journal and events have a stream. `isNew` false: a journal's stream that is not there is
   * not made, for an empty one would pass for the journal. Failure codes: unavailable, not_found.
   */
  readonly ensureJournal: (definition: MarketDefinition, isNew: boolean) => Promise<Result<void>>;
  /** Markets that files define by now; absent: those of the start. */
  readonly filed?: () => readonly MarketDefinition[];
  /** Last incarnation this data folder used; 0 at the first start. */
  readonly recordedIncarnation: () => number;
  /** Returns once the number is durable. */
  readonly persistIncarnation: (incarnation: number) => void;
  /** 16 unpredictable bytes. */
  readonly nonce: () => Uint8Array;
  readonly facts: () => CellFacts;
  readonly cluster: () => ClusterFacts;
  /** Absent: no order is traced. */
  readonly tracing?: Tracing;
  /** Absent: the log has one level. */
  readonly logs?: LogControl;
  /** What the lease says of the actors hosted here; absent or null: none. */
  readonly actors?: () => HostedActors | null;
  /** The same of actors of other regions. */
  readonly hosts?: () => readonly HostedRegion[];
  /** Regions whose actors may run here when their own cells cannot; absent: none. */
  readonly mayHost?: readonly string[];
  /** Moves actors between regions; absent: they stay where they are. */
  readonly actorMoves?: ActorMoves;
  /** True: a second person has to approve what moves markets. Absent: false. */
  readonly twoPersons?: boolean;
  /** Answers the verbs that every cell answers; requests to them come here by the same subscription. */
  readonly views: (verb: ViewVerb, payload: Uint8Array) => Promise<Uint8Array>;
  /** False: the cell hosts actors only; markets and operations are another cell's. Absent: true. */
  readonly servesMarkets?: boolean;
}

/** What does not come from actors. */
export interface CellFacts {
  readonly engine: "native" | "portable";
  /** Version of the connected nats-server. */
  readonly natsServer: string;
  readonly http: string;
  readonly startedUnixMs: number;
  readonly build: string;
}

/** Requests to the operations services that wait; one more is refused `busy`. */
const mailboxCapacity = 256;

/** The region actor: lease of the cell, ownership of shards, router, operations services. */
export function regionActor(
  ports: RegionPorts,
): ActorDefinition<RegionStart, RegionMessage, RegionReply, RegionMachine> {
  const definition: ActorDefinition<RegionStart, RegionMessage, RegionReply, RegionMachine> = {
    type: "region",
    // A request is not tried again after a failure: its sender asks anew.
    mailbox: { capacity: mailboxCapacity, onRestart: "drop", parkAfter: 1 },
    create: (context, start): ActorBehaviour<RegionMessage, RegionReply, RegionMachine> =>
      new RegionBehaviour(context, start, ports, () =>
        context.system.find(definition, context.path),
      ),
  };
  return definition;
}
