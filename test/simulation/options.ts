import { seededRandomness, type SeededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import type { MessageTrouble } from "./simulated-bus.ts";

/** What a seed decides, printed with it. */
export interface SimulationOptions {
  readonly seed: number;
  readonly scenario: ScenarioName;
  /** Three cells that contend for one region's markets, or one region and market per site. */
  readonly topology: "contended" | "regions";
  readonly mode: "replicated" | "durable";
  /** The markets of contending cells lie in one shard: one stream numbers their messages. */
  readonly sharedShard: boolean;
  readonly traders: number;
  readonly ordersPerSecond: number;
  /** Market makers that are spawned by request, one for each market. */
  readonly makers: boolean;
  /** Length of the phase with faults, in seconds. */
  readonly faultSeconds: number;
  /** Time from the last fault until everything must be well, in seconds. */
  readonly settleSeconds: number;
  readonly faults: FaultRates;
  readonly messages: MessageTrouble;
  readonly defect: DefectName | null;
  /** The site whose cell dies in the end and never comes back; null when all do. */
  readonly lostSite: number | null;
}

/** Faults of each kind in a minute, on average, all machines together; of appends, of 10,000. */
export interface FaultRates {
  readonly partitions: number;
  readonly oneWay: number;
  readonly flaps: number;
  readonly crashes: number;
  readonly powerCuts: number;
  /** A site is cut off, and its cell dies before it is joined again. */
  readonly dyingSites: number;
  readonly pauses: number;
  readonly freezes: number;
  readonly serverCrashes: number;
  readonly leaderless: number;
  readonly wallJumps: number;
  readonly slowDisks: number;
  readonly fullDisks: number;
  readonly slowNetworks: number;
  readonly lostSuffixes: number;
  /** The bucket of leases and owners is empty from one moment to the next. */
  readonly lostLeases: number;
  /** An operator halts a market, and resumes it some seconds later. */
  readonly halts: number;
  readonly appendAnswered: number;
  readonly appendSilent: number;
  readonly appendLate: number;
  readonly appendUnchecked: number;
  /** Of 1,000 appends to event logs of actors, those that are not answered. */
  readonly eventLogs: number;
  /** Clock rates differ from true time by up to so many parts in a million. */
  readonly driftPpm: number;
}

const quiet: FaultRates = {
  partitions: 0,
  oneWay: 0,
  flaps: 0,
  crashes: 0,
  powerCuts: 0,
  dyingSites: 0,
  pauses: 0,
  freezes: 0,
  serverCrashes: 0,
  leaderless: 0,
  wallJumps: 0,
  slowDisks: 0,
  fullDisks: 0,
  slowNetworks: 0,
  lostSuffixes: 0,
  lostLeases: 0,
  halts: 0,
  appendAnswered: 0,
  appendSilent: 0,
  appendLate: 0,
  appendUnchecked: 0,
  eventLogs: 0,
  driftPpm: 0,
};
const reliable: MessageTrouble = { lost: 0, doubled: 0, late: 0 };

interface Scenario {
  readonly about: string;
  readonly faults: Partial<FaultRates>;
  readonly messages?: MessageTrouble;
  /** What clients would send if every answer came at once. */
  readonly ordersPerSecond?: number;
  readonly traders?: number;
  readonly makers?: boolean;
  readonly defect?: DefectName;
  readonly mode?: SimulationOptions["mode"];
  readonly topology?: SimulationOptions["topology"];
  readonly sharedShard?: boolean;
}

/** Defects that a run must find. */
export type DefectName =
  | "builds_on_foreign_tail"
  | "acknowledges_before_accepted"
  | "takes_without_fence"
  | "skips_fsync";

const badNetwork: MessageTrouble = { lost: 200, doubled: 200, late: 200 };
const canary = {
  faults: { crashes: 6, partitions: 8, pauses: 8, appendSilent: 800, appendLate: 200 },
  messages: badNetwork,
  ordersPerSecond: 60,
  mode: "replicated",
  topology: "contended",
} as const;

export const scenarios = {
  leases: {
    about: "leases and heartbeats only, no order, no fault",
    faults: {},
    ordersPerSecond: 0,
  },
  load: {
    about: "100 orders a second, no fault",
    faults: {},
    ordersPerSecond: 140,
    traders: 24,
    topology: "regions",
  },
  calm: { about: "orders, no fault", faults: {} },
  partitions: {
    about: "sites cut off: fully, one way, flapping",
    faults: { partitions: 3, oneWay: 2, flaps: 1 },
  },
  crashes: {
    about: "cells killed, machines without power, sites that die, servers killed, slow disks",
    faults: { crashes: 4, powerCuts: 4, dyingSites: 3, serverCrashes: 2, slowDisks: 4 },
  },
  "dying-sites": {
    about: "the owner's site is cut off with its clients, then dies",
    faults: { dyingSites: 8 },
    ordersPerSecond: 60,
    mode: "replicated",
    topology: "contended",
  },
  "torn-writes": {
    about: "durable markets on slow disks of machines that lose power",
    faults: { powerCuts: 15, crashes: 8, slowDisks: 20, eventLogs: 20 },
    ordersPerSecond: 60,
    mode: "durable",
  },
  pauses: {
    about: "cells stopped for a while; wall clocks jump, oscillators drift",
    faults: { pauses: 6, wallJumps: 4, driftPpm: 5_000 },
  },
  "frozen-clocks": {
    about: "virtual machines frozen with their clocks",
    faults: { freezes: 8, driftPpm: 200 },
  },
  jetstream: {
    about: "503, 10164, time-outs that were stored, late appends, gaps without a leader",
    faults: {
      leaderless: 3,
      serverCrashes: 2,
      appendAnswered: 300,
      appendSilent: 200,
      appendLate: 100,
    },
  },
  "both-stored": {
    about: "two appends pass one check",
    faults: { crashes: 4, pauses: 3, appendUnchecked: 300, appendSilent: 200 },
    mode: "replicated",
  },
  "lost-suffix": {
    about: "JetStream forgets acknowledged blocks",
    faults: { lostSuffixes: 6, leaderless: 1, crashes: 1 },
    mode: "replicated",
    sharedShard: false,
  },
  "lost-leases": {
    about: "the bucket of leases is lost; cells are killed and paused",
    faults: { lostLeases: 3, crashes: 3, pauses: 3 },
  },
  "full-disks": {
    about: "disks without room, freed and restarted by an operator",
    faults: { fullDisks: 4, crashes: 2 },
  },
  drift: {
    about: "oscillators wrong by up to five in a hundred, pauses, an operator who halts markets",
    faults: { driftPpm: 50_000, pauses: 5, wallJumps: 5, halts: 4 },
  },
  network: {
    about: "core messages lost, doubled, overtaken; slow links and disks",
    faults: { slowNetworks: 3, slowDisks: 3 },
    messages: badNetwork,
  },
  makers: {
    about:
      "market makers in the cells; cells killed, frozen and cut off, messages lost and doubled",
    faults: {
      crashes: 4,
      powerCuts: 1,
      pauses: 3,
      freezes: 1,
      partitions: 2,
      halts: 1,
      eventLogs: 10,
    },
    messages: { lost: 50, doubled: 50, late: 50 },
    ordersPerSecond: 30,
    makers: true,
  },
  everything: {
    about: "a mixture that the seed chooses",
    faults: {
      partitions: 2,
      oneWay: 1,
      flaps: 1,
      crashes: 3,
      powerCuts: 2,
      dyingSites: 2,
      pauses: 3,
      freezes: 2,
      serverCrashes: 1,
      leaderless: 1,
      wallJumps: 1,
      halts: 1,
      fullDisks: 1,
      slowDisks: 2,
      slowNetworks: 1,
      appendAnswered: 200,
      appendSilent: 100,
      appendLate: 100,
      eventLogs: 10,
      driftPpm: 1_000,
    },
    messages: { lost: 50, doubled: 50, late: 50 },
  },
  worst: {
    about: "JetStream forgets and does not answer, while cells and sites die",
    faults: {
      lostSuffixes: 3,
      crashes: 3,
      dyingSites: 1,
      pauses: 3,
      leaderless: 1,
      appendSilent: 200,
    },
    mode: "replicated",
    sharedShard: false,
  },
  beyond: {
    about: "not promised: JetStream forgets, and at once stores what it had checked before",
    faults: { lostSuffixes: 3, crashes: 3, pauses: 3, appendLate: 200, appendUnchecked: 200 },
    mode: "replicated",
    sharedShard: true,
  },
  "canary-foreign-tail": {
    about: "must fail: an owner reads a foreign tail and publishes on top of it",
    ...canary,
    defect: "builds_on_foreign_tail",
  },
  "canary-early-acknowledgement": {
    about: "must fail: an owner acknowledges before its block is accepted",
    ...canary,
    defect: "acknowledges_before_accepted",
  },
  "canary-no-fence": {
    about: "must fail: a taker believes that its fence is stored without publishing it",
    ...canary,
    defect: "takes_without_fence",
  },
  "canary-fsync": {
    about: "must fail: the log says durable before the fsync",
    faults: { powerCuts: 20, leaderless: 6, partitions: 4 },
    defect: "skips_fsync",
  },
} as const satisfies Readonly<Record<string, Scenario>>;

export type ScenarioName = keyof typeof scenarios;

/** Scenarios that must hold: no planted defect, and nothing beyond what the protocol promises. */
export const promised = (Object.keys(scenarios) as ScenarioName[]).filter(
  (name) => name !== "beyond" && !name.startsWith("canary"),
);

export const isScenario = (name: string): name is ScenarioName => Object.hasOwn(scenarios, name);

const FAULT_SECONDS = 40;
const SETTLE_SECONDS = 60;

/** Everything that follows from a seed. */
export function optionsOf(
  seed: number,
  scenario: ScenarioName = "everything",
  faultSeconds = FAULT_SECONDS,
): SimulationOptions {
  const random = seededRandomness(seed).fork("options");
  const chosen: Scenario = scenarios[scenario];
  const faults = { ...quiet, ...chosen.faults };
  const durable = scenario === "canary-fsync" || random.below(4) === 0;
  const contended = random.below(4) > 0;
  const rates = [2, 10, 30] as const;
  const drawnRate = rates[random.below(rates.length)] ?? 10;
  const topology = chosen.topology ?? (contended ? "contended" : "regions");
  const mode = chosen.mode ?? (durable ? "durable" : "replicated");
  const site = random.below(6);
  const shared = chosen.sharedShard ?? random.below(2) === 0;
  const sharedShard = topology === "contended" && shared;
  // What JetStream forgets is in the logs of machines: both lost at once is lost.
  const forgets = faults.lostLeases + faults.lostSuffixes > 0;
  const replaceable =
    topology === "contended" && mode === "replicated" && !forgets && faulty(faults);
  return {
    seed,
    scenario,
    topology,
    mode,
    sharedShard,
    traders: chosen.ordersPerSecond === 0 ? 0 : (chosen.traders ?? 6),
    ordersPerSecond: chosen.ordersPerSecond ?? drawnRate,
    makers: chosen.makers ?? false,
    faultSeconds,
    settleSeconds: SETTLE_SECONDS,
    faults: scenario === "everything" ? mixed(faults, random) : faults,
    messages: chosen.messages ?? reliable,
    defect: chosen.defect ?? null,
    lostSite: replaceable && site < 3 ? site : null,
  };
}

const faulty = (faults: FaultRates): boolean => Object.values(faults).some((rate) => rate > 0);

/** Each kind of fault is left out, as it is, or three times as frequent. */
function mixed(faults: FaultRates, random: SeededRandomness): FaultRates {
  const entries = Object.entries(faults) as [keyof FaultRates, number][];
  const factors = [0, 1, 1, 3];
  return Object.fromEntries(
    entries.map(([kind, rate]) => [kind, rate * (factors[random.below(factors.length)] ?? 1)]),
  ) as unknown as FaultRates;
}
