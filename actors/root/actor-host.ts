import {
  controlSubject,
  type ControlVerb,
  controlVerbs,
  hostSubject,
  offeredShardsSubject,
  reportSubject,
} from "../../schemas/subjects.ts";
import { ReplicatedEventLog } from "../bus/replicated-event-log.ts";
import { ActorDirectory } from "../control/directory.ts";
import { type Leases, type LeaseView, Membership } from "../control/membership.ts";
import { decodeOffer, encodeOffer } from "../control/codec.ts";
import type { ActorGroup, ActorStatus, SpawnableType, SteerVerb } from "../control/messages.ts";
import { ActorPlane } from "../control/plane.ts";
import { type ControlReply, ControlServices } from "../control/services.ts";
import type { StrategyProcesses } from "../custom-strategy/adviser.ts";
import { customStrategyActor } from "../custom-strategy/actor.ts";
import { executionActor } from "../execution/actor.ts";
import { encodeReport as encodeExecution } from "../execution/codec.ts";
import type { ExecutionParameters } from "../execution/messages.ts";
import type { ActorDefinition, ActorSystem } from "../kernel/actor.ts";
import { incidentActor, type Pager } from "../incident/actor.ts";
import { IncidentDirectory } from "../incident/directory.ts";
import type { Patience } from "../incident/messages.ts";
import { IncarnationFence } from "../kernel/incarnation-fence.ts";
import type { EventSourcedMachine } from "../kernel/event-sourced-machine.ts";
import type { Bus, Subscription } from "../kernel/ports/bus.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import type { Log } from "../kernel/ports/log.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import type { DurationNs } from "../kernel/units.ts";
import { marketMakerActor } from "../market-maker/actor.ts";
import { encodeReport as encodeMaker } from "../market-maker/codec.ts";
import type { HostedActors } from "../region/codec.ts";
import type { MarketDefinition } from "../region/messages.ts";
import type { LeaseHolder } from "../region/contact.ts";
import type { ShardOwnership } from "../region/ownership.ts";
import { silentAfter } from "../region/silence.ts";
import { riskLimitActor } from "../risk-limit/actor.ts";
import { LimitDirectory } from "../risk-limit/directory.ts";
import type { MarketPlaces } from "../risk-limit/effects.ts";
import type { Limits } from "../risk-limit/messages.ts";
import type { RiskUtilisation } from "../risk-limit/utilisation.ts";
import type { TraderMessage, TraderReply, TraderStart } from "../trading/messages.ts";
import type { TraderPorts, TraderReport } from "../trading/trader.ts";
import { bookSubject, decodeBook, encodeBookRequest } from "../trading/wire.ts";
import { serveIncidents, type ServedIncidents } from "./incident-host.ts";
import { type IncidentResidents, incidentResidents } from "./incident-residents.ts";
import type { BoardReading, LeaseBoard } from "./lease-board.ts";
import { type LimitResidents, limitResidents } from "./limit-residents.ts";
import { LimitRoutes } from "./limit-routes.ts";
import { allResidents, type ResidentsOf } from "./named-residents.ts";
import type { RefusalCounter } from "./refusal-counter.ts";
import { type ServedLimits, serveRiskLimits } from "./risk-host.ts";
import { RiskReports } from "./risk-reports.ts";
import { spawnableTypes } from "./spawnable.ts";
import { TraderLimits } from "./trader-limits.ts";

/** A dry run says what it knows: a market that does not answer has no quotes in it. */
const touchWithin = 1_000_000_000 as DurationNs;

/** One service of the control plane: `nats micro` lists it. */
export interface ControlEndpoint {
  readonly verb: ControlVerb;
  readonly subject: string;
  /** `user`: whose inbox the answer goes to. */
  answer(payload: Uint8Array, user: string): Promise<ControlReply>;
}

export interface ActorHostSettings {
  readonly region: string;
  /** Its name among the cells that host the region's actors. */
  readonly cell: string;
  /** The cell is one of another region. */
  readonly guest: boolean;
  /** The region that the cell itself is of. */
  readonly own: string;
  /** Path of the supervisor above those of the actors. */
  readonly base: string;
  /** Actors this cell hosts at most; 0: it hosts none, and answers no control request. */
  readonly capacity: number;
  /** Actors of the region that may run at a time. */
  readonly maximumActors: number;
  readonly passivateAfter: DurationNs;
  /** Of an account whose first actor is spawned; no limit that is made for an actor allows more. */
  readonly limits: Limits;
}

