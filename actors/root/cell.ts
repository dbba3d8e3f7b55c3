import { actorsSchema } from "../../schemas/actors-configuration.ts";
import { MarketRoutes } from "../bus/market-routes.ts";
import type { ActorDefinition, ActorSystem } from "../kernel/actor.ts";
import { actorSystem } from "../kernel/actor-system.ts";
import { deadLetterStore } from "../kernel/dead-letters.ts";
import type { Bus, Subscription } from "../kernel/ports/bus.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import type { Files } from "../kernel/ports/files.ts";
import type { JournalReplicas } from "../kernel/ports/journal-replicas.ts";
import type { Log, LogControl } from "../kernel/ports/log.ts";
import type {
  DurabilityMode,
  EngineSlots,
  MatchingEngine,
} from "../kernel/ports/matching-engine.ts";
import type { Tracing } from "../kernel/ports/tracing.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import { seededRandomness } from "../kernel/seeded-randomness.ts";
import type { DurationNs } from "../kernel/units.ts";
import { marketActor, type MarketPorts } from "../market/actor.ts";
import { type CellFacts, regionActor } from "../region/actor.ts";
import type {
  ClusterFacts,
  MarketDefinition,
  RegionMessage,
  RegionReply,
  RegionReport,
} from "../region/messages.ts";
import { answersContact, type LeaseHolder } from "../region/contact.ts";
import { ShardOwnership } from "../region/ownership.ts";
import type { Pager } from "../incident/actor.ts";
import type { Told } from "../incident/findings.ts";
import type { Patience } from "../incident/messages.ts";
import type { Limits } from "../risk-limit/messages.ts";
import { strategyActor } from "../strategy/actor.ts";
import type { ControlEndpoint } from "./actor-host.ts";
import { ActorHosts } from "./actor-hosts.ts";
import type { CellDirectory } from "./cell-directory.ts";
import { BackgroundFlow, flowStarts } from "./flow-host.ts";
import type { CellSample } from "./cell-watch.ts";
import { FailingActors } from "./failing-actors.ts";
import { IncidentWatch } from "./incident-watch.ts";
import { KnownMarkets } from "./known-markets.ts";
import { JournalAlerts } from "./journal-alerts.ts";
import { defaultScrub, JournalScrub, marketsOf, type ScrubSettings } from "./journal-scrub.ts";
import { LatencyAlerts } from "./latency-alerts.ts";
import { marketHost } from "./market-host.ts";
import { serveMarketLimits } from "./market-limits.ts";
import { clusterFacts } from "./cluster-facts.ts";
import { DirectoryPlaces } from "./market-places.ts";
import type { StrategyProcesses } from "../custom-strategy/adviser.ts";
import type { Measured } from "./metrics.ts";
import { RefusalCounter } from "./refusal-counter.ts";
import type { ReferenceData } from "./reference-data.ts";
import { countedAnswer, countedBus, ServiceCounts } from "./service-counts.ts";
import { spawnLimits } from "./trader-limits.ts";
import { cellTree, paths } from "./tree.ts";
import { ViewHost } from "./view-host.ts";
import { type AuditStore, AuditTrail, memoryAuditStore } from "../views/audit-trail.ts";
import { auditedAnswer, auditedBus } from "../views/audited-bus.ts";

/** Which port gets which implementation in this process. */
export interface CellPorts {
  readonly bus: Bus;
  readonly engine: MatchingEngine;
  readonly slots: EngineSlots;
  readonly clock: Clock;
  readonly files: Files;
  /** To read the journals of each server; absent: they are not scrubbed. */
  readonly replicas?: JournalReplicas;
  readonly log: Log;
  /** Absent: no order is traced. */
  readonly tracing?: Tracing;
  /** Absent: the log has one level. */
  readonly logs?: LogControl;
  /** Unpredictable bytes: nonces of leases, numbers of sessions. */
  readonly randomBytes: (count: number) => Uint8Array;
  readonly directory: CellDirectory;
  /** As RegionPorts.ensureJournal. */
  readonly ensureJournal: (definition: MarketDefinition, isNew: boolean) => Promise<Result<void>>;
  readonly facts: () => CellFacts;
  /** Streams as JetStream last told of them; absent: nobody asks. */
  readonly streams?: () => ClusterFacts["streams"];
  /** As MarketPorts.onServing. */
  readonly onServing?: MarketPorts["onServing"];
  readonly onLeaving?: MarketPorts["onLeaving"];
  /** Runs users' strategies; absent: none. */
  readonly processes?: StrategyProcesses;
  /** Serves the control subjects; absent: as plain requests on the bus. */
  readonly serveControl?: ServeControl;
  /** Takes pages out of the house; absent: they are told on NATS only. */
  readonly pager?: Pager;
  /** What the machine says of the cell's disk and certificate; absent: nothing. */
  readonly surroundings?: () => Promise<Pick<CellSample, "diskFree" | "certificateEndsUnixMs">>;
  /** Where the audit trail is kept; absent: in the memory of this process. */
  readonly audit?: AuditStore;
}

