import type { EngineCommand, EngineEvent } from "../actors/kernel/ports/matching-engine.ts";
import type { AccountId, OrderId, PriceTicks, QuantityLots } from "../actors/kernel/units.ts";
import { type NativeEngine, loadNativeEngine } from "../native/index.ts";
import { type BenchOptions, BenchVoid, type Report, figure, median, quantile } from "./bench.ts";
import { fileSystem, threadSeconds } from "./machine.ts";
import { BATCH, logsFolder, MarketDriver } from "./market-driver.ts";
import { PackedTrades, PackedWorkload } from "./workloads/packed.ts";
import { narrow, narrowCases } from "./workloads/w.ts";

/** Requirements of the replay: one Node process sustains these. */
const MESSAGES_GOAL = 1_000_000;
const ORDERS_GOAL = 100_000;

/** As native/reactor and native/journal name them. */
const MATCH_THREAD = "meridian-match";
const LOG_THREAD = "meridian-log";

interface Sizes {
  readonly rawCommands: number;
  readonly operations: number;
  readonly roundTrips: number;
  readonly durableRoundTrips: number;
}
const full: Sizes = {
  rawCommands: 2_000_000,
  operations: 2_000_000,
  roundTrips: 20_000,
  durableRoundTrips: 2_000,
};
const quickest: Sizes = {
  rawCommands: 20_000,
  operations: 1_000,
  roundTrips: 200,
  durableRoundTrips: 20,
};

/** One Node process and the reactor behind it, over the rings, with the journal at work. */
export async function runBridge({ quick, repeats }: BenchOptions): Promise<Report> {
  const sizes = quick ? quickest : full;
  const stated = narrowCases.find(({ operations }) => operations === sizes.operations);
  if (stated === undefined) throw new BenchVoid(`no case of ${sizes.operations} operations`);
  const workload = new PackedWorkload(narrow, sizes.operations);
  const loaded = loadNativeEngine();
  if (!loaded.ok) throw new BenchVoid(`${loaded.failure.reason}; ${loaded.failure.next}`);
  const engine = loaded.value;
  const raw: Throughput[] = [];
  const orders: Throughput[] = [];
  const trips: RoundTrips[] = [];
  try {
    for (let repeat = 0; repeat < repeats; repeat += 1) {
      raw.push(await rawMessages(engine, sizes.rawCommands));
      orders.push(await workloadOrders(engine, workload, stated));
      trips.push(await roundTrips(engine, sizes));
    }
  } finally {
    await engine.stop();
  }
  const messages = (all: readonly Throughput[]): number[] =>
    all.map((one) => (one.commands + one.events) / one.seconds);
  const nodeTime = (all: readonly Throughput[]): number[] =>
    all.map((one) => (one.nodeSeconds * 1e9) / one.commands);
  const trip = (name: string, samples: (one: RoundTrips) => Float64Array, share: number) =>
    figure(
      `${name}, p${share * 100}`,
      "µs",
      "lower",
      trips.map((one) => quantile(samples(one), share) * 1000),
    );
  return {
    workload: [
      `raw: ${sizes.rawCommands} commands, resting orders placed and canceled again, one event each; W narrow: ${workload.preloaded} adds, then ${sizes.operations} measured operations, ${((orders[0]?.events ?? 0) / sizes.operations).toFixed(2)} events each; ${stated.trades} trades, volume ${stated.volume}, hash ${stated.hash}, as stated`,
      "a message is one 64-byte slot that crossed between JavaScript and the reactor: a command in or an event out, by the positions of the rings; each is encoded from an object, or decoded into one",
      `the clock stops when every event is decoded and every record fsynced; one thread of JavaScript, flushed every ${BATCH} commands; the match thread is not pinned, as in a cell`,
      `journal: on, as in a cell: a 96-byte record for each command, fsynced in groups by the journal thread, on ${fileSystem(logsFolder)}; the market's mode is durable`,
    ],
    figures: [
      figure("raw messages", "/s", "higher", messages(raw), MESSAGES_GOAL),
      figure("raw, processor time of Node's thread a command", "ns", "lower", nodeTime(raw)),
      figure(
        "orders of W",
        "/s",
        "higher",
        orders.map((one) => one.commands / one.seconds),
        ORDERS_GOAL,
      ),
      figure("messages of W", "/s", "higher", messages(orders)),
      figure("W, processor time of Node's thread an order", "ns", "lower", nodeTime(orders)),
      trip("one order to its event, back to back", (one) => one.busy, 0.5),
      trip("one order to its event, back to back", (one) => one.busy, 0.99),
      trip("one order to its event, reactor asleep", (one) => one.asleep, 0.5),
      trip("one order to its event, reactor asleep", (one) => one.asleep, 0.99),
      trip("one order until it is fsynced", (one) => one.durable, 0.5),
      trip("one order until it is fsynced", (one) => one.durable, 0.99),
    ],
    notes: [limit(orders)],
  };
}