export interface ActorHostOf {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly session: () => number;
  readonly markets: readonly MarketDefinition[];
  /** Where risk limits are to hold. */
  readonly places: MarketPlaces;
  /** What they use. */
  readonly utilisation: RiskUtilisation;
  readonly ownership: ShardOwnership;
  /** Leases of all cells. */
  readonly board: LeaseBoard;
  /** As SuccessionOf.answers. */
  readonly answers: (holder: LeaseHolder) => Promise<boolean>;
  /** The region whose cells are to run a region's actors; null: not known yet. */
  readonly seat: (region: string) => string | null;
  /** Reads it where it is not known yet. */
  readonly learnSeat: (region: string) => Promise<void>;
  readonly refusals: RefusalCounter;
  /** How long each level has to acknowledge a page. */
  readonly patience: Patience;
  /** Absent: pages are told on NATS only. */
  readonly pager?: Pager;
  /** Hears of all leases that were read, of all regions; absent: nobody does. */
  readonly leasesRead?: (read: BoardReading) => void;
  /** Runs users' strategies; absent: none. */
  readonly processes?: StrategyProcesses;
  /** Serves the control subjects; absent: as plain requests on the bus. */
  readonly serveControl?: (
    endpoints: readonly ControlEndpoint[],
    region: string,
  ) => Promise<Subscription>;
}

type Trader = ActorDefinition<
  TraderStart<never>,
  TraderMessage,
  TraderReply<never>,
  EventSourcedMachine
>;

const noProcesses: StrategyProcesses = {
  start: () => Promise.resolve(refuse("no_room", "this cell runs no strategies of users")),
  check: () => Promise.resolve(refuse("no_room", "this cell runs no strategies of users")),
};

const askTimeout = 10_000_000_000 as DurationNs;

/** What a cell has to do with actors that are spawned by request. */
export class ActorHost {
  /** To be registered with the actor system. */
  readonly definitions: readonly ActorDefinition[];
  /** What can be spawned. */
  readonly types: ReadonlyMap<string, SpawnableType>;
  readonly #of: ActorHostOf;
  readonly #settings: ActorHostSettings;
  readonly #plane: ActorPlane;
  readonly #services: ControlServices;
  readonly #bus: LimitRoutes;
  readonly #risk: RiskReports;
  readonly #limits: LimitDirectory;
  readonly #residents: LimitResidents;
  readonly #incidents: IncidentResidents;
  readonly #senders: IncarnationFence;
  readonly #subscriptions: Subscription[] = [];
  #system: ActorSystem | null = null;
  #serving: ServedLimits | null = null;
  #servingIncidents: ServedIncidents | null = null;
  /** What everybody asks the region. */
  readonly #public: Subscription[] = [];
  #opened = false;

