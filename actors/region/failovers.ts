import type { ActorContext } from "../kernel/actor.ts";
import { type Failure, ok, refuse, type Result } from "../kernel/result.ts";
import type { DurationNs } from "../kernel/units.ts";
import type { FoundActors, RegionPorts } from "./actor.ts";
import {
  decodeFailoverStatus,
  decodeRemoteStatus,
  encodeFailoverStatus,
  encodeStep,
  failoverKey,
  failoverSubject,
  keys,
  type RemoteStatus,
  shardOf,
  statusSubject,
  successionSubject,
} from "./codec.ts";
import { hostedMarkets } from "./decide.ts";
import { type FoundMarket, forcedPlan, plannedPlan, refusalOf } from "./failover-plan.ts";
import type { RegionMachine } from "./machine.ts";
import type {
  FailoverPlan,
  FailoverRequest,
  FailoverStatus,
  FailoverStep,
  RegionMessage,
  RegionState,
} from "./messages.ts";
import { absentReport } from "./report.ts";

export interface FailoverAnswer {
  readonly plan?: FailoverPlan;
  readonly status?: FailoverStatus;
}

export interface FailoversOf {
  readonly region: string;
  /** A second person has to approve what moves markets. */
  readonly twoPersons: boolean;
  readonly context: ActorContext<RegionMessage, RegionMachine>;
  readonly ports: RegionPorts;
  readonly state: () => RegionState;
}

/** What nobody has approved by then has to be asked for again. */
const approvalWithin = 600_000_000_000 as DurationNs;
const takenWithin = 30_000_000_000;
const takenPoll = 50_000_000 as DurationNs;
const askWithin = 2_000_000_000 as DurationNs;
const writeTries = 20;
const writeRetry = 500_000_000 as DurationNs;

interface Current {
  status: FailoverStatus;
  readonly plan: FailoverPlan;
  steps: number;
  /** Who wants it ended where it is; null: nobody. */
  aborting: { readonly by: string; readonly reason: string } | null;
}

/**
 * Moves of a region's markets by an operator's wish. While the region lives its own cell hands them over;
 * when it is silent the taker's cell claims them. One at a time; every step is published.
 */
export class Failovers {
  readonly #of: FailoversOf;
  #current: Current | null = null;
  #recalled: FailoverStatus | null = null;

  constructor(of: FailoversOf) {
    this.#of = of;
  }

