import type { LogControl } from "../kernel/ports/log.ts";
import { wire } from "../../schemas/messages.ts";
import * as subjects from "../../schemas/subjects.ts";
import type {
  DurabilityMode,
  LatencySummary,
  MarketState,
} from "../kernel/ports/matching-engine.ts";
import { type Failure, unreachable } from "../kernel/result.ts";
import type {
  DefinitionInput,
  DrillRecord,
  FailoverPlan,
  FailoverRequest,
  FailoverStatus,
  FailoverStep,
  FlowTotals,
  MarketDefinition,
  MarketReport,
  OperationVerb,
  RegionReport,
} from "./messages.ts";

/** Leases, ownership and definitions as bytes; the only file of this folder that sees schemas/. */

export interface LeaseRecord {
  readonly region: string;
  readonly cell: string;
  readonly node: string;
  readonly incarnation: number;
  readonly renewal: number;
  readonly nonce: Uint8Array;
  readonly fenced: boolean;
  /** Given back by its own cell, which has stopped in good order. */
  readonly released: boolean;
  /** What the cell says of the actors it hosts; null: it hosts none. */
  readonly actors: HostedActors | null;
  /** What it says of actors of other regions; absent: it hosts none. */
  readonly hosts?: readonly HostedRegion[];
  /** Regions whose actors may run here when their own cells cannot; absent: none. */
  readonly mayHost?: readonly string[];
  /** Its region is drained: it takes no actors of silent cells. Absent: it does. */
  readonly takesNone?: boolean;
}
export interface HostedRegion {
  readonly region: string;
  readonly actors: HostedActors;
}
/** Informative: the key own.act-<region>-<nn> decides who owns a shard. */
export interface HostedActors {
  readonly capacity: number;
  readonly running: number;
  readonly draining: boolean;
  readonly shards: readonly number[];
  /** Anti-affinity words of the actors that run there. */
  readonly groups: readonly string[];
}
export interface OwnershipRecord {
  readonly shard: string;
  readonly epoch: number;
  readonly region: string;
  readonly cell: string;
  readonly incarnation: number;
  /** First of the epochs up to this one that were all given to this cell; 0: not known. */
  readonly since: number;
}

export const keys = {
  leaseBucket: subjects.leaseBucket,
  directoryBucket: subjects.directoryBucket,
  lease: subjects.cellLeaseKey,
  leasePrefix: subjects.cellLeasePrefix,
  ownership: subjects.ownershipKey,
  shard: subjects.shardDirectoryKey,
  market: subjects.marketDirectoryKey,
  marketPrefix: subjects.marketDirectoryPrefix,
  lastDrill: subjects.lastDrillKey,
} as const;

export const encodeLease = (lease: LeaseRecord): Uint8Array =>
  wire.region.v1.CellLease.encode({
    ...lease,
    actors: lease.actors === null ? null : hostedToWire(lease.actors),
    hosts: (lease.hosts ?? []).map(({ region, actors }) => ({
      region,
      actors: hostedToWire(actors),
    })),
    mayHost: [...(lease.mayHost ?? [])],
  }).finish();

/** Null when the bytes are no lease. */
export function decodeLease(bytes: Uint8Array): LeaseRecord | null {
  return decoded(() => {
    const found = wire.region.v1.CellLease.decode(bytes);
    const { region, cell, node, incarnation, renewal, nonce, fenced, released } = found;
    const whole = region !== "" && cell !== "" && Number.isSafeInteger(incarnation);
    if (!whole) return null;
    const actors = hostedActors(found.actors);
    const hosts = found.hosts.flatMap((hosted) => {
      const said = hostedActors(hosted.actors);
      return said === null ? [] : [{ region: hosted.region ?? "", actors: said }];
    });
    const lease = { region, cell, node, incarnation, renewal, nonce, fenced, released, actors };
    return {
      ...lease,
      ...(hosts.length === 0 ? {} : { hosts }),
      ...(found.mayHost.length === 0 ? {} : { mayHost: found.mayHost }),
      ...(found.takesNone ? { takesNone: true } : {}),
    };
  });
}