  constructor(of: ActorHostOf, settings: ActorHostSettings) {
    this.#of = of;
    this.#settings = settings;
    const { clock, log, refusals } = of;
    const { region, cell, base } = settings;
    const bus = new LimitRoutes({
      region,
      bus: of.bus,
      clock,
      ownerOf: (shard) => this.#plane.ownerOf(shard),
      here: () => this.#serving?.answerHere ?? null,
    });
    this.#bus = bus;
    this.#risk = new RiskReports(bus, clock);
    const events = new ReplicatedEventLog({ journal: bus.journal, keys: bus.keys, region });
    this.#limits = new LimitDirectory(bus.keys, region);
    const riskLimit = riskLimitActor({
      events,
      outside: { region, bus, markets: of.places, utilisation: of.utilisation },
    });
    const here: ResidentsOf = {
      region,
      base,
      clock,
      log,
      system: () => this.#running(),
      forget: (name) => events.forget(name),
    };
    this.#residents = limitResidents(here, riskLimit, this.#limits);
    const { patience, pager } = of;
    const incident = incidentActor({
      events,
      bus: of.bus,
      patience,
      ...(pager === undefined ? {} : { pager }),
    });
    this.#incidents = incidentResidents(here, incident, new IncidentDirectory(bus.keys, region));
    const ports = (group: ActorGroup): TraderPorts => ({
      bus,
      events,
      session: of.session,
      report: (start, report) => this.#heard(group, start, report),
      stale: () => refusals.count("stale_epoch"),
      limited: (code) => refusals.count(code),
    });
    const maker = marketMakerActor(ports("strategies"));
    const execution = executionActor(ports("executions"));
    const { processes = noProcesses } = of;
    const custom = customStrategyActor({ ...ports("strategies"), processes });
    this.definitions = [maker, execution, custom, riskLimit, incident];
    const types = spawnableTypes({
      markets: of.markets,
      keys: bus.keys,
      steerMaker: (path, id, verb) => this.#steer(maker as unknown as Trader, path, id, verb),
      steerExecution: (path, id, verb) =>
        this.#steer(execution as unknown as Trader, path, id, verb),
      steerCustom: (path, id, verb) => this.#steer(custom as unknown as Trader, path, id, verb),
      touch: async ({ home, market }) => {
        const reply = await bus.request(
          bookSubject(home, market),
          encodeBookRequest(1),
          touchWithin,
        );
        return reply.ok ? decodeBook(reply.value, clock.monotonic()) : null;
      },
      processes,
      region,
      limits: new TraderLimits({
        region,
        bus,
        clock,
        directory: this.#limits,
        allowed: settings.limits,
      }),
    });
    this.types = types;
    const membership = new Membership({ leases: this.#leases(), log }, cell);
    const directory = new ActorDirectory(bus.keys, region);
    const residents = allResidents(this.#residents, this.#incidents);
    this.#plane = new ActorPlane(
      {
        clock,
        log,
        system: () => this.#running(),
        rights: of.ownership,
        membership,
        directory,
        types,
        seat: () => of.seat(region),
        learnSeat: () => of.learnSeat(region),
        offer: (to, shards) =>
          of.bus.publish(offeredShardsSubject(region, to), encodeOffer(shards)),
        forget: (name) => {
          events.forget(name);
          this.#risk.forget(name.slice(name.indexOf(".") + 1));
        },
        residents: {
          arrive: (shard, epoch) => {
            residents.arrive(shard, epoch);
            void this.#open();
          },
          leave: async (shard) => {
            await residents.leave(shard);
            if (settings.guest && this.#plane.view.shards.length <= 1) this.#close();
          },
        },
      },
      settings,
    );
    this.#senders = new IncarnationFence((shard) => of.ownership.recordedEpoch(shard));
    this.#services = new ControlServices(
      {
        bus,
        plane: this.#plane,
        membership,
        directory,
        types,
        senders: this.#senders,
        refused: (code) => refusals.count(code),
      },
      settings,
    );
  }

  /** Spawned actors of this cell, with what each said last. */
  hosted(): readonly ActorStatus[] {
    return this.#settings.capacity === 0 ? [] : this.#plane.hosted();
  }

  /** What the lease tells of this cell; null: it hosts no actors. */
  get view(): HostedActors | null {
    return this.#settings.capacity === 0 ? null : this.#plane.view;
  }

  /** The tree runs: shards are claimed from now on, and requests answered. */
  async begin(system: ActorSystem): Promise<void> {
    this.#system = system;
    if (this.#settings.capacity === 0) return;
    const { region, cell } = this.#settings;
    const { bus, log } = this.#of;
    this.#serving = this.#serveLimits(system);
    this.#servingIncidents = this.#serveIncidents();
    this.#subscriptions.push(this.#serving, this.#servingIncidents);
    for (const verb of controlVerbs) {
      const answer = (payload: Uint8Array) => this.#services.answerHost(verb, payload);
      const subject = hostSubject(region, cell, verb);
      this.#subscriptions.push(await servePlainly(bus, log, [{ verb, subject, answer }]));
    }
    this.#subscriptions.push(
      bus.subscribe(offeredShardsSubject(region, cell), (_subject, payload) =>
        this.#plane.offered(decodeOffer(payload)),
      ),
    );
    if (!this.#settings.guest) await this.#open();
    this.#plane.begin();
  }

  /** What everybody asks the region: of a guest only while it hosts something, for else others know better. */
  async #open(): Promise<void> {
    if (this.#opened || this.#serving === null) return;
    this.#opened = true;
    const { region } = this.#settings;
    const { bus, log } = this.#of;
    const { serveControl = (endpoints) => servePlainly(bus, log, endpoints) } = this.#of;
    const endpoints = controlVerbs.map((verb) => ({
      verb,
      subject: controlSubject(region, verb),
      answer: (payload: Uint8Array) => this.#services.answer(verb, payload),
    }));
    const incidents = this.#servingIncidents?.serveRegion();
    if (incidents !== undefined) this.#public.push(incidents);
    this.#public.push(this.#serving.serveRegion(), await serveControl(endpoints, region));
    if (!this.#opened) this.#close();
  }

  #close(): void {
    this.#opened = false;
    for (const subscription of this.#public.splice(0)) subscription.unsubscribe();
  }

  #serveLimits(system: ActorSystem): ServedLimits {
    const bus = this.#bus;
    const { log, refusals } = this.#of;
    const { region, cell } = this.#settings;
    return serveRiskLimits({
      region,
      cell,
      bus,
      log,
      refusals,
      deadLetter: (path, reason, about) => system.deadLetters.add(path, reason, about),
      residents: this.#residents,
      ownerOf: (shard) => this.#plane.ownerOf(shard),
      directory: this.#limits,
      senders: this.#senders,
    });
  }

  #serveIncidents(): ServedIncidents {
    const { clock, log, refusals, bus } = this.#of;
    const { region, cell } = this.#settings;
    return serveIncidents({
      region,
      cell,
      bus,
      clock,
      log,
      refusals,
      residents: this.#incidents,
      ownerOf: (shard) => this.#plane.ownerOf(shard),
      others: () =>
        this.#plane.cells.flatMap((one) =>
          one.cell === cell || one.shards.length === 0 ? [] : [one.cell],
        ),
    });
  }

  /** Hands the actors over to other cells, as far as there are any. */
  async drain(): Promise<void> {
    if (this.#settings.capacity === 0) return;
    this.#close();
    await this.#plane.drain();
    this.end();
  }

  end(): void {
    this.#plane.end();
    this.#risk.end();
    this.#close();
    for (const subscription of this.#subscriptions.splice(0)) subscription.unsubscribe();
  }

  #running(): ActorSystem {
    if (this.#system === null) throw new Error("the actor system is not started");
    return this.#system;
  }

  async #steer(
    definition: Trader,
    path: string,
    commandId: string,
    verb: SteerVerb,
  ): Promise<Result<void>> {
    const actor = this.#running().find(definition, path);
    if (!actor.ok) return actor;
    const reply = await actor.value.ask({ type: "steer", commandId, verb }, askTimeout, "system");
    if (!reply.ok) return reply;
    return reply.value.type === "refused"
      ? { ok: false, failure: reply.value.failure }
      : ok(undefined);
  }

  #heard(group: ActorGroup, start: TraderStart<unknown>, report: TraderReport): void {
    const { incarnation } = start.sender;
    const encoded =
      group === "strategies"
        ? encodeMaker(report, incarnation)
        : encodeExecution(report, {
            parameters: start.parameters as ExecutionParameters,
            lot: start.instrument.lot,
            incarnation,
            now: this.#of.clock.now(),
          });
    this.#risk.heard(start, report);
    const { state, detail } = report;
    this.#plane.heard(start.id, { state, detail, report: encoded });
    this.#of.bus.publish(reportSubject(this.#settings.region, group, start.id), encoded);
  }

  #leases(): Leases {
    const { board, ownership, leasesRead = () => {} } = this.#of;
    const { region, guest } = this.#settings;
    return {
      async read() {
        const found = await board.read();
        if (!found.ok) return found;
        if (!guest) leasesRead(found.value);
        const leases = found.value.leases.flatMap((seen): LeaseView[] => {
          const { record: lease, revision } = seen;
          const { node, incarnation, fenced } = lease;
          const holder = { region: lease.region, cell: lease.cell };
          const silent = seen.silentNs >= silentAfter;
          const said = { holder, node, incarnation, fenced, revision, silent };
          if (lease.region === region) return [{ ...said, cell: lease.cell, actors: lease.actors }];
          const hosted = lease.hosts?.find((one) => one.region === region);
          if (hosted === undefined) return [];
          const actors = { ...hosted.actors, guest: true };
          return [{ ...said, cell: guestName(lease.region, lease.cell), actors }];
        });
        return ok(leases);
      },
      fence: ({ holder, node, incarnation, revision }) =>
        ownership.fence({ ...holder, node, incarnation }, revision),
    };
  }
}

/** Of a cell among the hosts of another region's actors; names of cells are unique in their region only. */
export const guestName = (region: string, cell: string): string => `${region}_${cell}`.slice(0, 64);

/** Each endpoint as a request on the bus; a fault of ours is logged and leaves the sender to its time-out. */
function servePlainly(
  bus: Bus,
  log: Log,
  endpoints: readonly ControlEndpoint[],
): Promise<Subscription> {
  const served = endpoints.map((endpoint) =>
    bus.serve(endpoint.subject, (request) => {
      endpoint.answer(request.payload, request.user).then(
        ({ payload }) => request.respond(payload),
        (error: unknown) => log.error({ error: String(error) }, "a control request failed"),
      );
    }),
  );
  return Promise.resolve({
    unsubscribe: () => {
      for (const one of served) one.unsubscribe();
    },
  });
}