/** How a cell hosts actors that are spawned by request. */
export interface HostingSettings {
  /** At most; 0: none. */
  readonly capacity: number;
  /** In the region, at a time. */
  readonly maximumActors: number;
  /** An actor that is paused or done is put away after this long without a message. */
  readonly passivateAfter: DurationNs;
  /** Of an account whose first actor is spawned; no limit that is made for an actor allows more. */
  readonly limits: Limits;
  /** Other regions whose actors may run here, when they are moved or have no cell left. */
  readonly hosts?: readonly string[];
}

export const defaultHosting: HostingSettings = {
  capacity: 1_000,
  maximumActors: 4_096,
  passivateAfter: 30_000_000_000 as DurationNs,
  limits: spawnLimits(actorsSchema.parse({}).limits),
};

export interface CellSettings {
  readonly region: string;
  readonly cell: string;
  readonly reference: ReferenceData;
  /** What the servers allow: a market that asks for more gets this. */
  readonly strongestMode: DurabilityMode;
  readonly flow: { readonly enabled: boolean; readonly seed: number; readonly rate: number };
  /** `production`: a second person approves what moves markets. Absent: demo. */
  readonly profile?: "demo" | "production";
  /** `manual`: markets of a silent region are taken when an operator says so. Absent: automatic. */
  readonly takeover?: "automatic" | "manual";
  /** False: the cell hosts actors only. Absent: true. */
  readonly servesMarkets?: boolean;
  readonly hosting?: HostingSettings;
  /** How long each level has to acknowledge a page; absent: a minute. */
  readonly patience?: Patience;
  readonly scrub?: ScrubSettings;
}

/** A running cell. */
export interface Cell {
  readonly system: ActorSystem;
  /** Failure codes: busy, not_found, timeout, internal: the region actor is between two restarts. */
  report(): Promise<Result<RegionReport>>;
  measured(report: RegionReport): Measured;
  /** Files of regions were read again: markets of a region that has joined are followed, and traded at. */
  learn(reference: ReferenceData): void;
  /** Something outside the cluster has found something, or that it is over. */
  found(told: Told): void;
  /**
   * Hosts the actors of another region, strategies, executions and risk limits, while that region has no cell
   * for them. Idempotent. Failure codes: not_permitted, and those of a start.
   */
  hostActorsOf(region: string): Promise<Result<void>>;
  /**
   * Has the actors of a region run in another one from now on, or at home again; done when cells there own them
   * all. Failure codes: not_permitted, unavailable, timeout.
   */
  moveActorsOf(region: string, to: string, by: string): Promise<Result<void>>;
  /** Ends that; what runs here is handed over to another cell that hosts them, or waits for one. */
  leaveActorsOf(region: string): Promise<void>;
  /** Readiness drops, no order is taken, the flow stops. */
  drain(): Promise<void>;
}

const askTimeout = 5_000_000_000 as DurationNs;
const defaultPatience: Patience = { 1: 60_000, 2: 60_000, 3: 0 };
const unknown = { diskFree: null, certificateEndsUnixMs: null };

