/**
 * Mixes of commands. Each profile is data for command-stream.ts and goes where one kind of fault
 * would hide: full pools, the ends of the price range, resends, sweeps through many levels.
 */

/** Relative weights of what comes next. */
export interface CommandWeights {
  readonly place: number;
  readonly cancel: number;
  readonly reduce: number;
  readonly replace: number;
  readonly configure: number;
  readonly setState: number;
  /** Any bytes with a known kind now and then. */
  readonly garbage: number;
}

export interface Profile {
  readonly name: string;
  readonly weights: CommandWeights;
  /** Orders rest around one of these prices. */
  readonly centers: readonly number[];
  /** Largest distance from the center, in ticks. */
  readonly spread: number;
  /** How far beyond the center an order may go, so that it trades. */
  readonly crossing: number;
  readonly maximumQuantity: number;
  /** Largest quantity drawn; above the maximum some are refused. */
  readonly quantity: number;
  readonly capacities: readonly number[];
  /** Share in percent of placed orders that are market, ioc or fok. */
  readonly immediate: number;
  /** One in this many orders is a sweep: a thousand times the quantity, through any price. 0: none. */
  readonly sweepEvery: number;
  /** Sessions in use; 0: commands carry none. */
  readonly sessions: number;
  /** Percent of commands with a session that are a resend of an earlier number. */
  readonly resends: number;
  /** One in this many commands has one field set to an awkward value. 0: none. */
  readonly mutateEvery: number;
  /** Most orders are one tick further from the center than any before, so that each opens a level. */
  readonly opensLevels: boolean;
}

const normal: Profile = {
  name: "normal",
  weights: { place: 55, cancel: 22, reduce: 8, replace: 14, configure: 0, setState: 0, garbage: 1 },
  centers: [50_000],
  spread: 60,
  crossing: 2,
  maximumQuantity: 100,
  quantity: 100,
  capacities: [100_000],
  immediate: 20,
  sweepEvery: 0,
  sessions: 8,
  resends: 3,
  mutateEvery: 200,
  opensLevels: false,
};

export const profiles: readonly Profile[] = [
  normal,
  {
    ...normal,
    name: "adversarial",
    weights: {
      place: 40,
      cancel: 12,
      reduce: 10,
      replace: 16,
      configure: 4,
      setState: 4,
      garbage: 14,
    },
    maximumQuantity: 2 ** 31 - 1,
    quantity: 2 ** 31 - 1,
    spread: 4,
    sessions: 4,
    resends: 10,
    mutateEvery: 3,
  },
  {
    ...normal,
    name: "resends",
    weights: {
      place: 50,
      cancel: 20,
      reduce: 10,
      replace: 15,
      configure: 1,
      setState: 2,
      garbage: 2,
    },
    sessions: 3,
    resends: 40,
  },
  { ...normal, name: "many sessions", sessions: 400, resends: 20, spread: 8 },
  {
    ...normal,
    name: "tiny capacity",
    weights: {
      place: 60,
      cancel: 12,
      reduce: 8,
      replace: 18,
      configure: 1,
      setState: 0,
      garbage: 1,
    },
    capacities: [1, 2, 3, 5, 8],
    spread: 3,
    quantity: 12,
  },
  {
    ...normal,
    name: "halts and reconfigurations",
    weights: {
      place: 45,
      cancel: 15,
      reduce: 10,
      replace: 15,
      configure: 6,
      setState: 9,
      garbage: 0,
    },
    centers: [50_000, 10, 2 ** 31 - 12],
    capacities: [40],
  },
  {
    ...normal,
    name: "ends of the price range",
    centers: [1, 2 ** 31 - 2],
    spread: 5,
    maximumQuantity: 2 ** 31 - 1,
    quantity: 2 ** 31 - 1,
    capacities: [2 ** 24 - 2],
  },
  {
    ...normal,
    name: "deep sweeps",
    weights: { place: 80, cancel: 8, reduce: 4, replace: 8, configure: 0, setState: 0, garbage: 0 },
    centers: [1_000_000],
    spread: 30_000,
    crossing: 20,
    maximumQuantity: 2 ** 31 - 1,
    immediate: 2,
    sweepEvery: 400,
    sessions: 0,
    mutateEvery: 0,
  },
  {
    ...normal,
    name: "wide prices",
    centers: [1, 4_096, 2 ** 20, 2 ** 30, 2 ** 31 - 2],
    spread: 5_000,
    crossing: 50,
    sweepEvery: 2_000,
    maximumQuantity: 2 ** 31 - 1,
    sessions: 1,
  },
];

/** More orders on prices of their own than a market has levels; needs some 70,000 commands to fill up. */
export const levelProfile: Profile = {
  ...normal,
  name: "all levels occupied",
  weights: { place: 96, cancel: 1, reduce: 1, replace: 2, configure: 0, setState: 0, garbage: 0 },
  centers: [200_000],
  capacities: [2 ** 18],
  immediate: 0,
  sessions: 0,
  mutateEvery: 0,
  opensLevels: true,
};
