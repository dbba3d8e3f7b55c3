import type { MarketEngine } from "../../kernel/ports/matching-engine.ts";
import { MAX_PRICE_TICKS } from "../../kernel/units.ts";
import type { Trade } from "../../models/backtest/performance.ts";
import {
  type MarketView,
  type OrderIntent,
  reconcile,
  type Strategy,
} from "../../models/backtest/strategy.ts";
import type { FeatureStream } from "../../models/microstructure/feature-stream.ts";
import type { SessionSource } from "../events.ts";
import { EngineExchange } from "../engine-exchange.ts";
import type { RowGate } from "../pace.ts";
import { replay } from "../session.ts";
import type { ReplayResult } from "../summary.ts";
import type { Survey } from "../survey.ts";
import type { LevelRange } from "../unseen.ts";
import { Agenda } from "./agenda.ts";
import { Channel, type LatencyModel } from "./latency.ts";
import { type OrderCounts, OwnOrders } from "./own-orders.ts";
import {
  aggressor,
  type OwnEntry,
  type OwnEvent,
  participants,
  type Touch,
  Venue,
  type VenueObserver,
} from "./venue.ts";

export interface BacktestOptions<State> {
  readonly source: SessionSource;
  readonly survey: Survey;
  /** Of a file of few levels; null where they are not known. */
  readonly range: LevelRange | null;
  /** Freshly opened. */
  readonly engine: MarketEngine;
  /** Price units of a tick: the survey's, or a multiple of it. */
  readonly tick: number;
  readonly strategy: Strategy<State>;
  readonly features: FeatureStream;
  readonly latency: LatencyModel;
  /** Of the latencies. */
  readonly seed: number;
  /** Least time between two decisions. */
  readonly decisionIntervalNs: number;
  /** Time between two samples of equity and inventory. */
  readonly sampleNs: number;
  /** Sees each decision that sends something, when it is made. */
  readonly onDecision?: (time: number, intents: readonly OrderIntent[]) => void;
  readonly onProgress?: (rows: number) => void;
}

/** Columns of one length: at each sample the exchange's truth, not what the strategy had heard. */
export interface Samples {
  readonly times: readonly number[];
  /** Ticks times lots, marked at the mid. */
  readonly equity: readonly number[];
  readonly inventory: readonly number[];
}

export interface BacktestResult {
  readonly replay: ReplayResult;
  readonly decisions: number;
  readonly counts: OrderCounts;
  readonly fills: readonly (Trade & { readonly maker: boolean })[];
  readonly samples: Samples;
  /** Mid prices in ticks at each change of the best bid or offer. */
  readonly midPath: { readonly times: readonly number[]; readonly mids: readonly number[] };
  /** Market data that the features refused: one-sided or crossed. */
  readonly unusableQuotes: number;
}

type Item =
  | { readonly kind: "hear_touch"; readonly happened: number; touch: Touch }
  | {
      readonly kind: "hear_trade";
      readonly happened: number;
      readonly lots: number;
      readonly sign: 1 | -1;
    }
  | { readonly kind: "hear_own"; readonly event: OwnEvent }
  | {
      readonly kind: "arrive";
      readonly entry: OwnEntry | { readonly kind: "cancel"; readonly reference: number };
    }
  | { readonly kind: "wake" };

/**
 * Runs a strategy against a recorded session in the real engine. One thread of time: before each row of
 * the file everything that is due earlier happens — messages arrive, the strategy decides — and only then
 * the row. The strategy is called with what it has heard, and hears of a row only after the row has gone
 * through the engine and the feed's delay has passed: nothing of a later row exists in the process at
 * that moment but the time of the next one.
 */
export function backtest<State>(options: BacktestOptions<State>): Promise<BacktestResult> {
  return new Backtest(options).run();
}

class Backtest<State> implements VenueObserver, RowGate {
  readonly #options: BacktestOptions<State>;
  readonly #agenda = new Agenda<Item>();
  readonly #own = new OwnOrders();
  readonly #feed: Channel;
  readonly #orders: Channel;
  readonly #responses: Channel;
  #venue: Venue | null = null;
  #now = 0;
  #gate = Number.NEGATIVE_INFINITY;
  #state: State;
  #decisions = 0;
  #lastDecision = Number.NEGATIVE_INFINITY;
  #wakePending = false;
  #unusable = 0;
  /** Best prices at the exchange, and as heard. */
  #touch: Touch = { bidPrice: 0, bidQuantity: 0, askPrice: 0, askQuantity: 0 };
  #heard: Touch = this.#touch;
  #lastTouch: Extract<Item, { kind: "hear_touch" }> | null = null;
  /** The exchange's truth about the strategy. */
  #inventory = 0;
  #cash = 0;
  readonly #sides = new Map<number, "buy" | "sell">();
  readonly #fills: (Trade & { readonly maker: boolean })[] = [];
  readonly #samples = { times: [] as number[], equity: [] as number[], inventory: [] as number[] };
  readonly #path = { times: [] as number[], mids: [] as number[] };
  #nextSample = 0;

  constructor(options: BacktestOptions<State>) {
    this.#options = options;
    this.#state = options.strategy.start;
    this.#feed = new Channel(options.latency.feed, options.seed);
    this.#orders = new Channel(options.latency.order, options.seed + 1);
    this.#responses = new Channel(options.latency.response, options.seed + 2);
  }

