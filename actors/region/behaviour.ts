import type { ActorBehaviour, ActorContext, ActorRef } from "../kernel/actor.ts";
import type { BusRequest, Subscription } from "../kernel/ports/bus.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import type { RequestTrace } from "../kernel/ports/tracing.ts";
import { type Failure, refuse, type Result, unreachable } from "../kernel/result.ts";
import type { DurationNs } from "../kernel/units.ts";
import type { RegionPorts } from "./actor.ts";
import { encodeRefusal, shardOf, subscriptions, successionsOf } from "./codec.ts";
import { emptyRegion, evolve, hostedMarkets, isFollowed, notReadyReason } from "./decide.ts";
import { Directory } from "./directory.ts";
import { Drains } from "./drains.ts";
import { Drills } from "./drills.ts";
import { Failovers } from "./failovers.ts";
import { answerContacts } from "./contact.ts";
import { CellLease } from "./lease.ts";
import { regionMachine, type RegionMachine, servingOf } from "./machine.ts";
import {
  type MarketReport,
  operationVerbs,
  type OperationVerb,
  type RegionEvent,
  type RegionMessage,
  type RegionReply,
  type RegionReport,
  type RegionStart,
  type RegionState,
  viewVerbs,
} from "./messages.ts";
import { Operations } from "./operations.ts";
import { absentReport } from "./report.ts";
import { requestLimit, route } from "./router.ts";

/** Between tries of what waits for NATS. */
const retryEvery = 500_000_000 as DurationNs;
/** Between looks for markets that other regions have made. */
const directoryEvery = 5_000_000_000 as DurationNs;
/** A request to the operations services waits in the mailbox and for its answer this long at most. */
const operationTimeout = 30_000_000_000 as DurationNs;

type Self = ActorRef<RegionMessage, RegionReply>;

/** What runs behind the region actor's lifecycle; see README.md. */
export class RegionBehaviour implements ActorBehaviour<RegionMessage, RegionReply, RegionMachine> {
  readonly machine = regionMachine;
  readonly input = undefined;
  readonly #context: ActorContext<RegionMessage, RegionMachine>;
  readonly #start: RegionStart;
  readonly #ports: RegionPorts;
  readonly #self: () => Result<Self>;
  readonly #lease: CellLease;
  readonly #directory: Directory;
  readonly #operations: Operations;
  readonly #failovers: Failovers;
  readonly #drains: Drains;
  readonly #drills: Drills;
  readonly #subscriptions: Subscription[] = [];
  #state: RegionState;
  #waitingFor = "";

