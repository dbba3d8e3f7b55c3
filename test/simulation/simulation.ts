import { trapProcessFailures } from "../../actors/kernel/blame.ts";
import { seededRandomness, type SeededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import { durationNs } from "../../actors/kernel/units.ts";
import type { MarketDefinition, RegionReport } from "../../actors/region/messages.ts";
import { wire } from "../../schemas/messages.ts";
import { operationsSubject } from "../../schemas/subjects.ts";
import { checkSafety } from "./checks.ts";
import { defectOf } from "./defects.ts";
import { planFaults } from "./faults.ts";
import { restoreActorOwners } from "./lease-operator.ts";
import { MakerClient } from "./maker-client.ts";
import { optionsOf, type SimulationOptions } from "./options.ts";
import { RiskClient } from "./risk-client.ts";
import { Life, Scheduler } from "./scheduler.ts";
import { machines, SimulatedCell } from "./simulated-cell.ts";
import { SimulatedBus, SimulatedSwitch } from "./simulated-bus.ts";
import { SimulatedClock } from "./simulated-clock.ts";
import { SimulatedDisk } from "./simulated-disk.ts";
import { SimulatedJetStream } from "./simulated-jetstream.ts";
import { SimulatedNetwork } from "./simulated-network.ts";
import { Trace } from "./trace.ts";
import { type Acknowledgement, Trader } from "./trader.ts";

/** How a run ended. */
export interface Verdict {
  readonly options: SimulationOptions;
  /** Broken promises; a run without one has passed. */
  readonly violations: readonly string[];
  readonly hash: string;
  readonly steps: number;
  readonly simulatedSeconds: number;
  readonly acknowledged: number;
  /** Answers of risk limits. */
  readonly reserved: number;
  /** Epochs given over all markets: 1 each without a change of owner. */
  readonly epochs: number;
  readonly quarantines: number;
  /** The last lines of the trace. */
  readonly lines: readonly string[];
}

const SECOND = 1e9;
/** Cells have started and own their markets by then. */
const FAULTS_FROM_S = 5;
const TRADERS_FROM_S = 3;
/** Orders go on for so long after the last fault. */
const CALM_S = 5;
const PROBE_S = 30;
/** A market maker's limits are confirmed, and its orders' fates known, by then. */
const SETTLE_MAKERS_S = 60;
const OPERATOR_NS = 3 * SECOND;
const POLL_NS = SECOND / 2;

const definition = (
  market: string,
  home: string,
  shard: number,
): Omit<MarketDefinition, "mode"> => ({
  market,
  home,
  group: "atlas",
  shard,
  currency: "EUR",
  priceDecimals: 2,
  tick: 5,
  lot: 10,
  bandLow: 5,
  bandHigh: 1_000_000,
  maximumQuantity: 1_000_000,
  orderCapacity: 100_000,
  calendar: "always",
  makerFeeBpsE2: 0,
  takerFeeBpsE2: 0,
});

/** An operator gives an epoch that no cell can have come to. */
const restoredEpoch = 1_000;
/** After so long an operator looks whether all is as it was wanted. */
const OPERATOR_LOOKS_NS = 15e9;

/** A cluster of three sites under simulated time, and everything that happens to it. */
export class Simulation {
  readonly options: SimulationOptions;
  readonly scheduler: Scheduler;
  readonly network: SimulatedNetwork;
  readonly jetstream: SimulatedJetStream;
  readonly shared: SimulatedSwitch;
  readonly cells: readonly SimulatedCell[];
  readonly markets: readonly MarketDefinition[];
  readonly traders: readonly Trader[];
  readonly riskClients: readonly RiskClient[];
  readonly makers: readonly MakerClient[];
  /** Everybody who was told anything. */
  readonly clients: { readonly acknowledged: readonly Acknowledgement[] }[];
  /** Event blocks in order of publication. */
  readonly eventBlocks: Uint8Array[] = [];
  readonly violations: string[] = [];
  quarantines = 0;
  #lostSite: number | null = null;
  /** Nobody asks for anything new: what is under way ends, and then all is compared. */
  #comesToRest = false;
  readonly #wishes = new Map<number, "halted" | "open">();
  readonly #operatorsBus: SimulatedBus;
  readonly #random: SeededRandomness;

  constructor(options: SimulationOptions, trace: Trace = new Trace()) {
    this.options = options;
    this.scheduler = new Scheduler(trace);
    this.#random = seededRandomness(options.seed);
    const random = (name: string): SeededRandomness => this.#random.fork(name);
    this.network = new SimulatedNetwork(this.scheduler, random("network"));
    this.jetstream = new SimulatedJetStream(this.scheduler, this.network, random("jetstream"));
    this.shared = new SimulatedSwitch(
      this.scheduler,
      this.network,
      this.jetstream,
      random("switch"),
    );
    this.shared.onAppended = (_, payload) => {
      this.eventBlocks.push(payload);
    };
    const operator = new Life("operator");
    const time = { rate: 1, wallOffset: 0, frozen: 0 };
    const clock = new SimulatedClock(this.scheduler, operator, time);
    this.#operatorsBus = new SimulatedBus(this.shared, operator, 0, clock);
    const contended = options.topology === "contended";
    const regionOf = (site: number): string =>
      contended ? "eu" : (["eu", "us", "ap"][site] ?? "");
    const homes = contended ? ["eu", "eu"] : ["eu", "us", "ap"];
    this.markets = homes.map((home, index) => ({
      ...definition(`M${index}`, home, options.sharedShard ? 0 : index),
      mode: options.mode,
    }));
    const groups = Object.fromEntries(homes.map((home) => [home, ["atlas"]]));
    this.cells = this.network.sites.map((site) => this.#cell(site, regionOf(site), groups));
    this.traders = Array.from({ length: options.traders }, (_, index) => {
      const market = this.markets[index % this.markets.length];
      if (market === undefined) throw new Error("a simulation has markets");
      return new Trader(
        this.shared,
        index,
        (index * 2) % 3,
        market,
        random(`trader-${index}`),
        options.ordersPerSecond / options.traders,
        [...new Set(homes)],
      );
    });
    this.clients = [...this.traders];
    const regions = options.traders === 0 ? [] : [...new Set(homes)];
    this.riskClients = regions.map(
      (region, site) => new RiskClient(this.shared, region, site, random(`risk-${region}`)),
    );
    this.makers = (options.makers ? this.markets : []).map(
      (market, index) => new MakerClient(this.shared, index, market, random(`maker-${index}`)),
    );
  }

  get now(): number {
    return this.scheduler.now / SECOND;
  }

  /** Lets simulated time pass. */
  async until(second: number, done: () => boolean = () => false): Promise<void> {
    await this.scheduler.run(second * SECOND, done);
  }

  /** Starts the cells and waits until they own their markets. */
  async begin(): Promise<void> {
    for (const cell of this.cells) cell.start();
    await this.until(TRADERS_FROM_S);
  }

  /** Every report of a living cell that answers. */
  async reports(): Promise<readonly (RegionReport & { readonly cellOf: SimulatedCell })[]> {
    const asked = this.cells
      .filter((cell) => cell.alive && !cell.paused)
      .map(async (cell) => {
        const report = await cell.report();
        return report === null ? [] : [{ ...report, cellOf: cell }];
      });
    const state = { settled: false };
    const all = Promise.all(asked).finally(() => {
      state.settled = true;
    });
    await this.until(this.now + 10, () => state.settled);
    if (!state.settled) return [];
    return (await all).flat();
  }

  /** What is not as it should be when nothing is wrong any more; empty when all is well. */
  async ailments(): Promise<readonly string[]> {
    const reports = await this.reports();
    const found: string[] = [];
    for (const { market } of this.markets) {
      const owners = reports.filter((report) =>
        report.markets.some((one) => one.definition.market === market && one.state === "open"),
      );
      const owned = owners[0]?.markets.find((one) => one.definition.market === market);
      if (owners.length === 1 && owned !== undefined) {
        if (owned.committed < owned.matched) {
          found.push(`${market} is committed up to ${owned.committed} of ${owned.matched}`);
        }
        continue;
      }
      const states = reports.map((report) => {
        const one = report.markets.find((each) => each.definition.market === market);
        return `${report.cell}: ${one?.state ?? "absent"} ${one?.detail ?? ""}`;
      });
      found.push(`${market} is open in ${owners.length} cells (${states.join("; ")})`);
    }
    for (const report of reports) {
      if (/\blease\b/.test(report.notReadyReason)) {
        found.push(`${report.cell}: ${report.notReadyReason}`);
      }
    }
    for (const cell of this.cells) {
      if (cell.machine.site === this.#lostSite) continue;
      if (!reports.some((report) => report.cellOf === cell)) {
        found.push(`${cell.machine.name} does not answer`);
      }
    }
    for (const trader of this.traders) {
      if (trader.waitingSince === null) continue;
      const since = ((this.scheduler.now - trader.waitingSince) / SECOND).toFixed(1);
      found.push(`trader of session ${trader.session} has waited for ${since} s`);
    }
    if (this.riskClients.some(({ waitingSince }) => waitingSince !== null)) {
      found.push("a risk limit does not answer");
    }
    return found;
  }

  /** Waits until all is well; what ails it when it is not by then. */
  async recovered(within: number): Promise<readonly string[]> {
    const limit = this.now + within;
    let ailments: readonly string[] = ["nobody has looked"];
    while (ailments.length > 0 && this.now < limit) {
      await this.until(Math.min(limit, this.now + POLL_NS / SECOND));
      ailments = await this.ailments();
    }
    return ailments;
  }

  /** The whole run: faults, then the time in which everything has to become well, then the checks. */
  async run(): Promise<Verdict> {
    const { options } = this;
    const untrap = trapProcessFailures((error) => this.#unowned(error));
    try {
      await this.begin();
      for (const client of [...this.traders, ...this.riskClients, ...this.makers]) client.start();
      this.shared.trouble = options.messages;
      const until = FAULTS_FROM_S + options.faultSeconds;
      const end = planFaults(
        this,
        options.faults,
        FAULTS_FROM_S * SECOND,
        until * SECOND,
        this.#random.fork("faults"),
      );
      await this.until(until);
      end();
      for (const market of this.#wishes.keys()) this.setState(market, "open");
      this.#loseMachine();
      this.#restoreOwners();
      this.shared.trouble = { lost: 0, doubled: 0, late: 0 };
      this.scheduler.trace.say(this.scheduler.now, "fault", "no more faults");
      await this.until(until + CALM_S);
      for (const client of [...this.traders, ...this.riskClients]) client.stop();
      await this.#liveness();
      await this.#safety();
    } catch (error) {
      this.violations.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
    } finally {
      untrap();
    }
    return this.#verdict();
  }

  /** One machine is gone for good, if the seed says so: the others have to do. */
  #loseMachine(): void {
    const { lostSite } = this.options;
    const lost = this.cells.find((cell) => cell.machine.site === lostSite);
    if (lost === undefined) return;
    this.#lostSite = lostSite;
    lost.held = true;
    lost.crash(true);
  }

  async #liveness(): Promise<void> {
    const ailments = await this.recovered(this.options.settleSeconds);
    for (const one of ailments) this.violations.push(`not well in time: ${one}`);
    if (ailments.length > 0) return;
    for (const ailment of await this.#idleMakers()) {
      this.violations.push(`not well in time: ${ailment}`);
    }
    for (const trader of this.traders) trader.probe();
    const limit = this.now + PROBE_S;
    await this.until(limit, () => this.traders.every(({ waitingSince }) => waitingSince === null));
    const waiting = this.traders.filter(({ waitingSince }) => waitingSince !== null);
    for (const { session } of waiting) {
      this.violations.push(`not well in time: the last order of session ${session} has no answer`);
    }
  }

  async #safety(): Promise<void> {
    this.#comesToRest = true;
    // Blocks, followers and event blocks come to rest.
    await this.until(this.now + 3);
    const limits = this.riskClients.map((client) => client.settle());
    if ((await this.#within(10, Promise.all(limits))) === null) {
      this.violations.push("not well in time: a risk limit does not answer");
    }
    const makers = this.makers.map((maker) => maker.settle());
    if ((await this.#within(SETTLE_MAKERS_S, Promise.all(makers))) === null) {
      this.violations.push("not well in time: a market maker does not stop");
    }
    for (const { violations } of [...this.riskClients, ...this.makers]) {
      this.violations.push(...violations);
    }
    // Its last cancels have been committed.
    if (this.makers.length > 0) await this.until(this.now + 3);
    this.violations.push(...checkSafety(this));
  }

  /** What market makers do that do not quote by then; empty when all do. */
  async #idleMakers(): Promise<readonly string[]> {
    const limit = this.now + SETTLE_MAKERS_S;
    for (;;) {
      const asked = Promise.all(this.makers.map((maker) => maker.ailment()));
      const told = (await this.#within(limit - this.now, asked)) ?? [
        "a market maker's cells do not answer",
      ];
      const found = told.filter((ailment) => ailment !== null);
      if (found.length === 0 || this.now >= limit) return found;
      await this.until(Math.min(limit, this.now + POLL_NS / SECOND));
    }
  }

  /** The outcome once it is there; null when it is not there by then. */
  async #within<T>(seconds: number, outcome: Promise<T>): Promise<T | null> {
    const state: { outcome: T | null; settled: boolean } = { outcome: null, settled: false };
    void outcome.then((value) => {
      state.outcome = value;
      state.settled = true;
    });
    await this.until(this.now + seconds, () => state.settled);
    return state.outcome;
  }

  #cell(
    site: number,
    region: string,
    groups: Readonly<Record<string, readonly string[]>>,
  ): SimulatedCell {
    const name = `cell-${site}`;
    const random = this.#random.fork(name);
    const disk = new SimulatedDisk(this.scheduler, random.fork("disk"));
    disk.lies = this.options.defect === "skips_fsync";
    const drift = (random.unit() * 2 - 1) * this.options.faults.driftPpm;
    const machine = {
      name,
      site,
      region,
      reference: { groups, markets: this.markets },
      disk,
      time: { rate: 1 + drift / 1e6, wallOffset: 0, frozen: 0 },
      random,
      hostsActors: this.options.traders > 0,
    };
    const cell: SimulatedCell = new SimulatedCell(machine, this.shared, {
      ...defectOf(this.options.defect),
      diverged: () => {
        this.quarantines += 1;
      },
      logFailed: () => this.#restartWithRoom(cell),
    });
    return cell;
  }

  /** An operator frees the disk, then restarts the cell, as the failure says. */
  #restartWithRoom(cell: SimulatedCell): void {
    this.scheduler.in(OPERATOR_NS, machines, "operator", () => {
      if (Number.isFinite(cell.machine.disk.room)) {
        this.#restartWithRoom(cell);
        return;
      }
      this.scheduler.trace.say(this.scheduler.now, "operator", `restarts ${cell.machine.name}`);
      cell.crash(false);
    });
  }

  /** After a lost bucket, once cells had time to write what they still knew: tries until no owner is missing. */
  #restoreOwners(): void {
    if (this.options.faults.lostLeases === 0) return;
    const { keys, life } = this.#operatorsBus;
    const regions = [...new Set(this.markets.map(({ home }) => home))];
    const attempt = async (): Promise<void> => {
      if (await restoreActorOwners(keys, regions, restoredEpoch)) return;
      this.scheduler.in(1e9, life, "restore owners again", () => void attempt());
    };
    this.scheduler.in(OPERATOR_LOOKS_NS, life, "restore owners", () => void attempt());
  }

  /**
   * Asks until a cell does it, where the market is owned, and once more when an earlier wish that came late may
   * have been done after it; the last wish counts.
   */
  setState(market: number, state: "halted" | "open"): void {
    this.#wishes.set(market, state);
    const wish = async (isLast: boolean): Promise<void> => {
      const { home, market: name } = this.markets[market] ?? { home: "", market: "" };
      const verb = state === "open" ? "market-resume" : "market-halt";
      const request = { market: name, reason: "simulation", requestedBy: "operator" };
      const payload = wire.control.v1.MarketStateRequest.encode(request).finish();
      let region = home;
      while (this.#wishes.get(market) === state) {
        const answer = await this.#operatorsBus.request(
          operationsSubject(region, verb),
          payload,
          durationNs(3e9),
        );
        const reply = answer.ok ? wire.control.v1.MarketReply.decode(answer.value) : null;
        if (reply !== null && (reply.refusal ?? null) === null) break;
        const owner = reply?.refusal?.code === "not_owner" ? (reply.refusal.region ?? "") : "";
        region = owner === "" ? home : owner;
        await new Promise<void>((resolve) => {
          this.scheduler.in(200e6, this.#operatorsBus.life, "again", resolve);
        });
      }
      if (isLast || this.#wishes.get(market) !== state) return;
      this.scheduler.in(OPERATOR_LOOKS_NS, this.#operatorsBus.life, "operator looks", () => {
        if (!this.#comesToRest) void wish(true);
      });
    };
    this.scheduler.in(0, this.#operatorsBus.life, "operator", () => void wish(false));
  }

  /** What main.ts ends the process for. */
  #unowned(error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.violations.push(`an error that belongs to no actor: ${text}`);
  }

  #verdict(): Verdict {
    const { scheduler, options, violations, quarantines } = this;
    return {
      options,
      violations,
      hash: scheduler.trace.hash(),
      steps: scheduler.trace.events,
      simulatedSeconds: this.now,
      acknowledged: this.traders.reduce((sum, one) => sum + one.acknowledged.length, 0),
      reserved: this.riskClients.reduce((sum, one) => sum + one.answered, 0),
      epochs: this.epochs,
      quarantines,
      lines: scheduler.trace.lines(),
    };
  }

  /** Set by the safety checks. */
  epochs = 0;
}

/** One run of a seed. */
export function simulate(
  seed: number,
  scenario?: Parameters<typeof optionsOf>[1],
  seconds?: number,
  trace?: Trace,
): Promise<Verdict> {
  return new Simulation(optionsOf(seed, scenario, seconds), trace).run();
}