/** Which of the three threads had most to do, and how much of the time there was a processor for it. */
function limit(orders: readonly Throughput[]): string {
  const share = (value: (one: Throughput) => number): string =>
    (median(orders.map(value)) * 1e9).toFixed(0);
  const all = median(
    orders.map((one) => (one.nodeSeconds + one.matchSeconds + one.logSeconds) / one.seconds),
  );
  return `W, processor time an order: Node's thread ${share((one) => one.nodeSeconds / one.commands)} ns, match thread ${share((one) => one.matchSeconds / one.commands)} ns (it spins for a while before it sleeps), journal thread ${share((one) => one.logSeconds / one.commands)} ns; together they ran on ${all.toFixed(2)} processors`;
}

interface Throughput {
  readonly commands: number;
  readonly events: number;
  readonly seconds: number;
  /** Processor time of Node's own thread, of the match thread, of the journal thread. */
  readonly nodeSeconds: number;
  readonly matchSeconds: number;
  readonly logSeconds: number;
}

/** Measures `work` until all it offered is answered and durable; counts by the rings' positions. */
async function measured(driver: MarketDriver, work: () => Promise<void>): Promise<Throughput> {
  const before = driver.passed();
  const matchBefore = threadSeconds(MATCH_THREAD);
  const logBefore = threadSeconds(LOG_THREAD);
  const ran = process.threadCpuUsage();
  const start = performance.now();
  await work();
  await driver.answered();
  await driver.durable();
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.threadCpuUsage(ran);
  const after = driver.passed();
  return {
    commands: (after.commands - before.commands) >>> 0,
    events: (after.events - before.events) >>> 0,
    seconds,
    nodeSeconds: (user + system) / 1e6,
    matchSeconds: threadSeconds(MATCH_THREAD) - matchBefore,
    logSeconds: threadSeconds(LOG_THREAD) - logBefore,
  };
}

const header = { session: 0, number: 0, account: 1 as AccountId, tag: 0 };

/** A buy order of one lot that rests and trades with nobody. */
const rest = (price: number): EngineCommand => ({
  ...header,
  kind: "place",
  side: "buy",
  orderType: "limit",
  timeInForce: "day",
  price: price as PriceTicks,
  quantity: 1 as QuantityLots,
});
const cancel = (orderId: number): EngineCommand => ({
  ...header,
  kind: "cancel",
  orderId: orderId as OrderId,
});

/**
 * The lightest real flow: orders placed below the best bid, and canceled when their ids have come.
 * The best bid never changes, so each command has exactly one event.
 */
async function rawMessages(engine: NativeEngine, total: number): Promise<Throughput> {
  // As many as can be on their way, and a batch more.
  const known = new Float64Array(2 ** 16);
  let taken = 0;
  let added = 0;
  let refused = 0;
  const driver = await MarketDriver.open(engine, (event) => {
    if (event.kind === "accepted") {
      known[added % known.length] = event.orderId;
      added += 1;
    } else if (event.kind === "refused") {
      refused += 1;
    }
  });
  try {
    driver.offer(rest(1_000));
    await driver.answered();
    taken = added; // the best bid stays
    const result = await measured(driver, async () => {
      for (let done = 0; done < total; done += BATCH) {
        const cancels = added - taken >= BATCH;
        for (let index = 0; index < Math.min(BATCH, total - done); index += 1) {
          const command = cancels ? cancel(known[taken % known.length] ?? 0) : rest(500);
          if (cancels) taken += 1;
          while (!driver.offer(command)) await driver.more();
        }
        driver.turn();
      }
    });
    if (result.commands !== total || result.events !== total || refused > 0) {
      throw new BenchVoid(
        `raw: ${result.commands} commands gave ${result.events} events, ${refused} of them refusals, where ${total} and none were due`,
      );
    }
    return result;
  } finally {
    await driver.close();
  }
}