  /** The latest one that this cell knows of. */
  get last(): FailoverStatus | null {
    const [current, recalled] = [this.#current?.status ?? null, this.#recalled];
    if (current === null || recalled === null) return current ?? recalled;
    return current.startedUnixMs >= recalled.startedUnixMs ? current : recalled;
  }

  /** Reads what was written of the last failover of this region; what cannot be read is not known. */
  async recall(): Promise<void> {
    const entry = await this.#keys.get(keys.directoryBucket, failoverKey(this.#of.region));
    if (entry.ok && entry.value !== null) this.#recalled = decodeFailoverStatus(entry.value.value);
  }

  /**
   * The plan, and with it the failover unless only the plan was asked for. Failure codes:
   * failover_refused (a check says no, or a loss is not accepted), busy (another one is under way).
   */
  async ask(request: FailoverRequest): Promise<Result<FailoverAnswer>> {
    if (this.#current?.status.id === request.id && !request.dryRun) return ok(this.#current);
    const plan = await this.#plan(request);
    if (!plan.ok) return plan;
    if (request.dryRun) return ok({ plan: plan.value });
    const failure = refusalOf(plan.value, request);
    if (failure !== null) return { ok: false, failure };
    const busy = this.#current?.status.state;
    if (busy === "running") {
      const { id, from, to } = (this.#current as Current).status;
      return refuse(
        "busy",
        `failover ${id} from ${from} to ${to} is under way`,
        "wait for its end",
      );
    }
    const current: Current = {
      plan: plan.value,
      steps: 0,
      aborting: null,
      status: {
        id: request.id,
        from: request.from,
        to: request.to,
        state: this.#of.twoPersons ? "awaiting_approval" : "running",
        requestedBy: request.requestedBy,
        approvedBy: "",
        startedUnixMs: this.#nowMs(),
        endedUnixMs: 0,
        marketsMoved: 0,
        longestPauseMs: 0,
        detail: "",
        reason: request.reason.slice(0, 256),
        planned: plan.value.planned,
        actorsMoved: 0,
      },
    };
    this.#current = current;
    this.#step(current, {
      step: "requested",
      by: request.requestedBy,
      detail: current.status.reason,
    });
    if (this.#of.twoPersons) this.#awaitApproval(current);
    else this.#begin(current);
    return ok({ plan: current.plan, status: current.status });
  }

  /** The second pair of eyes. Failure codes: failover_unknown, same_person. */
  approve(id: string, by: string): Result<FailoverAnswer> {
    const current = this.#current;
    if (
      current === null ||
      current.status.id !== id ||
      current.status.state !== "awaiting_approval"
    ) {
      return refuse(
        "failover_unknown",
        `no failover ${JSON.stringify(id.slice(0, 64))} waits for approval in ${this.#of.region}`,
        "ask for it again",
      );
    }
    if (by === "" || by === current.status.requestedBy) {
      return refuse("same_person", `${by} has asked for it`, "another person has to approve it");
    }
    current.status = { ...current.status, state: "running", approvedBy: by };
    this.#step(current, { step: "approved", by });
    this.#begin(current);
    return ok({ plan: current.plan, status: current.status });
  }

  /**
   * Ends it where it stands: a market whose last record is not written yet stays, one that has moved stays moved.
   * Failure code: failover_unknown.
   */
  abort(id: string, by: string, reason: string): Result<FailoverAnswer> {
    const current = this.#current;
    const state = current?.status.id === id ? current.status.state : null;
    if (current === null || (state !== "awaiting_approval" && state !== "running")) {
      return refuse(
        "failover_unknown",
        `no failover ${JSON.stringify(id.slice(0, 64))} waits or is under way in ${this.#of.region}`,
        "what has moved goes back by a failover the other way",
      );
    }
    if (current.aborting === null) {
      current.aborting = { by, reason: reason.slice(0, 256) };
      this.#step(current, { step: "aborting", by, detail: current.aborting.reason });
      if (state === "running") this.#stay(current);
      else this.#end(current, "aborted", "before it was approved");
    }
    return ok({ plan: current.plan, status: current.status });
  }

  /** What drains goes on where it is; what is wanted here is not wanted any more. */
  #stay(current: Current): void {
    const { ports, context } = this.#of;
    for (const { market, shard } of current.plan.markets) {
      if (!current.plan.planned) ports.ownership.succession.forbid(shard);
      else context.run(async () => void (await ports.markets.stay(market)));
    }
  }

  #awaitApproval(current: Current): void {
    this.#step(current, { step: "awaiting_approval", by: "" });
    this.#of.context.after(approvalWithin, () => {
      if (current.status.state !== "awaiting_approval") return;
      this.#end(current, "failed", "nobody approved it in time");
    });
  }

  #begin(current: Current): void {
    this.#of.context.run(async () => {
      const markets = current.plan.planned
        ? await this.#handOver(current)
        : await this.#take(current);
      // Those that trade follow their markets.
      const failure = markets ?? (await this.#moveActors(current));
      const state = failure === null ? "done" : failure.code === "aborted" ? "aborted" : "failed";
      this.#end(current, state, failure?.reason ?? "");
      await this.#write(current.status);
    });
  }

  async #plan(request: FailoverRequest): Promise<Result<FailoverPlan>> {
    const { region } = this.#of;
    const { from, to } = request;
    if (from === to || (region !== from && region !== to)) {
      return refuse(
        "failover_refused",
        from === to ? `${from} is both regions` : `${region} is neither ${from} nor ${to}`,
        `send it to ops.${from}.failover, or when ${from} is silent to ops.${to}.failover`,
      );
    }
    const found = { markets: await this.#markets(), actors: await this.#actors(from, to) };
    const { twoPersons } = this.#of;
    if (region === to) return ok(forcedPlan(request, found, twoPersons));
    const leaseValid = this.#of.context.clock.monotonic() < this.#of.ports.ownership.validUntil();
    return ok(plannedPlan(request, found, await this.#statusOf(to), leaseValid, twoPersons));
  }

  async #markets(): Promise<readonly FoundMarket[]> {
    const { ports, state } = this.#of;
    const { succession } = ports.ownership;
    return Promise.all(
      hostedMarkets(state()).map(async ({ definition }) => {
        const report = await ports.markets.report(definition.market);
        const shard = shardOf(definition);
        return {
          definition,
          shard,
          report: report.ok ? report.value : absentReport(definition, report.failure.reason),
          standing: succession.standing(shard),
        };
      }),
    );
  }

  async #actors(from: string, to: string): Promise<FoundActors | null> {
    const found = await this.#of.ports.actorMoves?.find(from, to);
    return found?.ok === true ? found.value : null;
  }

  async #moveActors(current: Current): Promise<Failure | null> {
    const { plan } = current;
    for (const region of plan.seats) {
      const aborted = this.#aborted(current);
      if (aborted !== null) return aborted;
      const count = plan.actors.filter((actor) => actor.region === region).length;
      const began = this.#of.context.clock.monotonic();
      this.#step(current, { step: "actors_leaving", detail: `${count} of ${region}` });
      const moved = await this.#of.ports.actorMoves?.move(region, plan.to, plan.id);
      if (moved?.ok === false) return moved.failure;
      current.status = {
        ...current.status,
        actorsMoved: current.status.actorsMoved + count,
      };
      const took = Math.round((this.#of.context.clock.monotonic() - began) / 1e6);
      this.#step(current, { step: "actors_moved", detail: `${count} of ${region} in ${took} ms` });
    }
    return null;
  }

  async #statusOf(region: string): Promise<RemoteStatus | null> {
    const answer = await this.#of.ports.bus.request(
      statusSubject(region),
      new Uint8Array(),
      askWithin,
    );
    return answer.ok ? decodeRemoteStatus(answer.value) : null;
  }

  /** Shard by shard: an interrupted move leaves each shard here or there. */
  async #handOver(current: Current): Promise<Failure | null> {
    for (const shard of new Set(current.plan.markets.map((market) => market.shard))) {
      const failure = this.#aborted(current) ?? (await this.#handOverShard(current, shard));
      if (failure !== null) return failure;
    }
    return null;
  }

  #aborted({ aborting, status }: Current): Failure | null {
    if (aborting === null) return null;
    const moved = status.marketsMoved === 0 ? "nothing has" : `${status.marketsMoved} markets have`;
    return refuse("aborted", `${moved} moved when ${aborting.by} ended it`).failure;
  }

  async #handOverShard(current: Current, shard: string): Promise<Failure | null> {
    const { to } = current.status;
    const { ports, context } = this.#of;
    const { succession } = ports.ownership;
    const markets = current.plan.markets.filter((market) => market.shard === shard);
    const began = context.clock.monotonic();
    // The markets follow their journals as soon as they have handed over, and must not claim again.
    succession.leaving(shard, true);
    try {
      const done = await Promise.all(
        markets.map(async ({ market }) => {
          this.#step(current, { step: "draining", market });
          const handed = await ports.markets.handOver(market, to);
          if (handed.ok) this.#step(current, { step: "handed_over", market });
          return handed;
        }),
      );
      for (const handed of done) {
        if (!handed.ok)
          return (handed.failure.code === "aborted" && this.#aborted(current)) || handed.failure;
      }
      const given = await this.#giveUp(shard, to);
      if (given !== null) return given;
      // Told at once: the taker would find it with its next look, up to 400 ms later.
      ports.bus.publish(successionSubject(to, shard), new Uint8Array());
    } finally {
      // What is believed of the record must be as new as what was written.
      await succession.look();
      succession.leaving(shard, false);
    }
    for (const { market } of markets) {
      const detail = await this.#taken(to, market);
      if (detail === null) {
        return refuse("timeout", `${to} has not opened ${market} in time`).failure;
      }
      this.#moved(current, market, (context.clock.monotonic() - began) / 1e6);
    }
    return null;
  }

  async #giveUp(shard: string, to: string): Promise<Failure | null> {
    for (let attempt = 1; ; attempt += 1) {
      const given = await this.#of.ports.ownership.handOver(shard, to);
      if (given.ok) return null;
      if (given.failure.code === "not_owner" || attempt === writeTries) return given.failure;
      await this.#pause(writeRetry);
    }
  }

  /** Waits until the region says that the market is open there. */
  async #taken(region: string, market: string): Promise<string | null> {
    const until = this.#of.context.clock.monotonic() + takenWithin;
    while (this.#of.context.clock.monotonic() < until) {
      const status = await this.#statusOf(region);
      const found = status?.markets.find((one) => one.market === market);
      if (found !== undefined && (found.state === "open" || found.state === "halted")) {
        return found.state;
      }
      await this.#pause(takenPoll);
    }
    return null;
  }

  /** The region is silent: its markets are claimed here, whoever's turn it would be. */
  async #take(current: Current): Promise<Failure | null> {
    const { ports, context } = this.#of;
    const began = context.clock.monotonic();
    for (const shard of new Set(current.plan.markets.map((market) => market.shard))) {
      ports.ownership.succession.permit(shard, true);
    }
    for (const { market } of current.plan.markets) {
      this.#step(current, { step: "taken", market, detail: "claiming" });
      const until = context.clock.monotonic() + takenWithin;
      for (;;) {
        const report = await ports.markets.report(market);
        if (report.ok && (report.value.state === "open" || report.value.state === "halted")) break;
        const untouched = report.ok && report.value.state === "standby";
        const aborted = untouched ? this.#aborted(current) : null;
        if (aborted !== null) return aborted;
        if (context.clock.monotonic() >= until) {
          const why = report.ok ? `${report.value.state}: ${report.value.detail}` : "no answer";
          return refuse("timeout", `${market} was not opened in time (${why})`).failure;
        }
        await this.#pause(takenPoll);
      }
      this.#moved(current, market, (context.clock.monotonic() - began) / 1e6);
    }
    return null;
  }

  #moved(current: Current, market: string, pauseMs: number): void {
    const pause = Math.round(pauseMs);
    const { marketsMoved, longestPauseMs } = current.status;
    current.status = {
      ...current.status,
      marketsMoved: marketsMoved + 1,
      longestPauseMs: Math.max(longestPauseMs, pause),
    };
    this.#step(current, { step: "market_moved", market, detail: `after ${pause} ms` });
  }

  #end(current: Current, state: "done" | "failed" | "aborted", detail: string): void {
    current.status = { ...current.status, state, detail, endedUnixMs: this.#nowMs() };
    this.#step(current, { step: state, detail });
  }

  /** Every step goes to the log of the cell and to whoever listens. */
  #step(current: Current, step: Pick<FailoverStep, "step"> & Partial<FailoverStep>): void {
    const { context, ports, region } = this.#of;
    current.steps += 1;
    const whole: FailoverStep = { market: "", detail: "", by: "", ...step };
    const { id, from, to } = current.status;
    context.log.info({ id, from, to, ...whole }, "failover step");
    ports.bus.publish(
      failoverSubject(region, id),
      encodeStep(current.status, current.steps, whole, this.#nowMs()),
    );
  }

  /** Kept for the status of later processes. Best effort: the markets have moved. */
  async #write(status: FailoverStatus): Promise<void> {
    const key = failoverKey(status.from);
    const bytes = encodeFailoverStatus(status);
    for (let attempt = 0; attempt < writeTries; attempt += 1) {
      const found = await this.#keys.get(keys.directoryBucket, key);
      if (found.ok) {
        const revision = found.value?.revision ?? 0;
        const stored = await this.#keys.compareAndSet(keys.directoryBucket, key, bytes, revision);
        if (stored.ok) return;
      }
      await this.#pause(writeRetry);
    }
    this.#of.context.log.warn({ id: status.id }, "the end of the failover was not written down");
  }

  get #keys(): RegionPorts["bus"]["keys"] {
    return this.#of.ports.bus.keys;
  }

  #nowMs(): number {
    return Number(this.#of.context.clock.now() / 1_000_000n);
  }

  #pause(delay: DurationNs): Promise<void> {
    return new Promise((resolve) => {
      this.#of.context.after(delay, resolve);
    });
  }
}
