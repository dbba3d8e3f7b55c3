import { ok, type Result, refuse } from "../../actors/kernel/result.ts";
import { wire } from "../../schemas/messages.ts";
import { decodeRefusal } from "../../schemas/sdk/codec.ts";
import { operationsSubject } from "../../schemas/subjects.ts";
import { clusterFacts, type ClusterFactsView } from "./cluster-facts.ts";
import type { Cluster } from "./cluster.ts";

type WireRegion = wire.control.v1.RegionStatus.$Properties;
type WireMarket = wire.control.v1.MarketStatus.$Properties;
type WireLatency = wire.control.v1.Latency.$Properties;

/** A span of latencies in nanoseconds. */
export interface LatencyView {
  readonly count: number;
  readonly p50Ns: number;
  readonly p99Ns: number;
  readonly p999Ns: number;
  readonly maximumNs: number;
}

/** A region as `meridian status` shows it; fields of a region that does not answer are null. */
export interface RegionView {
  readonly name: string;
  readonly ready: boolean;
  /** It does not answer: what is shown is what it told last. */
  readonly stale: boolean;
  /** Milliseconds since it told what is shown; null: it has told nothing yet. */
  readonly ageMs: number | null;
  /** Why it is not ready; null when it is. */
  readonly reason: string | null;
  readonly cell: string | null;
  readonly incarnation: number | null;
  readonly engine: string | null;
  readonly natsServer: string | null;
  readonly natsState: string | null;
  readonly reconnects: number | null;
  readonly http: string | null;
  readonly startedAt: string | null;
  readonly build: string | null;
  readonly deadLetters: number | null;
  /** Refused outside the markets, by code; each market counts its own. */
  readonly refusals: Readonly<Record<string, number>> | null;
}

/** Reference data of a market; prices in price units (10^-priceDecimals of the currency). */
export interface DefinitionView {
  readonly group: string;
  readonly shard: number;
  readonly currency: string;
  readonly priceDecimals: number;
  readonly tick: number;
  readonly lot: number;
  readonly bandLow: number;
  readonly bandHigh: number;
  readonly maximumQuantity: number;
  readonly orderCapacity: number;
  readonly mode: ModeName;
  readonly calendar: string;
  readonly makerFeeBpsE2: number;
  readonly takerFeeBpsE2: number;
}

export interface MarketView {
  readonly market: string;
  readonly home: string;
  /** The region that owns it now. */
  readonly region: string;
  readonly state: string;
  /** What may be traded now: open, halted, an auction, closed; empty while nobody serves it. */
  readonly phase: string;
  /** Why it is not open; null when it is. */
  readonly detail: string | null;
  readonly mode: string;
  readonly epoch: number;
  readonly matched: number;
  readonly durable: number;
  readonly committed: number;
  readonly orders: number;
  readonly trades: number;
  readonly volume: number;
  readonly refusals: Readonly<Record<string, number>>;
  readonly restingOrders: number;
  readonly bidPrice: number;
  readonly bidQuantity: number;
  readonly askPrice: number;
  readonly askQuantity: number;
  readonly digest: string;
  readonly restarts: number;
  readonly serviceTime: LatencyView;
  readonly acknowledgement: LatencyView;
  /** Null when the region does not tell it. */
  readonly definition: DefinitionView | null;
}

export interface ClusterStatus {
  readonly regions: readonly RegionView[];
  readonly markets: readonly MarketView[];
  /** Leaders, leases, lags, seats of actors, the last drill. */
  readonly cluster: ClusterFactsView;
}

/** Asks every region at once; a region that does not answer is listed with the reason. */
export async function clusterStatus(cluster: Cluster): Promise<ClusterStatus> {
  const answers = await Promise.all(
    cluster.regions.map(async (name) => ({ name, answer: await askStatus(cluster, name) })),
  );
  return {
    regions: answers.map(({ name, answer }) =>
      answer.ok ? regionView(name, answer.value) : silentRegion(name, answer.failure.reason),
    ),
    markets: answers.flatMap(({ name, answer }) =>
      answer.ok ? (answer.value.markets ?? []).map((market) => marketView(market, name)) : [],
    ),
    cluster: clusterFacts(answers.flatMap(({ answer }) => (answer.ok ? [answer.value] : []))),
  };
}

