/**
 * Mixes of commands. Each profile is data for command-stream.ts and goes where one kind of fault
 * would hide: full pools, the ends of the price range, resends, sweeps through many levels, and each
 * group of rules of native/engine/README.md with few accounts and few prices, so that orders meet.
 */

/** Relative weights of what comes next. */
export interface CommandWeights {
  readonly place: number;
  readonly cancel: number;
  readonly reduce: number;
  readonly replace: number;
  readonly configure: number;
  readonly setState: number;
  readonly setBreaker: number;
  readonly massCancel: number;
  readonly setLimit: number;
  readonly kill: number;
  readonly setPosition: number;
  readonly bust: number;
  readonly correct: number;
  readonly tick: number;
  readonly seed: number;
  /** Any bytes with a known kind now and then. */
  readonly garbage: number;
}

/** Relative weights of the kinds of orders placed. */
export interface OrderWeights {
  readonly plain?: number;
  readonly iceberg?: number;
  readonly hidden?: number;
  readonly postOnly?: number;
  readonly minimum?: number;
  readonly allOrNone?: number;
  readonly discretionary?: number;
  readonly market?: number;
  readonly stop?: number;
  readonly stopLimit?: number;
  readonly trailing?: number;
  readonly pegged?: number;
  /** Any type with any attributes. */
  readonly anything?: number;
}

/** Shares in percent of placed orders, where their type allows it. */
export interface Shares {
  /** ioc or fok. */
  readonly immediate: number;
  /** at_open, at_close or good_for_auction. */
  readonly auction: number;
  readonly gtc: number;
  readonly gtd: number;
  readonly selfTradePrevention: number;
  readonly reduceOnly: number;
  readonly linked: number;
  readonly grouped: number;
}

export interface Profile {
  readonly name: string;
  /** From which part of the rules on it makes sense: A, B, C as they were built. */
  readonly stage: "A" | "B" | "C";
  readonly weights: CommandWeights;
  readonly orders: OrderWeights;
  readonly shares: Shares;
  /** Accounts that trade; few, so that orders of others, and own ones, are hit. */
  readonly accounts: number;
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
  /** States that set_state draws from; more often the first. */
  readonly states: readonly number[];
  /** Breaker modes that set_breaker draws from. */
  readonly breakers: readonly number[];
  /** One in this many orders is a sweep: a thousand times the quantity, through any price. 0: none. */
  readonly sweepEvery: number;
  /** After so many commands a burst of mass cancels comes. 0: never. */
  readonly burstEvery: number;
  /** Sessions in use; 0: commands carry none. */
  readonly sessions: number;
  /** Percent of commands with a session that are a resend of an earlier number. */
  readonly resends: number;
  /** One in this many commands has one field set to an awkward value. 0: none. */
  readonly mutateEvery: number;
  /** Most orders are one tick further from the center than any before, so that each opens a level. */
  readonly opensLevels: boolean;
}

const noCommands: CommandWeights = {
  place: 0,
  cancel: 0,
  reduce: 0,
  replace: 0,
  configure: 0,
  setState: 0,
  setBreaker: 0,
  massCancel: 0,
  setLimit: 0,
  kill: 0,
  setPosition: 0,
  bust: 0,
  correct: 0,
  tick: 0,
  seed: 0,
  garbage: 0,
};

const noShares: Shares = {
  immediate: 20,
  auction: 0,
  gtc: 0,
  gtd: 0,
  selfTradePrevention: 0,
  reduceOnly: 0,
  linked: 0,
  grouped: 0,
};

const normal: Profile = {
  name: "normal",
  stage: "A",
  weights: { ...noCommands, place: 55, cancel: 22, reduce: 8, replace: 14, garbage: 1 },
  orders: { plain: 95, market: 5 },
  shares: noShares,
  accounts: 5,
  centers: [50_000],
  spread: 60,
  crossing: 2,
  maximumQuantity: 100,
  quantity: 100,
  capacities: [100_000],
  states: [0, 1],
  breakers: [0],
  sweepEvery: 0,
  burstEvery: 0,
  sessions: 8,
  resends: 3,
  mutateEvery: 200,
  opensLevels: false,
};

/** What the profiles of the special kinds have in common: few prices, some of every plain kind. */
const meeting: Profile = {
  ...normal,
  centers: [1_000],
  spread: 8,
  crossing: 3,
  quantity: 30,
  maximumQuantity: 40,
  capacities: [60, 400],
  sessions: 4,
  resends: 2,
  weights: {
    ...noCommands,
    place: 62,
    cancel: 9,
    reduce: 6,
    replace: 11,
    massCancel: 1,
    tick: 2,
    garbage: 1,
  },
  shares: { ...noShares, immediate: 25, gtc: 20, selfTradePrevention: 25, grouped: 20 },
};