const hostedToWire = ({ capacity, running, draining, shards, groups }: HostedActors) => ({
  capacity,
  running,
  draining,
  shards: [...shards],
  groups: [...groups],
});

function hostedActors(actors: wire.region.v1.IActorHost | null | undefined): HostedActors | null {
  if (actors === null || actors === undefined) return null;
  return {
    capacity: actors.capacity ?? 0,
    running: actors.running ?? 0,
    draining: actors.draining ?? false,
    shards: actors.shards ?? [],
    groups: actors.groups ?? [],
  };
}

export const encodeOwnership = (ownership: OwnershipRecord): Uint8Array =>
  wire.region.v1.Ownership.encode(ownership).finish();

/** Null when the bytes are no ownership record. */
export function decodeOwnership(bytes: Uint8Array): OwnershipRecord | null {
  return decoded(() => {
    const { shard, epoch, region, cell, incarnation, since } =
      wire.region.v1.Ownership.decode(bytes);
    const whole = shard !== "" && region !== "" && Number.isSafeInteger(epoch);
    return whole ? { shard, epoch, region, cell, incarnation, since } : null;
  });
}

export const encodeShardRecord = (record: {
  readonly shard: string;
  readonly home: string;
}): Uint8Array => wire.region.v1.ShardRecord.encode(record).finish();

const wireModes = wire.market.v1.DurabilityMode;
const modes = [undefined, "matched", "durable", "replicated"] as const;
const modeNumbers = {
  matched: wireModes.DURABILITY_MODE_MATCHED,
  durable: wireModes.DURABILITY_MODE_DURABLE,
  replicated: wireModes.DURABILITY_MODE_REPLICATED,
} as const;

/** A definition as it came over the wire, unchecked (definition.ts checks it). */
export function definitionFromWire(definition: wire.market.v1.IMarketDefinition): DefinitionInput {
  const { market, home, group, shard, currency, calendar, tick, lot } = definition;
  return {
    market: market ?? "",
    home: home ?? "",
    group: group ?? "",
    shard: shard ?? 0,
    currency: currency ?? "",
    priceDecimals: definition.priceDecimals ?? 0,
    tick: tick ?? 0,
    lot: lot ?? 0,
    bandLow: definition.bandLow ?? 0,
    bandHigh: definition.bandHigh ?? 0,
    maximumQuantity: definition.maximumQuantity ?? 0,
    orderCapacity: definition.orderCapacity ?? 0,
    mode: modes[definition.mode ?? 0],
    calendar: calendar ?? "",
    makerFeeBpsE2: definition.makerFeeBpsE2 ?? 0,
    takerFeeBpsE2: definition.takerFeeBpsE2 ?? 0,
  };
}

export function definitionToWire(definition: MarketDefinition): wire.market.v1.IMarketDefinition {
  return { ...definition, mode: modeNumbers[definition.mode] };
}

export const encodeDefinition = (definition: MarketDefinition): Uint8Array =>
  wire.market.v1.MarketDefinition.encode(definitionToWire(definition)).finish();

/** Null when the bytes are no definition; the result is unchecked. */
export const decodeDefinition = (bytes: Uint8Array): DefinitionInput | null =>
  decoded(() => definitionFromWire(wire.market.v1.MarketDefinition.decode(bytes)));

function decoded<T>(decode: () => T | null): T | null {
  try {
    return decode();
  } catch {
    return null;
  }
}

export const subscriptions = {
  commands: subjects.commandsOfRegion,
  operations: subjects.patterns.operationsOf,
} as const;

/** A reply of any kind that carries only a refusal: in every reply the refusal is field 1. */
export const encodeRefusal = (failure: Failure): Uint8Array =>
  wire.control.v1.StatusReply.encode({ refusal: failure }).finish();