/** Slots of the engine's order pool; an order id names one in its low bits. */
const SLOTS = 2 ** 24;

/** Workload W as a client sends it: a cancel or replace waits until the order's id has come. */
async function workloadOrders(
  engine: NativeEngine,
  workload: PackedWorkload,
  stated: (typeof narrowCases)[number],
): Promise<Throughput> {
  /** The engine's id by the workload's; 0 while it is not known. */
  const orderIds = new Float64Array(workload.count + 1);
  /** The workload's id by the slot of the engine's. */
  const bySlot = new Uint32Array(SLOTS);
  let trades = new PackedTrades(workload.count);
  let refused = 0;
  const driver = await MarketDriver.open(engine, (event: EngineEvent) => {
    if (event.kind === "accepted" || event.kind === "replaced") {
      orderIds[event.tag] = event.orderId;
      bySlot[event.orderId % SLOTS] = event.tag;
    } else if (event.kind === "executed") {
      const maker = bySlot[event.makerOrderId % SLOTS] ?? 0;
      trades.add(maker, event.tag, event.price, event.quantity);
    } else if (event.kind === "refused") {
      refused += 1;
    }
  });
  const play = async (from: number, to: number): Promise<void> => {
    for (let index = from; index < to; index += 1) {
      const id = workload.id(index);
      let resting = 0;
      if (workload.namesOrder(index)) {
        while (orderIds[id] === 0) await driver.more();
        resting = orderIds[id] ?? 0;
        if (workload.replaces(index)) orderIds[id] = 0;
      }
      const command = workload.command(index, resting);
      while (!driver.offer(command)) await driver.more();
      if (index % BATCH === BATCH - 1) driver.turn();
    }
  };
  try {
    await play(0, workload.preloaded);
    await driver.answered();
    await driver.durable();
    trades = new PackedTrades(workload.count);
    const result = await measured(driver, () => play(workload.preloaded, workload.count));
    const checksum = trades.checksum();
    if (
      checksum.trades !== stated.trades ||
      checksum.volume !== stated.volume ||
      checksum.hash !== stated.hash ||
      workload.checksum.hash !== stated.hash ||
      result.commands !== stated.operations ||
      refused > 0
    ) {
      throw new BenchVoid(
        `W: ${result.commands} commands, ${refused} refused, gave ${checksum.trades} trades with hash ${checksum.hash}; stated are ${stated.trades} and ${stated.hash}`,
      );
    }
    return result;
  } finally {
    await driver.close();
  }
}

/** Milliseconds, rising. */
interface RoundTrips {
  readonly busy: Float64Array;
  readonly asleep: Float64Array;
  readonly durable: Float64Array;
}

/** One order at a time, from the object to its event in JavaScript, told by the bell. */
async function roundTrips(
  engine: NativeEngine,
  { roundTrips: count, durableRoundTrips }: Sizes,
): Promise<RoundTrips> {
  let latest = 0;
  const driver = await MarketDriver.open(engine, (event) => {
    if (event.kind === "accepted") latest = event.orderId;
  });
  const busy = new Float64Array(count);
  const asleep = new Float64Array(durableRoundTrips);
  const durable = new Float64Array(durableRoundTrips);
  const place = async (): Promise<number> => {
    const start = performance.now();
    driver.offer(rest(500));
    await driver.rung();
    return start;
  };
  const takeBack = async (): Promise<void> => {
    driver.offer(cancel(latest));
    await driver.rung();
  };
  try {
    driver.offer(rest(1_000));
    await driver.answered();
    for (let index = 0; index < count; index += 1) {
      const start = await place();
      busy[index] = performance.now() - start;
      await takeBack();
    }
    for (let index = 0; index < durableRoundTrips; index += 1) {
      // The match thread spins for 50 µs before it sleeps: after a millisecond it does.
      await new Promise((resolve) => setTimeout(resolve, 1));
      const start = await place();
      asleep[index] = performance.now() - start;
      await driver.durable();
      durable[index] = performance.now() - start;
      await takeBack();
    }
  } finally {
    await driver.close();
  }
  return { busy: busy.sort(), asleep: asleep.sort(), durable: durable.sort() };
}