  constructor(
    context: ActorContext<RegionMessage, RegionMachine>,
    start: RegionStart,
    ports: RegionPorts,
    self: () => Result<Self>,
  ) {
    this.#context = context;
    this.#start = start;
    this.#ports = ports;
    this.#self = self;
    this.#state = emptyRegion(start.region, start.groups);
    for (const definition of ports.filed?.() ?? start.markets) {
      this.#evolve({ type: "market_listed", definition, origin: "file" });
    }
    this.#evolve({ type: "flow_paused", paused: start.flowPaused });
    const clock = actorClock(context);
    this.#lease = new CellLease(
      {
        keys: ports.bus.keys,
        clock,
        log: context.log,
        nonce: ports.nonce,
        persistIncarnation: ports.persistIncarnation,
        ...(ports.actors === undefined ? {} : { actors: ports.actors }),
        ...(ports.hosts === undefined ? {} : { hosts: ports.hosts }),
        ...(ports.mayHost === undefined ? {} : { mayHost: ports.mayHost }),
        takesNone: () => this.#drains.takesNone,
      },
      { region: start.region, cell: start.cell, node: start.node },
    );
    this.#directory = new Directory(ports.bus.keys, context.log);
    this.#drains = new Drains({
      region: start.region,
      keys: ports.bus.keys,
      clock: context.clock,
      succession: ports.ownership.succession,
    });
    this.#drills = new Drills(ports.bus.keys);
    this.#failovers = new Failovers({
      region: start.region,
      twoPersons: ports.twoPersons ?? false,
      context,
      ports,
      state: () => this.#state,
      drains: this.#drains,
    });
    this.#operations = new Operations({
      cell: start.cell,
      context,
      ports,
      directory: this.#directory,
      state: () => this.#state,
      evolve: (event) => this.#evolve(event),
      report: (brief) => this.#report(brief),
      phase: () => servingOf(context.lifecycle.state()),
      startMarket: (definition) => this.#startMarket(definition),
      failovers: this.#failovers,
      drains: this.#drains,
      drills: this.#drills,
    });
    context.onExit(() => {
      ports.ownership.use(null);
      ports.ownership.succession.stop();
      for (const subscription of this.#subscriptions) subscription.unsubscribe();
      void this.#lease.stop();
    });
  }

  restore(): Promise<void> {
    const { bus } = this.#ports;
    const region = this.#start.region;
    if (this.#servesMarkets) this.#serve(bus, region);
    this.#context.run((signal) => this.#begin(signal));
    return Promise.resolve();
  }

  get #servesMarkets(): boolean {
    return this.#ports.servesMarkets !== false;
  }

  #serve(bus: RegionPorts["bus"], region: string): void {
    this.#subscriptions.push(
      bus.serve(
        subscriptions.commands(region),
        this.#context.callback((request: BusRequest) => this.#command(request)),
      ),
      bus.serve(
        subscriptions.operations(region),
        this.#context.callback((request: BusRequest) => this.#operation(request)),
      ),
      bus.subscribe(
        successionsOf(region),
        this.#context.callback(() => void this.#ports.ownership.succession.look()),
      ),
    );
  }

  async receive(message: RegionMessage, reply: (reply: RegionReply) => void): Promise<void> {
    switch (message.type) {
      case "operation":
        await this.#operations.handle(message.verb, message.payload, (payload) =>
          reply({ type: "payload", payload }),
        );
        return;
      case "report":
        reply({ type: "report", report: await this.#report() });
        return;
      case "look":
        if (this.#servesMarkets) await this.#lookForMarkets();
        return;
      case "drain":
        this.#context.lifecycle.send({ type: "drain" });
        this.#ports.flow.pause(true);
        reply({ type: "draining" });
        return;
      default:
        this.#context.unknown(unreachable(message));
    }
  }

  async terminate(): Promise<void> {
    this.#ports.ownership.use(null);
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    await this.#lease.release();
  }

  /** Lease, directory, markets: in this order, each waited for as long as it takes. */
  async #begin(signal: AbortSignal): Promise<void> {
    const { log, lifecycle } = this.#context;
    const incarnation = await this.#retry(signal, "the lease of the cell", () =>
      this.#lease.acquire(this.#ports.recordedIncarnation()),
    );
    log.info({ incarnation }, "lease acquired");
    this.#lease.start((reason) => {
      this.#ports.ownership.use(null);
      this.#context.run(() =>
        Promise.reject(new Error(`the lease of the cell is lost: ${reason}`)),
      );
    });
    this.#ports.ownership.use(this.#lease);
    const { region, cell } = this.#start;
    this.#subscriptions.push(answerContacts(this.#ports.bus, { region, cell, incarnation }));
    lifecycle.send({ type: "lease" });
    const listed = await this.#retry(signal, "the directory of markets", () =>
      this.#directory.load(this.#state),
    );
    for (const event of listed) this.#evolve(event);
    // Before any market asks whether it may be taken.
    await this.#retry(signal, "whether the region is drained", () => this.#drains.recall());
    const markets = this.#servesMarkets ? hostedMarkets(this.#state) : [];
    for (const { definition } of markets) {
      if (definition.home !== this.#start.region) this.#follow(definition);
      else {
        await this.#retry(signal, `the market ${definition.market}`, () =>
          this.#startMarket(definition),
        );
      }
    }
    lifecycle.send({ type: "loaded" });
    this.#lookForNews();
  }

  /** Follows a market of another home. Nothing waits for it: its home may be down just now. */
  #follow(definition: MarketReport["definition"]): void {
    this.#context.run(async (signal) => {
      for (let said = ""; !signal.aborted; ) {
        const started = await this.#startMarket(definition);
        if (started.ok) return;
        const { failure } = started;
        if (said !== failure.reason) {
          this.#context.log.warn({ market: definition.market, failure }, "market not followed yet");
          said = failure.reason;
        }
        await new Promise<void>((resolve) => {
          this.#context.after(directoryEvery, resolve);
        });
      }
    });
  }

  /** What was written down meanwhile: markets, failovers, drills, and whether the region is drained. */
  #lookForNews(): void {
    this.#context.after(directoryEvery, () => {
      this.#context.run(async () => {
        if (this.#servesMarkets) {
          await this.#lookForMarkets();
          await Promise.all([this.#failovers.recall(), this.#drills.recall()]);
        }
        await this.#drains.recall();
        this.#lookForNews();
      });
    });
  }

  /** Markets that other regions have made meanwhile are followed as well, and those of regions that have joined. */
  async #lookForMarkets(): Promise<void> {
    const listed = await this.#directory.load(this.#state);
    const filed = (this.#ports.filed?.() ?? []).map(
      (definition): RegionEvent => ({ type: "market_listed", definition, origin: "file" }),
    );
    for (const event of [...filed, ...(listed.ok ? listed.value : [])]) {
      const known = this.#state.markets;
      if (event.type !== "market_listed" || Object.hasOwn(known, event.definition.market)) continue;
      this.#evolve(event);
      const { definition } = event;
      const isHosted = hostedMarkets(this.#state).some(
        (one) => one.definition.market === definition.market,
      );
      if (isHosted) this.#follow(definition);
    }
  }

  async #startMarket(definition: MarketReport["definition"]): Promise<Result<void>> {
    const isNew = await this.#ports.ownership.isNew(shardOf(definition));
    if (!isNew.ok) return isNew;
    const journal = await this.#ports.ensureJournal(definition, isNew.value);
    // A stream that is lost is the market's to make again, or not: its log says who was the last owner.
    if (!journal.ok && journal.failure.code !== "not_found") return journal;
    const started = await this.#ports.markets.start(definition);
    if (!started.ok && started.failure.code === "already_started")
      return { ok: true, value: undefined };
    return started;
  }

  /** Tries until it succeeds; says so once per reason. A cell waits for what it needs, it does not end. */
  async #retry<T>(
    signal: AbortSignal,
    what: string,
    attempt: () => Promise<Result<T>>,
  ): Promise<T> {
    let said = "";
    for (;;) {
      const result = await attempt();
      if (result.ok) {
        this.#waitingFor = "";
        return result.value;
      }
      this.#waitingFor = `${what}: ${result.failure.reason}`;
      if (signal.aborted) return await new Promise<T>(() => {});
      if (said !== result.failure.reason) {
        this.#context.log.warn({ failure: result.failure }, `waiting for ${what}`);
        said = result.failure.reason;
      }
      await new Promise<void>((resolve) => {
        this.#context.after(retryEvery, resolve);
      });
    }
  }

  #command(request: BusRequest): void {
    const phase = servingOf(this.#context.lifecycle.state());
    const where = route(this.#state, phase, request.subject, request.payload.length);
    if (!where.ok) {
      this.#refuse(request, where.failure);
      return;
    }
    const { market, verb } = where.value;
    const { tracing } = this.#ports;
    if (tracing !== undefined && verb === "submit") {
      const attributes = { "meridian.market": market, "meridian.region": this.#start.region };
      const trace = tracing.begin(request.trace ?? null, `submit ${market}`, attributes);
      if (trace !== null) {
        this.#traced(request, market, trace);
        return;
      }
    }
    void this.#ports.markets.request(market, verb, request.payload).then((answer) => {
      if (answer.ok) request.respond(answer.value);
      else this.#refuseUnanswered(request, market, answer.failure);
    });
  }

  #traced(request: BusRequest, market: string, trace: RequestTrace): void {
    const { markets } = this.#ports;
    void markets.request(market, "submit", request.payload, trace).then((answer) => {
      if (answer.ok) request.respond(answer.value);
      else this.#refuseUnanswered(request, market, answer.failure);
      trace.end(this.#context.clock.monotonic());
    });
  }

  /** An ambiguous failure is not answered: the sender's time-out says the same, and truly. */
  #refuseUnanswered(request: BusRequest, market: string, failure: Failure): void {
    if (failure.code === "busy") {
      this.#refuse(request, {
        code: "busy",
        reason: `${market} has as many requests waiting as it takes`,
        next: "send the same numbers again in a moment",
      });
    } else if (failure.code === "not_found") {
      this.#refuse(request, {
        code: "market_stopped",
        reason: `${market} is stopped or starting`,
        next: "send the same numbers again in a moment",
      });
    } else {
      this.#ports.refusals.count(failure.code);
    }
  }

  #operation(request: BusRequest): void {
    const verb = request.subject.split(".").slice(2).join(".");
    if (request.payload.length > requestLimit) {
      this.#refuse(
        request,
        refuse("too_large", `${request.payload.length} bytes; ${requestLimit} is the most`).failure,
      );
      return;
    }
    const view = viewVerbs.find((one) => one === verb);
    if (view !== undefined) {
      void this.#ports.views(view, request.payload).then((payload) => request.respond(payload));
      return;
    }
    if (!isOperationVerb(verb)) {
      const known = [...operationVerbs, ...viewVerbs].join(", ");
      this.#refuse(
        request,
        refuse(
          "verb_unknown",
          `no operation ${JSON.stringify(verb.slice(0, 64))}`,
          `one of ${known}`,
        ).failure,
      );
      return;
    }
    const self = this.#self();
    if (!self.ok) return;
    void self.value
      .ask({ type: "operation", verb, payload: request.payload }, operationTimeout)
      .then((answer) => {
        if (answer.ok && answer.value.type === "payload") request.respond(answer.value.payload);
        else if (!answer.ok) this.#refuse(request, operationFailure(answer.failure));
      });
  }

  #refuse(request: BusRequest, failure: Failure): void {
    this.#ports.refusals.count(failure.code);
    const garbage = failure.code === "verb_unknown" || failure.code === "market_unknown";
    if (garbage) {
      const { subject, payload } = request;
      this.#context.system.deadLetters.add(this.#context.path, "not_found", {
        subject: subject.slice(0, 256),
        bytes: payload.length,
      });
    }
    request.respond(encodeRefusal(failure));
  }

  #evolve(event: RegionEvent): void {
    this.#state = evolve(this.#state, event);
    if (event.type === "flow_paused") this.#ports.flow.pause(event.paused);
  }

  /** Brief: no market is asked, and none is what the region is not ready for. */
  async #report(brief = false): Promise<RegionReport> {
    const { bus, flow, facts } = this.#ports;
    const phase = servingOf(this.#context.lifecycle.state());
    const reports = await Promise.all(
      (this.#servesMarkets && !brief ? hostedMarkets(this.#state) : []).map(
        async ({ definition }) => {
          const found = await this.#ports.markets.report(definition.market);
          return found.ok ? found.value : absentReport(definition, found.failure.reason);
        },
      ),
    );
    const owned = reports.filter((report) => !isFollowed(this.#start.region, report));
    const { connected, reconnects } = bus.state();
    const now = this.#context.clock.monotonic();
    const reason = notReadyReason({
      phase,
      waitingFor: this.#waitingFor,
      connected,
      leaseValid: now < this.#lease.validUntil(),
      markets: owned,
    });
    const counts = this.#context.system.deadLetters.total;
    return {
      ...facts(),
      name: this.#start.region,
      ready: reason === "",
      notReadyReason: reason,
      cell: this.#start.cell,
      incarnation: this.#lease.incarnation,
      natsState: connected ? "connected" : "reconnecting",
      reconnects,
      markets: owned,
      standbys: reports.filter((report) => isFollowed(this.#start.region, report)),
      leaseValidMs: Math.max(0, Math.round((this.#lease.validUntil() - now) / 1e6)),
      lastFailover: this.#failovers.last,
      drain: this.#drains.state,
      lastDrill: this.#drills.last,
      cluster: this.#ports.cluster(),
      deadLetters: counts,
      refusals: this.#ports.refusals.read(),
      flow: { paused: this.#state.flowPaused, ...flow.totals() },
    };
  }
}

const isOperationVerb = (verb: string): verb is OperationVerb =>
  (operationVerbs as readonly string[]).includes(verb);

function operationFailure(failure: Failure): Failure {
  if (failure.code === "busy") {
    return {
      code: "busy",
      reason: "too many operations are waiting",
      next: "try again in a moment",
    };
  }
  return {
    code: "internal",
    reason: `the operation did not end as it should: ${failure.reason}`,
    next: "ask for the status before you try again: it may have been done",
  };
}

/** The actor's clock, whose timers end with the actor and whose errors are the actor's. */
function actorClock(context: ActorContext<RegionMessage, RegionMachine>): Clock {
  return {
    now: () => context.clock.now(),
    monotonic: () => context.clock.monotonic(),
    after: (delay, callback) => context.after(delay, callback),
  };
}