export function askStatus(cluster: Cluster, region: string): Promise<Result<WireRegion>> {
  return cluster.ask(
    operationsSubject(region, "status"),
    wire.control.v1.StatusRequest.encode({}).finish(),
    (payload) => {
      const reply = wire.control.v1.StatusReply.decode(payload);
      const failure = decodeRefusal(reply.refusal);
      if (failure !== null) return { ok: false, failure };
      return ok(reply.status ?? {});
    },
  );
}

/** A market by name, as soon as its region has answered. Failure codes: market_unknown, those of the regions. */
export async function findMarket(cluster: Cluster, name: string): Promise<Result<MarketView>> {
  const failures: string[] = [];
  const found = await new Promise<MarketView | null>((resolve) => {
    const asked = cluster.regions.map(async (region) => {
      const answer = await askStatus(cluster, region);
      if (!answer.ok) {
        failures.push(`${region}: ${answer.failure.reason}`);
        return;
      }
      const market = answer.value.markets?.find((candidate) => candidate.market === name);
      if (market !== undefined) resolve(marketView(market, region));
    });
    void Promise.all(asked).then(() => resolve(null));
  });
  if (found !== null) return ok(found);
  const silent = failures.length === 0 ? "" : ` (not answering: ${failures.join("; ")})`;
  return refuse(
    "market_unknown",
    `no region has a market ${name}${silent}`,
    "npx meridian market list",
  );
}

/** A region of which only the name is known. */
export const silentRegion = (name: string, reason: string): RegionView => ({
  name,
  ready: false,
  stale: true,
  ageMs: null,
  reason,
  cell: null,
  incarnation: null,
  engine: null,
  natsServer: null,
  natsState: null,
  reconnects: null,
  http: null,
  startedAt: null,
  build: null,
  deadLetters: null,
  refusals: null,
});

function regionView(name: string, region: WireRegion): RegionView {
  const ready = region.ready ?? false;
  return {
    name,
    ready,
    stale: false,
    ageMs: 0,
    reason: ready ? null : (region.notReadyReason ?? ""),
    cell: region.cell ?? "",
    incarnation: region.incarnation ?? 0,
    engine: region.engine ?? "",
    natsServer: region.natsServer ?? "",
    natsState: region.natsState ?? "",
    reconnects: region.reconnects ?? 0,
    http: region.http ?? "",
    startedAt: new Date(region.startedUnixMs ?? 0).toISOString(),
    build: region.build ?? "",
    deadLetters: region.deadLetters ?? 0,
    refusals: { ...region.refusals },
  };
}

/** A market's status with every field present. */
export function marketView(market: WireMarket, region = market.home ?? ""): MarketView {
  const touch = market.touch ?? {};
  return {
    market: market.market ?? "",
    home: market.home ?? "",
    region,
    state: market.state ?? "",
    phase: market.phase ?? "",
    detail: market.detail === undefined || market.detail === "" ? null : market.detail,
    mode: market.mode ?? "",
    epoch: market.epoch ?? 0,
    matched: market.matched ?? 0,
    durable: market.durable ?? 0,
    committed: market.committed ?? 0,
    orders: market.orders ?? 0,
    trades: market.trades ?? 0,
    volume: market.volume ?? 0,
    refusals: { ...market.refusals },
    restingOrders: market.restingOrders ?? 0,
    bidPrice: touch.bidPrice ?? 0,
    bidQuantity: touch.bidQuantity ?? 0,
    askPrice: touch.askPrice ?? 0,
    askQuantity: touch.askQuantity ?? 0,
    digest: market.digest ?? "",
    restarts: market.restarts ?? 0,
    serviceTime: latencyView(market.serviceTime),
    acknowledgement: latencyView(market.acknowledgement),
    definition: definitionView(market.definition),
  };
}

const latencyView = (latency: WireLatency | null | undefined): LatencyView => ({
  count: latency?.count ?? 0,
  p50Ns: latency?.p50Ns ?? 0,
  p99Ns: latency?.p99Ns ?? 0,
  p999Ns: latency?.p999Ns ?? 0,
  maximumNs: latency?.maximumNs ?? 0,
});