const everything: Profile = {
  ...meeting,
  name: "everything",
  stage: "C",
  weights: {
    place: 640,
    cancel: 70,
    reduce: 50,
    replace: 110,
    configure: 2,
    setState: 22,
    setBreaker: 10,
    massCancel: 8,
    setLimit: 10,
    kill: 2,
    setPosition: 12,
    bust: 6,
    correct: 6,
    tick: 20,
    seed: 2,
    garbage: 8,
  },
  orders: {
    plain: 30,
    iceberg: 10,
    hidden: 8,
    postOnly: 8,
    minimum: 6,
    allOrNone: 5,
    discretionary: 6,
    market: 8,
    stop: 5,
    stopLimit: 5,
    trailing: 5,
    pegged: 6,
    anything: 2,
  },
  shares: {
    immediate: 22,
    auction: 12,
    gtc: 20,
    gtd: 12,
    selfTradePrevention: 25,
    reduceOnly: 12,
    linked: 14,
    grouped: 20,
  },
  states: [0, 0, 1, 2, 3, 4, 5, 6],
  breakers: [0, 0, 1, 2],
};

export const profiles: readonly Profile[] = [
  normal,
  {
    ...normal,
    name: "adversarial",
    weights: {
      ...normal.weights,
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
      ...normal.weights,
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
      ...normal.weights,
      place: 60,
      cancel: 12,
      reduce: 8,
      replace: 18,
      configure: 1,
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
      ...normal.weights,
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
    states: [0, 0, 0, 1],
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
    weights: { ...noCommands, place: 80, cancel: 8, reduce: 4, replace: 8 },
    centers: [1_000_000],
    spread: 30_000,
    crossing: 20,
    maximumQuantity: 2 ** 31 - 1,
    shares: { ...noShares, immediate: 2 },
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
  {
    ...meeting,
    name: "self trades",
    accounts: 2,
    orders: { plain: 70, market: 10, iceberg: 10, hidden: 10 },
    shares: { ...meeting.shares, selfTradePrevention: 80 },
  },
  {
    ...meeting,
    name: "risk limits",
    accounts: 3,
    weights: { ...meeting.weights, setLimit: 6, kill: 2, setPosition: 4, setState: 1 },
    orders: { plain: 85, market: 15 },
    shares: { ...meeting.shares, reduceOnly: 10 },
  },
  {
    ...meeting,
    name: "reduce only",
    accounts: 3,
    weights: { ...meeting.weights, setPosition: 10 },
    orders: { plain: 70, market: 10, iceberg: 10, hidden: 10 },
    shares: { ...meeting.shares, reduceOnly: 50 },
  },
  {
    ...meeting,
    name: "icebergs and hidden orders",
    weights: { ...meeting.weights, seed: 1 },
    orders: { plain: 25, iceberg: 45, hidden: 25, market: 5 },
  },
  {
    ...meeting,
    name: "passive orders",
    orders: { plain: 40, postOnly: 45, hidden: 10, iceberg: 5 },
    weights: { ...meeting.weights, configure: 1 },
  },
  {
    ...meeting,
    name: "protected market orders",
    spread: 14,
    orders: { plain: 60, market: 40 },
  },
  {
    ...meeting,
    name: "time",
    orders: { plain: 80, hidden: 10, iceberg: 10 },
    weights: { ...meeting.weights, tick: 8 },
    shares: { ...meeting.shares, gtd: 60, immediate: 5 },
  },
  {
    ...meeting,
    name: "sweeps",
    accounts: 3,
    spread: 400,
    crossing: -1,
    capacities: [12_000],
    weights: {
      ...noCommands,
      place: 2_400,
      cancel: 40,
      massCancel: 2,
      kill: 1,
      tick: 20,
    },
    burstEvery: 7_000,
    shares: { ...meeting.shares, immediate: 2, gtd: 4 },
    orders: { plain: 80, hidden: 10, iceberg: 10, trailing: 1 },
  },
  {
    ...meeting,
    name: "many accounts",
    accounts: 9_000,
    weights: { ...meeting.weights, setLimit: 1, kill: 1, setPosition: 2 },
    capacities: [100_000],
    spread: 30,
  },
  {
    ...meeting,
    name: "conditional orders",
    stage: "B",
    orders: { plain: 35, minimum: 25, allOrNone: 20, hidden: 10, iceberg: 10 },
    shares: { ...meeting.shares, reduceOnly: 5, linked: 3 },
  },
  {
    ...meeting,
    name: "discretion",
    stage: "B",
    orders: { plain: 35, discretionary: 45, minimum: 5, hidden: 5, postOnly: 5, market: 5 },
  },
  {
    ...meeting,
    name: "stops",
    stage: "B",
    orders: { plain: 40, stop: 20, stopLimit: 20, trailing: 15, market: 5 },
    shares: { ...meeting.shares, reduceOnly: 5, linked: 5 },
  },
  {
    ...meeting,
    name: "pegs",
    stage: "B",
    orders: { plain: 45, pegged: 35, hidden: 10, market: 5, minimum: 5 },
  },
  {
    ...meeting,
    name: "links",
    stage: "B",
    accounts: 3,
    orders: {
      plain: 40,
      postOnly: 10,
      iceberg: 8,
      hidden: 6,
      stop: 12,
      stopLimit: 10,
      trailing: 6,
      market: 8,
    },
    shares: { ...meeting.shares, linked: 55, reduceOnly: 5 },
  },
  {
    ...meeting,
    name: "many of each kind",
    stage: "B",
    accounts: 40,
    spread: 40,
    crossing: 1,
    capacities: [20_000],
    weights: { ...noCommands, place: 96, cancel: 1, replace: 2, tick: 1 },
    shares: { ...noShares, immediate: 2 },
    orders: { plain: 6, pegged: 8, minimum: 12, allOrNone: 6, discretionary: 34, trailing: 34 },
  },
  {
    ...meeting,
    name: "auctions",
    stage: "C",
    weights: { ...meeting.weights, setState: 6 },
    orders: { plain: 55, iceberg: 10, hidden: 8, market: 22, minimum: 5 },
    shares: { ...meeting.shares, auction: 30, immediate: 10, reduceOnly: 10, linked: 6 },
    states: [0, 0, 2, 3, 3, 4, 5, 5, 1, 6],
  },
  {
    ...meeting,
    name: "interrupting breaker",
    stage: "C",
    weights: { ...meeting.weights, setState: 8, setBreaker: 4 },
    orders: everything.orders,
    states: [0, 0, 0, 0, 4],
    breakers: [1, 1, 1, 0],
  },
  {
    ...meeting,
    name: "limit states",
    stage: "C",
    weights: { ...meeting.weights, setState: 6, setBreaker: 4 },
    orders: { plain: 60, market: 15, stopLimit: 10, hidden: 5, discretionary: 5, iceberg: 5 },
    states: [0, 0, 0, 4],
    breakers: [2, 2, 2, 0],
  },
  {
    ...meeting,
    name: "busts and corrections",
    stage: "C",
    weights: { ...meeting.weights, bust: 8, correct: 8 },
    shares: { ...meeting.shares, reduceOnly: 10 },
  },
  everything,
  { ...everything, name: "everything, two accounts", accounts: 2, spread: 5 },
  {
    ...everything,
    name: "everything, mostly open",
    weights: { ...everything.weights, setState: 4, setBreaker: 3, kill: 1, setLimit: 3 },
    states: [0],
    spread: 6,
  },
  {
    ...everything,
    name: "everything at the ends of the price range",
    centers: [4, 2 ** 31 - 6],
    spread: 6,
    maximumQuantity: 2 ** 31 - 1,
    quantity: 2 ** 31 - 1,
    mutateEvery: 40,
  },
  { ...everything, name: "everything, tiny capacity", capacities: [3, 6, 12], spread: 4 },
  {
    ...everything,
    name: "everything crowded",
    capacities: [5_000],
    weights: { ...everything.weights, cancel: 10, massCancel: 2, kill: 1, setState: 6 },
    spread: 40,
    accounts: 12,
  },
];

/** More buys on prices of their own than a side has levels; needs some 90,000 commands to fill up. */
export const levelProfile: Profile = {
  ...normal,
  name: "all levels occupied",
  weights: { ...noCommands, place: 96, cancel: 1, reduce: 1, replace: 2 },
  orders: { plain: 98, iceberg: 2 },
  centers: [200_000],
  capacities: [2 ** 18],
  shares: { ...noShares, immediate: 0 },
  sessions: 0,
  mutateEvery: 0,
  opensLevels: true,
};