  async run(): Promise<BacktestResult> {
    const { source, survey, range, engine, tick, onProgress } = this.#options;
    const highest = Math.min(MAX_PRICE_TICKS * tick, survey.highestPrice * 2);
    const exchange = await EngineExchange.create(engine, {
      tick,
      bandLow: tick,
      bandHigh: Math.max(tick, highest - (highest % tick)),
      maximumQuantity: 2 ** 31 - 1,
      orderCapacity: Math.max(1024, survey.peakOrders + 1024),
    });
    this.#venue = new Venue(exchange, tick, this);
    this.#nextSample = survey.firstTime;
    const result = await replay({
      source,
      survey,
      exchange: this.#venue,
      participants,
      aggressor,
      range,
      check: null,
      strict: false,
      pace: this,
      ...(onProgress === undefined ? {} : { onProgress }),
    });
    this.#sampleUntil(survey.lastTime + 1);
    return {
      replay: result,
      decisions: this.#decisions,
      counts: this.#own.counts,
      fills: this.#fills,
      samples: this.#samples,
      midPath: this.#path,
      unusableQuotes: this.#unusable,
    };
  }

  /** Rows of one instant go through together: nothing can be due between them. */
  isAhead(time: number): boolean {
    return time > this.#gate;
  }

  /** Everything that is due before the row of that time. */
  async wait(time: number): Promise<void> {
    while (this.#agenda.next < time) {
      this.#sampleUntil(this.#agenda.next);
      this.#now = this.#agenda.next;
      const item = this.#agenda.take();
      if (item !== null) await this.#happen(item);
    }
    this.#sampleUntil(time);
    this.#now = Math.max(this.#now, time);
    this.#gate = time;
  }

  touch(touch: Touch): void {
    this.#touch = touch;
    this.#notePath(touch);
    // Several changes at one instant are one to the feed: what lies between them nobody sees.
    if (this.#lastTouch !== null && this.#lastTouch.happened === this.#now) {
      this.#lastTouch.touch = touch;
      return;
    }
    const item = { kind: "hear_touch" as const, happened: this.#now, touch };
    this.#lastTouch = item;
    this.#agenda.add(this.#feed.arrival(this.#now), item);
  }

  trade(lots: number, sign: 1 | -1): void {
    this.#agenda.add(this.#feed.arrival(this.#now), {
      kind: "hear_trade",
      happened: this.#now,
      lots,
      sign,
    });
  }

  own(event: OwnEvent): void {
    if (event.kind === "filled") this.#filled(event);
    this.#agenda.add(this.#responses.arrival(this.#now), { kind: "hear_own", event });
  }

  #filled({ reference, price, quantity, maker }: Extract<OwnEvent, { kind: "filled" }>): void {
    const side = this.#sides.get(reference);
    if (side === undefined) throw new Error(`a fill of order ${reference}, which was never sent`);
    const sign = side === "buy" ? 1 : -1;
    this.#inventory += sign * quantity;
    this.#cash -= sign * price * quantity;
    this.#fills.push({ time: this.#now, side, price, quantity, maker });
  }

  async #happen(item: Item): Promise<void> {
    const { features } = this.#options;
    switch (item.kind) {
      case "hear_touch": {
        if (item === this.#lastTouch) this.#lastTouch = null;
        this.#heard = item.touch;
        const { bidPrice, bidQuantity, askPrice, askQuantity } = item.touch;
        if (features.quote(item.happened, bidPrice, bidQuantity, askPrice, askQuantity) !== null)
          this.#unusable += 1;
        return this.#decide();
      }
      case "hear_trade":
        features.trade(item.happened, item.lots, item.sign);
        return this.#decide();
      case "hear_own":
        this.#own.hear(item.event);
        return this.#decide();
      case "wake":
        this.#wakePending = false;
        return this.#decide();
      case "arrive":
        return this.#arrive(item.entry);
      default:
        return item satisfies never;
    }
  }

  async #arrive(entry: Extract<Item, { kind: "arrive" }>["entry"]): Promise<void> {
    const venue = this.#venue;
    if (venue === null) return;
    if (entry.kind === "cancel") await venue.cancel(entry.reference);
    else await venue.enter(entry);
  }

  #decide(): void {
    const { decisionIntervalNs, strategy, features, onDecision } = this.#options;
    const due = this.#lastDecision + decisionIntervalNs;
    if (this.#now < due) {
      if (!this.#wakePending) this.#agenda.add(due, { kind: "wake" });
      this.#wakePending = true;
      return;
    }
    this.#lastDecision = this.#now;
    this.#decisions += 1;
    const view: MarketView = {
      time: this.#now,
      ...this.#heard,
      features: features.values,
      inventory: this.#own.inventory,
      cash: this.#own.cash,
    };
    const { state, desired } = strategy.decide(this.#state, view);
    this.#state = state;
    const intents = reconcile(desired, this.#own.orders);
    if (intents.length === 0) return;
    onDecision?.(this.#now, intents);
    for (const intent of intents) {
      const entry = this.#own.send(intent);
      if (entry.kind !== "cancel") this.#sides.set(entry.reference, entry.side);
      this.#agenda.add(this.#orders.arrival(this.#now), { kind: "arrive", entry });
    }
  }

  #notePath({ bidPrice, askPrice }: Touch): void {
    if (bidPrice === 0 || askPrice === 0) return;
    const mid = (bidPrice + askPrice) / 2;
    const { times, mids } = this.#path;
    if (times[times.length - 1] === this.#now) {
      times.pop();
      mids.pop();
    }
    if (mids[mids.length - 1] === mid) return;
    times.push(this.#now);
    mids.push(mid);
  }

  /** What stood until just before that time. */
  #sampleUntil(time: number): void {
    for (; this.#nextSample < time; this.#nextSample += this.#options.sampleNs) {
      const mids = this.#path.mids;
      const mid = mids[mids.length - 1] ?? 0;
      this.#samples.times.push(this.#nextSample);
      this.#samples.equity.push(this.#cash + this.#inventory * mid);
      this.#samples.inventory.push(this.#inventory);
    }
  }
}