const { DurabilityMode } = wire.market.v1;
const modes = {
  matched: DurabilityMode.DURABILITY_MODE_MATCHED,
  durable: DurabilityMode.DURABILITY_MODE_DURABLE,
  replicated: DurabilityMode.DURABILITY_MODE_REPLICATED,
} as const;
export type ModeName = keyof typeof modes;
/** Weakest promise first. */
export const modeNames = ["matched", "durable", "replicated"] as const satisfies ModeName[];

function definitionView(
  definition: wire.market.v1.MarketDefinition.$Properties | null | undefined,
): DefinitionView | null {
  if (definition === null || definition === undefined) return null;
  return {
    group: definition.group ?? "",
    shard: definition.shard ?? 0,
    currency: definition.currency ?? "",
    priceDecimals: definition.priceDecimals ?? 0,
    tick: definition.tick ?? 0,
    lot: definition.lot ?? 0,
    bandLow: definition.bandLow ?? 0,
    bandHigh: definition.bandHigh ?? 0,
    maximumQuantity: definition.maximumQuantity ?? 0,
    orderCapacity: definition.orderCapacity ?? 0,
    mode: modeNames.find((name) => modes[name] === definition.mode) ?? "matched",
    calendar: definition.calendar ?? "",
    makerFeeBpsE2: definition.makerFeeBpsE2 ?? 0,
    takerFeeBpsE2: definition.takerFeeBpsE2 ?? 0,
  };
}

/** Creates a market in its home region. Failures are the region's refusals. */
export function createMarket(
  cluster: Cluster,
  name: string,
  home: string,
  definition: DefinitionView,
): Promise<Result<MarketView>> {
  const { mode, ...fields } = definition;
  const request = wire.control.v1.MarketCreateRequest.encode({
    definition: { ...fields, market: name, home, mode: modes[mode] },
    requestedBy: cluster.user,
  }).finish();
  // Opening a market fences its journal across regions: longer than a question takes.
  return cluster.ask(
    operationsSubject(home, "market-create"),
    request,
    (payload) => decodeMarketReply(payload, home),
    CREATE_TIMEOUT_MS,
  );
}

/** Changes what acknowledgements of a market promise. Failures are the region's refusals. */
export function changeMode(
  cluster: Cluster,
  market: MarketView,
  mode: ModeName,
  reason: string,
): Promise<Result<MarketView>> {
  const request = wire.control.v1.MarketModeRequest.encode({
    market: market.market,
    mode: modes[mode],
    reason,
    requestedBy: cluster.user,
  }).finish();
  // The change is done when it is in the journal of two regions.
  return cluster.ask(
    operationsSubject(market.region, "market-mode"),
    request,
    (payload) => decodeMarketReply(payload, market.region),
    CREATE_TIMEOUT_MS,
  );
}

/** What `market phase` takes: how the engine names them. */
export const phaseNames = [
  "pre_open",
  "opening_auction",
  "volatility_auction",
  "closing_auction",
  "open",
  "closed",
] as const;
export type PhaseName = (typeof phaseNames)[number];

/** Calls an auction, closes the market, or uncrosses it and opens. Failures are the region's refusals. */
export function changePhase(
  cluster: Cluster,
  market: MarketView,
  phase: PhaseName,
  reason: string,
): Promise<Result<MarketView>> {
  const request = wire.control.v1.MarketPhaseRequest.encode({
    market: market.market,
    phase,
    reason,
    requestedBy: cluster.user,
  }).finish();
  return cluster.ask(
    operationsSubject(market.region, "market-phase"),
    request,
    (payload) => decodeMarketReply(payload, market.region),
    CREATE_TIMEOUT_MS,
  );
}

/** Elections of the journal, of the directory and of the leases may be waited for. */
const CREATE_TIMEOUT_MS = 30_000;

export function decodeMarketReply(payload: Uint8Array, region: string): Result<MarketView> {
  const reply = wire.control.v1.MarketReply.decode(payload);
  const failure = decodeRefusal(reply.refusal);
  if (failure !== null) return { ok: false, failure };
  return ok(marketView(reply.market ?? {}, region));
}
