import type { CountedDurations } from "../kernel/durations.ts";
import type {
  DurabilityMode,
  LatencySummary,
  MarketState,
} from "../kernel/ports/matching-engine.ts";

/** Reference data of a market; fields as in schemas/market/v1. Prices in price units. */
export interface MarketDefinition {
  readonly market: string;
  /** Region that owns the market when all is well. */
  readonly home: string;
  /** Replication group: the regions that may hold its journal. */
  readonly group: string;
  /** 0 … 15 within the group; markets of one shard share a home. */
  readonly shard: number;
  readonly currency: string;
  /** A price unit is 10^-priceDecimals of the currency. */
  readonly priceDecimals: number;
  readonly tick: number;
  /** Quantity units; every quantity is a multiple. */
  readonly lot: number;
  readonly bandLow: number;
  readonly bandHigh: number;
  /** Quantity units. */
  readonly maximumQuantity: number;
  readonly orderCapacity: number;
  readonly mode: DurabilityMode;
  readonly calendar: string;
  /** Hundredths of a basis point of notional; negative is a rebate. */
  readonly makerFeeBpsE2: number;
  readonly takerFeeBpsE2: number;
}
/** A definition from outside: same fields, nothing checked. */
export type DefinitionInput = Omit<MarketDefinition, "mode"> & {
  readonly mode: DurabilityMode | undefined;
};

/** Where a market's definition comes from: a file under regions/, or a request at run time. */
export type DefinitionOrigin = "file" | "directory";

export interface ListedMarket {
  readonly definition: MarketDefinition;
  readonly origin: DefinitionOrigin;
}

/** What the region knows of markets, its own and the others'. Plain data. */
export interface RegionState {
  readonly region: string;
  /** Replication groups this region takes part in. */
  readonly groups: readonly string[];
  readonly markets: Readonly<Record<string, ListedMarket>>;
  readonly flowPaused: boolean;
}

export type RegionCommand =
  | { readonly type: "create_market"; readonly definition: DefinitionInput }
  | { readonly type: "pause_flow"; readonly paused: boolean };

export type RegionEvent =
  | {
      readonly type: "market_listed";
      readonly definition: MarketDefinition;
      readonly origin: DefinitionOrigin;
    }
  | { readonly type: "flow_paused"; readonly paused: boolean };

/** What a market says of itself; the fields of schemas/control/v1 MarketStatus as typed data. */
export interface MarketReport {
  readonly definition: MarketDefinition;
  /** starting | recovering | fencing | open | halted | stopping | stopped | failed. */
  readonly state: string;
  /** Why it is not open; empty when it is. */
  readonly detail: string;
  /** What may be traded now, of a market that is served here; empty when it is not. */
  readonly phase: MarketState | "";
  /** What an auction would trade now, units; positive surplus: bought. */
  readonly indication: {
    readonly price: number;
    readonly volume: number;
    readonly surplus: number;
  };
  readonly mode: DurabilityMode;
  readonly epoch: number;
  readonly matched: number;
  readonly durable: number;
  readonly committed: number;
  readonly orders: number;
  readonly trades: number;
  /** Quantity units. */
  readonly volume: number;
  readonly refusals: Readonly<Record<string, number>>;
  readonly restingOrders: number;
  readonly touch: {
    readonly bidPrice: number;
    readonly bidQuantity: number;
    readonly askPrice: number;
    readonly askQuantity: number;
  };
  readonly digest: string;
  readonly restarts: number;
  readonly serviceTime: LatencySummary;
  readonly acknowledgement: LatencySummary;
  /** As of the market's actor; absent while it does not answer. */
  readonly acknowledgements?: CountedDurations;
  readonly journal?: JournalReport;
  /** Null or absent when the market is owned here. */
  readonly standby?: StandbyOfMarket | null;
}

/** Where a market stands that this cell follows and does not own. */
export interface StandbyOfMarket {
  /** region/cell on record; the region alone when it was handed over; empty when nobody is known. */
  readonly owner: string;
  readonly epoch: number;
  readonly sequence: number;
  readonly lagRecords: number;
  /** Milliseconds since it last stood at the journal's tail; null: not yet. */
  readonly lagMs: number | null;
  readonly mode: DurabilityMode | null;
}

/** What became of a market's sealed blocks, and of what waited for them; counts of its actor. */
export interface JournalReport {
  readonly blocks: number;
  readonly undecided: number;
  readonly resent: number;
  readonly dropped: number;
  readonly eventsRefused: number;
  readonly withheld: number;
}

/** The cell as operators and health checks see it. */
export interface RegionReport {
  readonly name: string;
  /** Empty: neither. */
  readonly drain?: "" | "draining" | "drained";
  /** Takes orders on every market of its home. */
  readonly ready: boolean;
  /** Why not; empty when ready. */
  readonly notReadyReason: string;
  readonly cell: string;
  readonly incarnation: number;
  readonly engine: "native" | "portable";
  /** Version of the nats-server it is connected to; empty when never connected. */
  readonly natsServer: string;
  readonly natsState: "connected" | "reconnecting";
  readonly reconnects: number;
  /** Base URL of health and status. */
  readonly http: string;
  /** Markets owned here, and those of this home that nobody else owns. */
  readonly markets: readonly MarketReport[];
  /** Markets that are followed here. */
  readonly standbys: readonly MarketReport[];
  /** Milliseconds for which the lease holds without another renewal. */
  readonly leaseValidMs: number;
  readonly lastFailover: FailoverStatus | null;
  readonly lastDrill: DrillRecord | null;
  readonly cluster: ClusterFacts;
  readonly startedUnixMs: number;
  readonly build: string;
  readonly deadLetters: number;
  /** Refused outside the markets: by the router, the operations services and actors, by code. */
  readonly refusals: Readonly<Record<string, number>>;
  readonly flow: FlowTotals;
}