/** Starts the actors of a cell. Failure codes as ActorSystem.start. */
export async function startCell(settings: CellSettings, ports: CellPorts): Promise<Result<Cell>> {
  const { region, cell, reference } = settings;
  const { engine, slots, clock, files, log, directory } = ports;
  const { audit: store = memoryAuditStore(), randomBytes } = ports;
  const trail = new AuditTrail({ store, clock, log, randomBytes }, settings);
  const services = new ServiceCounts(clock);
  const bus = auditedBus(countedBus(ports.bus, services), trail);
  const nonce = (): Uint8Array => ports.randomBytes(16);
  const session = (): number => sessionOf(ports.randomBytes(8));
  const { servesMarkets = true, hosting = defaultHosting } = settings;
  const known = new KnownMarkets(reference);
  const own = reference.markets.filter(({ home }) => servesMarkets && home === region);
  const flow = new BackgroundFlow(
    region,
    own.map(({ market }) => market),
    !settings.flow.enabled,
  );
  const answers = (holder: LeaseHolder): Promise<boolean> =>
    answersContact(bus, holder, hosts.board.living);
  const ownership = new ShardOwnership(
    {
      keys: bus.keys,
      clock,
      log,
      nonce,
      automatic: settings.takeover !== "manual",
      regionsOf: (group) => known.regionsOf(group),
      answers,
    },
    { region, cell, node: directory.node },
  );
  const { onServing, onLeaving, replicas } = ports;
  const market = marketActor({
    ...(replicas === undefined ? {} : { replicas }),
    ensureJournal: (definition) => ports.ensureJournal(definition, true),
    bus,
    engine,
    slots,
    ownership,
    files,
    ...(ports.tracing === undefined ? {} : { tracing: ports.tracing }),
    ...(onServing === undefined ? {} : { onServing }),
    ...(onLeaving === undefined ? {} : { onLeaving }),
  });
  // Actors trade at a market wherever it is.
  const routed = new MarketRoutes(bus, (name) => {
    const shard = known.shard(name);
    return shard === null ? null : (ownership.succession.owner(shard)?.region ?? null);
  });
  const strategy = strategyActor({
    bus: routed,
    session,
    paused: () => flow.paused,
    counters: (name) => flow.counters(name),
  });
  const refusals = new RefusalCounter();
  const places = new DirectoryPlaces(reference.markets, bus.keys, clock);
  const hosts = new ActorHosts(
    {
      bus: routed,
      clock,
      log,
      session,
      markets: known.markets,
      places,
      ownership,
      answers,
      refusals,
      patience: settings.patience ?? defaultPatience,
      ...(ports.pager === undefined ? {} : { pager: ports.pager }),
      leasesRead: (read) => watch.leasesRead(read),
      ...(ports.processes === undefined ? {} : { processes: ports.processes }),
      ...(ports.serveControl === undefined
        ? {}
        : { serveControl: countedControl(auditedControl(ports.serveControl, trail), services) }),
    },
    {
      region,
      cell,
      ...hosting,
      mayHost: hosting.capacity === 0 ? [] : (hosting.hosts ?? []),
      automatic: settings.takeover !== "manual",
    },
  );
  const markets = marketHost({
    region,
    system: () => system,
    definition: market,
    directory: (name) => directory.market(name),
    strongestMode: settings.strongestMode,
  });
  const router = regionActor({
    bus,
    ownership,
    markets,
    flow: {
      pause: (paused) => flow.pause(paused, system, strategy),
      totals: () => flow.totals(),
    },
    refusals,
    ensureJournal: ports.ensureJournal,
    filed: () => known.markets,
    recordedIncarnation: () => directory.recordedIncarnation(),
    persistIncarnation: (incarnation) => directory.persistIncarnation(incarnation),
    nonce,
    facts: ports.facts,
    cluster: () => clusterFacts(hosts, ports.streams?.() ?? []),
    ...(ports.tracing === undefined ? {} : { tracing: ports.tracing }),
    ...(ports.logs === undefined ? {} : { logs: ports.logs }),
    actors: () => hosts.own.view,
    hosts: () => hosts.guests,
    mayHost: hosting.capacity === 0 ? [] : (hosting.hosts ?? []),
    actorMoves: hosts.moves,
    views: (verb, payload) => views.answer(verb, payload),
    servesMarkets,
    twoPersons: settings.profile === "production",
  });
  const definitions = [router, market, strategy, ...hosts.definitions];
  const views = new ViewHost(
    {
      bus,
      clock,
      log,
      refusals,
      trail,
      definitions: () => definitions as readonly ActorDefinition[],
    },
    { region, cell },
  );
  const system: ActorSystem = actorSystem({
    definitions: definitions as readonly ActorDefinition[],
    clock,
    // Only jitter and the like: what must repeat has a seed of its own.
    randomness: seededRandomness(session()),
    log,
    deadLetters: deadLetterStore(clock),
  });
  const alerts = new LatencyAlerts({ region, cell }, { bus, clock, log });
  engine.onLatencyAlert?.((alert) => alerts.note(alert));
  const failing = new FailingActors();
  const watch = new IncidentWatch({
    region,
    cell,
    bus,
    clock,
    log,
    session: session(),
    sample: async () => {
      const report = await cellOf.report();
      const { diskFree, certificateEndsUnixMs } = (await ports.surroundings?.()) ?? unknown;
      return {
        escalations: system.counters().escalations,
        deadLetters: system.deadLetters.total,
        failing: failing.look(system.node(), () => hosts.spawned(), clock.monotonic()),
        // Before the first renewal, and without the lease, others say what is wrong.
        leaseMarginNs:
          report.ok && report.value.ready ? ownership.validUntil() - clock.monotonic() : null,
        markets: !report.ok
          ? []
          : report.value.markets.map(({ definition, state, detail }) => ({
              market: definition.market,
              state,
              detail: detail ?? "",
            })),
        diskFree,
        certificateEndsUnixMs,
      };
    },
  });
  const started = await system.start(
    cellTree(
      {
        region,
        cell,
        node: directory.node,
        groups: reference.groups[region] ?? [],
        markets: reference.markets,
        flowPaused: !settings.flow.enabled,
      },
      flowStarts(region, own, settings.flow),
    ),
  );
  if (!started.ok) return started;
  const limits = servesMarkets
    ? serveMarketLimits({ region, bus, log, markets, refused: (code) => refusals.count(code) })
    : null;
  places.start();
  views.begin(system);
  await hosts.begin(system);
  const asked = async (message: RegionMessage): Promise<Result<RegionReply>> => {
    const ref = system.find(router, paths.cell(region));
    return ref.ok ? await ref.value.ask(message, askTimeout) : ref;
  };
  const journalAlerts = new JournalAlerts({ region, cell }, { bus, clock, log });
  const scrub =
    replicas === undefined || !servesMarkets
      ? null
      : new JournalScrub(settings.scrub ?? defaultScrub, {
          replicas,
          clock,
          log,
          alerts: journalAlerts,
          markets: async () => marketsOf(await cellOf.report()),
        });
  const cellOf: Cell = {
    system,
    learn(found) {
      const added = known.learn(found);
      places.add(added);
      const ref = system.find(router, paths.cell(region));
      if (added.length > 0 && ref.ok) ref.value.send({ type: "look" });
    },
    hostActorsOf: (other) => hosts.host(other),
    moveActorsOf: (other, to, by) => hosts.moves.move(other, to, by),
    leaveActorsOf: (other) => hosts.leave(other),
    async report() {
      const reply = await asked({ type: "report" });
      if (!reply.ok) return reply;
      return reply.value.type === "report"
        ? ok(reply.value.report)
        : refuse("internal", "no report");
    },
    measured: (report) => ({
      report,
      flow: flow.byMarket(),
      system,
      hosting: {
        hosted: hosts.own.view,
        leaseMarginNs: Math.max(0, ownership.validUntil() - clock.monotonic()),
        risk: hosts.utilisation.summary(),
      },
      alerts: alerts.counts(),
      services: services.read(),
    }),
    found: (told) => watch.tell(told),
    async drain() {
      watch.end();
      await hosts.drain();
      alerts.stop();
      scrub?.stop();
      journalAlerts.stop();
      views.end();
      trail.end();
      limits?.unsubscribe();
      places.stop();
      const drained = await asked({ type: "drain" });
      if (!drained.ok) log.warn({ failure: drained.failure }, "the region actor did not drain");
    },
  };
  watch.begin();
  // Whatever becomes of it, the markets go on.
  scrub?.run().catch((error: unknown) => log.error({ error: String(error) }, "the scrub ended"));
  return ok(cellOf);
}

type ServeControl = (
  endpoints: readonly ControlEndpoint[],
  region: string,
) => Promise<Subscription>;

const auditedControl =
  (serve: ServeControl, trail: AuditTrail): ServeControl =>
  (endpoints, region) =>
    serve(
      endpoints.map((endpoint) => ({
        ...endpoint,
        answer: auditedAnswer(
          endpoint.subject,
          (payload, user) => endpoint.answer(payload, user),
          trail,
        ),
      })),
      region,
    );

const countedControl =
  (serve: ServeControl, counts: ServiceCounts): ServeControl =>
  (endpoints, region) =>
    serve(
      endpoints.map((endpoint) => ({
        ...endpoint,
        answer: countedAnswer(
          endpoint.subject,
          (payload, user) => endpoint.answer(payload, user),
          counts,
        ),
      })),
      region,
    );

/** 1 … 2^53 - 1 out of eight unpredictable bytes: two processes never share a session. */
function sessionOf(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const high = view.getUint32(0) * 2 ** 16 + view.getUint16(4);
  return (high % 2 ** 45) * 256 + view.getUint8(6) + 1;
}