/** A request to the operations services, decoded but not checked further. */
export type OperationRequest =
  | { readonly verb: "status"; readonly brief: boolean }
  | { readonly verb: "market-history"; readonly market: string; readonly payload: Uint8Array }
  | { readonly verb: "market-create"; readonly definition: DefinitionInput; readonly by: string }
  | {
      readonly verb: "market-halt" | "market-resume";
      readonly market: string;
      readonly reason: string;
      readonly by: string;
    }
  | {
      readonly verb: "market-mode";
      readonly market: string;
      readonly mode: DurabilityMode;
      readonly reason: string;
      readonly by: string;
    }
  | {
      readonly verb: "market-phase";
      readonly market: string;
      readonly phase: MarketState;
      readonly reason: string;
      readonly by: string;
    }
  | { readonly verb: "failover"; readonly request: FailoverRequest }
  | { readonly verb: "undrain"; readonly by: string; readonly reason: string }
  | { readonly verb: "approve"; readonly id: string; readonly by: string }
  | {
      readonly verb: "failover-abort";
      readonly id: string;
      readonly by: string;
      readonly reason: string;
    }
  | { readonly verb: "drill-record"; readonly drill: DrillRecord }
  | { readonly verb: "flow"; readonly paused: boolean }
  | { readonly verb: "log-level"; readonly level: string; readonly actor: string };

const marketPhases: readonly MarketState[] = [
  "open",
  "halted",
  "pre_open",
  "opening_auction",
  "volatility_auction",
  "closing_auction",
  "closed",
];

/** Null when the bytes are no such request. */
export function decodeOperation(verb: OperationVerb, bytes: Uint8Array): OperationRequest | null {
  const control = wire.control.v1;
  return decoded((): OperationRequest | null => {
    switch (verb) {
      case "status":
        return { verb, brief: control.StatusRequest.decode(bytes).brief };
      case "market-history": {
        const { market } = wire.market.v1.MarketHistoryRequest.decode(bytes);
        return { verb, market, payload: bytes };
      }
      case "market-create": {
        const { definition, requestedBy } = control.MarketCreateRequest.decode(bytes);
        if (definition === null || definition === undefined) return null;
        return { verb, definition: definitionFromWire(definition), by: requestedBy };
      }
      case "market-halt":
      case "market-resume": {
        const { market, reason, requestedBy } = control.MarketStateRequest.decode(bytes);
        return { verb, market, reason, by: requestedBy };
      }
      case "market-mode": {
        const { market, mode, reason, requestedBy } = control.MarketModeRequest.decode(bytes);
        const wanted = modes[mode];
        return wanted === undefined
          ? null
          : { verb, market, mode: wanted, reason, by: requestedBy };
      }
      case "market-phase": {
        const { market, phase, reason, requestedBy } = control.MarketPhaseRequest.decode(bytes);
        const wanted = marketPhases.find((name) => name === phase);
        return wanted === undefined
          ? null
          : { verb, market, phase: wanted, reason, by: requestedBy };
      }
      case "failover": {
        const { from, to, dryRun, requestedBy, id, acceptLoss, reason, homeOnly, drain } =
          wire.region.v1.FailoverRequest.decode(bytes);
        const tokens = [from, to, id].every((text) => subjects.isToken(text));
        const asked = { from, to, dryRun, requestedBy, id, acceptLoss };
        const request = { ...asked, reason, homeOnly, drain };
        return tokens ? { verb, request } : null;
      }
      case "failover-abort": {
        const { id, requestedBy, reason } = wire.region.v1.AbortRequest.decode(bytes);
        return { verb, id, by: requestedBy, reason };
      }
      case "undrain": {
        const { requestedBy, reason } = wire.region.v1.UndrainRequest.decode(bytes);
        return { verb, by: requestedBy, reason };
      }
      case "approve": {
        const { id, approvedBy } = wire.region.v1.ApproveRequest.decode(bytes);
        return { verb, id, by: approvedBy };
      }
      case "drill-record": {
        const { drill } = wire.region.v1.DrillRequest.decode(bytes);
        return drill ? { verb, drill: drillFromWire(drill) } : null;
      }
      case "flow":
        return { verb, paused: control.FlowRequest.decode(bytes).paused };
      case "log-level": {
        const { level, actor } = control.LogLevelRequest.decode(bytes);
        return { verb, level, actor };
      }
      default:
        return unreachable(verb);
    }
  });
}