/** The background flow of all markets together, since the cell started. */
export interface FlowTotals {
  readonly paused: boolean;
  readonly sent: number;
  readonly refused: number;
}

/** What the region actor is started with. */
export interface RegionStart {
  readonly region: string;
  readonly groups: readonly string[];
  readonly cell: string;
  readonly node: string;
  /** Markets of every region as far as files under regions/ define them. */
  readonly markets: readonly MarketDefinition[];
  readonly flowPaused: boolean;
}

/** What is known of a failover (schemas/region/v1 FailoverStatus). */
export interface FailoverStatus {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly state: "awaiting_approval" | "running" | "done" | "failed" | "aborted";
  readonly requestedBy: string;
  readonly approvedBy: string;
  readonly startedUnixMs: number;
  /** 0 while it runs. */
  readonly endedUnixMs: number;
  readonly marketsMoved: number;
  readonly longestPauseMs: number;
  readonly detail: string;
  readonly reason: string;
  readonly planned: boolean;
  readonly actorsMoved: number;
  readonly drain?: boolean;
}

/** A drill as whoever ran it tells of it (schemas/region/v1 DrillRecord). */
export interface DrillRecord {
  readonly id: string;
  readonly fault: string;
  readonly outcome: string;
  readonly atUnixMs: number;
  readonly recoveryMs: number;
  readonly lost: number;
  readonly doubled: number;
  readonly detail: string;
  readonly recordedBy: string;
}

/** What a cell knows of the cluster beyond its markets (schemas/control/v1). */
export interface ClusterFacts {
  readonly streams: readonly {
    readonly stream: string;
    readonly leader: string;
    readonly replicas: number;
    readonly replicasCurrent: number;
    readonly replicaLag: number;
    readonly atUnixMs: number;
  }[];
  readonly leases: readonly {
    readonly holder: string;
    readonly incarnation: number;
    readonly state: "held" | "silent" | "fenced" | "released";
    readonly remainingNs: number;
  }[];
  readonly actors: readonly {
    readonly region: string;
    readonly at: string;
    readonly shards: number;
    readonly running: number;
  }[];
}

export interface FailoverRequest {
  readonly from: string;
  readonly to: string;
  readonly dryRun: boolean;
  readonly requestedBy: string;
  readonly id: string;
  readonly acceptLoss: boolean;
  readonly reason: string;
  /** A fail-back: only what is at home in `to`. */
  readonly homeOnly: boolean;
  /** Afterwards no cell of `from` takes a market. */
  readonly drain?: boolean;
}

export interface FailoverMarket {
  readonly market: string;
  readonly shard: string;
  readonly mode: string;
  readonly owner: string;
  readonly epoch: number;
  readonly matched: number;
  readonly durable: number;
  readonly committed: number;
  readonly standbySequence: number;
  readonly lagRecords: number;
  readonly lagMs: number;
  readonly loss: string;
  readonly lossRecords: number;
}

export interface FailoverCheck {
  readonly name: string;
  readonly level: "ok" | "warning" | "fault";
  readonly what: string;
}

/** An actor that moves with what its log holds. */
export interface FailoverActor {
  /** That it belongs to, wherever it runs. */
  readonly region: string;
  readonly type: string;
  readonly id: string;
  readonly shard: string;
  readonly epoch: number;
  /** Number of its last event; 0: there is none. */
  readonly sequence: number;
}

export interface FailoverPlan {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly planned: boolean;
  readonly approvalNeeded: boolean;
  readonly markets: readonly FailoverMarket[];
  readonly checks: readonly FailoverCheck[];
  readonly actors: readonly FailoverActor[];
  readonly actorsLeftOut: number;
  /** Regions whose actors move. */
  readonly seats: readonly string[];
}

export interface FailoverStep {
  readonly step:
    | "requested"
    | "awaiting_approval"
    | "approved"
    | "draining"
    | "handed_over"
    | "taken"
    | "market_moved"
    | "actors_leaving"
    | "actors_moved"
    | "drained"
    | "aborting"
    | "aborted"
    | "failed"
    | "done";
  readonly market: string;
  readonly detail: string;
  readonly by: string;
}

export const operationVerbs = [
  "status",
  "market-history",
  "market-create",
  "market-halt",
  "market-resume",
  "market-mode",
  "market-phase",
  "failover",
  "failover-abort",
  "undrain",
  "approve",
  "drill-record",
  "flow",
  "log-level",
] as const;
/** Answered by every cell of the region, whether it serves markets or not. */
export const viewVerbs = ["tree", "tree-node", "audit"] as const;
export type ViewVerb = (typeof viewVerbs)[number];
export type OperationVerb = (typeof operationVerbs)[number];

export type RegionMessage =
  /** A request to ops.<region>.<verb>, not decoded; answered with a payload. */
  | { readonly type: "operation"; readonly verb: OperationVerb; readonly payload: Uint8Array }
  | { readonly type: "report" }
  /** There may be markets that are not listed yet; not answered. */
  | { readonly type: "look" }
  /** Readiness drops and no order is taken any more. Irrevocable for this process. */
  | { readonly type: "drain" };

export type RegionReply =
  | { readonly type: "payload"; readonly payload: Uint8Array }
  | { readonly type: "report"; readonly report: RegionReport }
  | { readonly type: "draining" };