export const encodeStatus = (report: RegionReport): Uint8Array =>
  wire.control.v1.StatusReply.encode({ status: statusToWire(report) }).finish();

export const encodeMarket = (market: MarketReport): Uint8Array =>
  wire.control.v1.MarketReply.encode({ market: marketToWire(market) }).finish();

export const encodeFlow = (totals: FlowTotals): Uint8Array =>
  wire.control.v1.FlowReply.encode(totals).finish();

export const encodeLogLevel = (cell: string, { level, overrides }: LogControl): Uint8Array =>
  wire.control.v1.LogLevelReply.encode({
    cell,
    level,
    actors: Object.fromEntries(overrides),
  }).finish();

export const encodeDrillReply = (drill: DrillRecord): Uint8Array =>
  wire.region.v1.DrillReply.encode({ drill }).finish();
export const encodeDrill = (drill: DrillRecord): Uint8Array =>
  wire.region.v1.DrillRecord.encode(drill).finish();
/** Null when the bytes are none. */
export const decodeDrill = (bytes: Uint8Array): DrillRecord | null =>
  decoded(() => drillFromWire(wire.region.v1.DrillRecord.decode(bytes)));

function drillFromWire(found: wire.region.v1.IDrillRecord): DrillRecord {
  return {
    id: found.id?.slice(0, 64) ?? "",
    fault: found.fault?.slice(0, 64) ?? "",
    outcome: found.outcome ?? "",
    atUnixMs: found.atUnixMs ?? 0,
    recoveryMs: found.recoveryMs ?? 0,
    lost: found.lost ?? 0,
    doubled: found.doubled ?? 0,
    detail: found.detail?.slice(0, 512) ?? "",
    recordedBy: found.recordedBy?.slice(0, 64) ?? "",
  };
}

/** The report in the fields of the schema, for replies and for JSON over HTTP. */
export function statusToWire(report: RegionReport): wire.control.v1.IRegionStatus {
  return {
    ...report,
    markets: report.markets.map(marketToWire),
    standbys: report.standbys.map(standbyToWire),
    lastFailover: report.lastFailover,
    lastDrill: report.lastDrill,
    streams: [...report.cluster.streams],
    leases: [...report.cluster.leases],
    actors: [...report.cluster.actors],
  };
}

const standbyToWire = (report: MarketReport): wire.control.v1.IStandbyStatus => ({
  market: report.definition.market,
  home: report.definition.home,
  state: report.state,
  detail: report.detail,
  owner: report.standby?.owner ?? "",
  epoch: report.standby?.epoch ?? 0,
  sequence: report.standby?.sequence ?? 0,
  lagRecords: report.standby?.lagRecords ?? 0,
  lagMs: report.standby?.lagMs ?? 0,
  mode: report.standby?.mode ?? report.mode,
});

export const encodeFailover = (reply: {
  readonly plan?: FailoverPlan;
  readonly status?: FailoverStatus;
}): Uint8Array => {
  const { plan, status } = reply;
  return wire.region.v1.FailoverReply.encode({
    ...(plan === undefined
      ? {}
      : {
          plan: {
            ...plan,
            markets: [...plan.markets],
            checks: [...plan.checks],
            actors: [...plan.actors],
          },
        }),
    ...(status === undefined ? {} : { status }),
  }).finish();
};

export const shardOf = (definition: { readonly group: string; readonly shard: number }): string =>
  subjects.shardName(definition.group, definition.shard);
export const failoverSubject = subjects.failoverSubject;
export const failoverKey = subjects.failoverDirectoryKey;
export const statusSubject = (region: string): string =>
  subjects.operationsSubject(region, "status");
/** Where the cells of a region are told that a shard is theirs to claim. */
export const successionSubject = (region: string, shard: string): string =>
  subjects.actorSubject(region, "succession", shard, "look");
export const successionsOf = (region: string): string => `act.${region}.succession.*.look`;

export const encodeStep = (
  status: FailoverStatus,
  number: number,
  step: FailoverStep,
  atUnixMs: number,
): Uint8Array => {
  const { id, from, to } = status;
  return wire.region.v1.FailoverStep.encode({ id, from, to, number, atUnixMs, ...step }).finish();
};

export const encodeFailoverStatus = (status: FailoverStatus): Uint8Array =>
  wire.region.v1.FailoverStatus.encode(status).finish();

const failoverStates = ["awaiting_approval", "running", "done", "failed", "aborted"] as const;

/** Null when the bytes are none. */
export const decodeFailoverStatus = (bytes: Uint8Array): FailoverStatus | null =>
  decoded(() => {
    const found = wire.region.v1.FailoverStatus.decode(bytes);
    const state = failoverStates.find((name) => name === found.state);
    if (state === undefined) return null;
    const { id, from, to, requestedBy, approvedBy, startedUnixMs, endedUnixMs } = found;
    const { marketsMoved, actorsMoved, longestPauseMs, detail, reason, planned, drain } = found;
    const times = { startedUnixMs, endedUnixMs, marketsMoved, actorsMoved, longestPauseMs };
    const said = { detail, reason, planned, drain };
    return { id, from, to, state, requestedBy, approvedBy, ...times, ...said };
  });

/** Whether a region's cells may take markets, as it is written down. */
export interface DrainRecord {
  readonly region: string;
  readonly drained: boolean;
  readonly by: string;
  readonly approvedBy: string;
  readonly reason: string;
  readonly sinceUnixMs: number;
}
export const drainKey = subjects.drainDirectoryKey;
export const encodeDrain = (record: DrainRecord): Uint8Array =>
  wire.region.v1.DrainRecord.encode(record).finish();
/** Null when the region is not drained. */
export const decodeDrain = (bytes: Uint8Array): DrainRecord | null =>
  decoded(() => {
    const { region, drained, by, approvedBy, reason, sinceUnixMs } =
      wire.region.v1.DrainRecord.decode(bytes);
    return drained ? { region, drained, by, approvedBy, reason, sinceUnixMs } : null;
  });

/** What another region says of its markets; null when it refused or the bytes are no status. */
export const decodeRemoteStatus = (bytes: Uint8Array): RemoteStatus | null =>
  decoded(() => {
    const { status } = wire.control.v1.StatusReply.decode(bytes);
    if (!status) return null;
    const markets = (status.markets ?? []).map(({ market, state }) => ({
      market: market ?? "",
      state: state ?? "",
    }));
    const standbys = (status.standbys ?? []).map((one) => ({
      market: one.market ?? "",
      state: one.state ?? "",
      sequence: one.sequence ?? 0,
      lagRecords: one.lagRecords ?? 0,
      lagMs: one.lagMs ?? 0,
    }));
    const { cell, ready, drain } = status;
    const self = { cell: cell ?? "", ready: ready ?? false, drain: drain ?? "" };
    return { ...self, markets, standbys };
  });

export interface RemoteStatus {
  readonly cell: string;
  readonly ready: boolean;
  /** draining or drained: it takes nothing. */
  readonly drain: string;
  readonly markets: readonly { readonly market: string; readonly state: string }[];
  readonly standbys: readonly {
    readonly market: string;
    readonly state: string;
    readonly sequence: number;
    readonly lagRecords: number;
    readonly lagMs: number;
  }[];
}

function marketToWire(market: MarketReport): wire.control.v1.IMarketStatus {
  return {
    ...market,
    market: market.definition.market,
    home: market.definition.home,
    definition: definitionToWire(market.definition),
    indicativePrice: market.indication.price,
    indicativeVolume: market.indication.volume,
    indicativeSurplus: market.indication.surplus,
    refusals: { ...market.refusals },
    serviceTime: latencyToWire(market.serviceTime),
    acknowledgement: latencyToWire(market.acknowledgement),
  };
}

const latencyToWire = (latency: LatencySummary): wire.control.v1.ILatency => ({
  count: latency.count,
  p50Ns: Math.round(latency.p50),
  p99Ns: Math.round(latency.p99),
  p999Ns: Math.round(latency.p999),
  maximumNs: Math.round(latency.maximum),
});
