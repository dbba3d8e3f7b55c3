import type { Bus } from "../kernel/ports/bus.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import { EVENT_SLOT_BYTES, type EngineEvent } from "../kernel/ports/matching-engine.ts";
import type { RequestTrace } from "../kernel/ports/tracing.ts";
import { durationNs, type DurationNs } from "../kernel/units.ts";
import { eventSubject, marketDataSubject } from "../../schemas/subjects.ts";
import type { BookView, Level } from "./book-view.ts";
import {
  encodeEventBlock,
  encodeL1,
  encodeL2,
  encodeTrades,
  type LevelUnits,
  type TradeUnits,
} from "./codec.ts";
import type { MarketCounters } from "./counters.ts";
import type { MarketDefinition, TouchUnits } from "./messages.ts";

/** What leaves a market for everybody: event blocks and conflated market data, safe events only. */

/** Events that have become safe gather for this long before they are published as a block. */
const BLOCK_DELAY = durationNs(5_000_000);
const BLOCK_BYTES = 4_096 * EVENT_SLOT_BYTES;
/** Blocks on their way to the memory stream at most; one more is not published, and counted. */
const BLOCKS_UNANSWERED = 64;
/** Market data leaves at most this often per subject: 20 a second. */
const MARKET_DATA_INTERVAL = durationNs(50_000_000);
const TRACES_PER_BLOCK = 64;
const TRADES_PER_MESSAGE = 256;
/** Levels in L2 messages. */
export const LEVELS_PUBLISHED = 10;

export interface PublicationPorts {
  readonly bus: Bus;
  readonly clock: Pick<Clock, "monotonic">;
  readonly after: (delay: DurationNs, callback: () => void) => () => void;
  /** Runs work that ends with the actor. */
  readonly run: (work: () => Promise<void>) => void;
}

/** evt.<market>.block: one message per block of safe events, to a memory stream. */
export class EventBlocks {
  readonly #ports: PublicationPorts;
  readonly #market: string;
  readonly #counters: MarketCounters;
  readonly #subject: string;
  readonly #buffer = new Uint8Array(BLOCK_BYTES);
  #used = 0;
  #first = 0;
  #last = 0;
  #armed = false;
  #unanswered = 0;
  /** Traced requests whose events are in the block that gathers. */
  #traces: { readonly trace: RequestTrace; readonly since: DurationNs }[] = [];
  epoch = 0;

  constructor(ports: PublicationPorts, market: string, counters: MarketCounters) {
    this.#ports = ports;
    this.#market = market;
    this.#counters = counters;
    this.#subject = eventSubject(market, "block");
  }

  add(sequence: number, slot: Uint8Array): void {
    if (this.#used === BLOCK_BYTES) this.flush();
    if (this.#used === 0) this.#first = sequence;
    this.#buffer.set(slot, this.#used);
    this.#used += EVENT_SLOT_BYTES;
    this.#last = sequence;
    if (this.#armed) return;
    this.#armed = true;
    this.#ports.after(BLOCK_DELAY, () => {
      this.#armed = false;
      this.flush();
    });
  }

  /** The events of a traced request, the last of which has this sequence, were added. */
  follow(trace: RequestTrace, sequence: number): void {
    if (sequence === 0 || this.#traces.length >= TRACES_PER_BLOCK) return;
    this.#traces.push({ trace, since: this.#ports.clock.monotonic() });
  }

  /** Publishes what has gathered; the stream can be rebuilt from the journal, so nothing is resent. */
  flush(): void {
    if (this.#used === 0) return;
    const payload = encodeEventBlock({
      market: this.#market,
      epoch: this.epoch,
      first: this.#first,
      last: this.#last,
      events: this.#buffer.subarray(0, this.#used),
      traces: this.#traces.map(({ trace }) => trace.context),
    });
    this.#used = 0;
    const traces = this.#traces;
    if (traces.length > 0) this.#traces = [];
    if (this.#unanswered >= BLOCKS_UNANSWERED) {
      this.#counters.eventsRefused += 1;
      return;
    }
    this.#unanswered += 1;
    this.#ports.run(async () => {
      const answer = await this.#ports.bus.append(this.#subject, payload);
      this.#unanswered -= 1;
      if (!answer.ok) this.#counters.eventsRefused += 1;
      for (const { trace, since } of traces) {
        trace.hop("events", since, this.#ports.clock.monotonic(), {
          "meridian.subject": this.#subject,
        });
      }
    });
  }
}

/** md.<market>.l1 | l2 | trades on core NATS. */
export class MarketData {
  readonly #ports: PublicationPorts;
  readonly #definition: MarketDefinition;
  readonly #counters: MarketCounters;
  readonly #book: BookView;
  #armed = false;
  #bookChanged = false;
  #sequence: number;
  #trades: TradeUnits[] = [];
  #tradesDropped = 0;
  #lastPrice = 0;
  #lastQuantity = 0;

  constructor(
    ports: PublicationPorts,
    definition: MarketDefinition,
    counters: MarketCounters,
    book: BookView,
    sequence: number,
  ) {
    this.#ports = ports;
    this.#definition = definition;
    this.#counters = counters;
    this.#book = book;
    this.#sequence = sequence;
  }

  /** After the book view has taken the event. */
  apply(event: EngineEvent): void {
    this.#sequence = event.sequence;
    switch (event.kind) {
      case "executed":
        this.#trade({
          price: event.price * this.#definition.tick,
          quantity: event.quantity * this.#definition.lot,
          aggressor: event.side,
          sequence: event.sequence,
        });
        break;
      case "accepted":
      case "canceled":
      case "reduced":
      case "replaced":
        break;
      case "touch":
      case "refused":
      case "repeated":
      case "configured":
      case "state_set":
      case "rested":
      case "triggered":
      case "activated":
      case "repriced":
      case "indicative":
      case "limit_state":
      case "breaker_set":
      case "mass_canceled":
      case "limit_set":
      case "killed":
      case "position_set":
      case "busted":
      case "corrected":
      case "ticked":
      case "seeded":
        return;
    }
    this.#bookChanged = true;
    this.#arm();
  }

  /** Publishes the state as it is: for the first subscriber after a start. */
  announce(): void {
    this.#bookChanged = true;
    this.#arm();
  }

  touch(): TouchUnits {
    const bid = this.#book.bids(1)[0];
    const ask = this.#book.asks(1)[0];
    const { tick, lot } = this.#definition;
    return {
      bidPrice: (bid?.price ?? 0) * tick,
      bidQuantity: (bid?.quantity ?? 0) * lot,
      askPrice: (ask?.price ?? 0) * tick,
      askQuantity: (ask?.quantity ?? 0) * lot,
    };
  }

  levels(limit: number): { readonly bids: LevelUnits[]; readonly asks: LevelUnits[] } {
    const { tick, lot } = this.#definition;
    const units = (level: Level): LevelUnits => ({
      price: level.price * tick,
      quantity: level.quantity * lot,
      orders: level.orders,
    });
    return { bids: this.#book.bids(limit).map(units), asks: this.#book.asks(limit).map(units) };
  }

  /** Sequence of the last command whose events are in the book view. */
  get sequence(): number {
    return this.#sequence;
  }

  #trade(trade: TradeUnits): void {
    this.#counters.history.trade(trade.price, trade.quantity, trade.aggressor, trade.sequence);
    this.#lastPrice = trade.price;
    this.#lastQuantity = trade.quantity;
    if (this.#trades.length < TRADES_PER_MESSAGE) this.#trades.push(trade);
    else this.#tradesDropped += 1;
  }

  #arm(): void {
    if (this.#armed) return;
    this.#armed = true;
    this.#ports.after(MARKET_DATA_INTERVAL, () => {
      this.#armed = false;
      this.#publish();
    });
  }

  #publish(): void {
    const { market, lot } = this.#definition;
    const { bus } = this.#ports;
    if (this.#bookChanged) {
      this.#bookChanged = false;
      const last = { price: this.#lastPrice, quantity: this.#lastQuantity };
      const volume = this.#counters.volumeLots * lot;
      const l1 = encodeL1(
        market,
        this.#sequence,
        this.touch(),
        last,
        volume,
        this.#counters.trades,
      );
      bus.publish(marketDataSubject(market, "l1"), l1);
      const { bids, asks } = this.levels(LEVELS_PUBLISHED);
      bus.publish(marketDataSubject(market, "l2"), encodeL2(market, this.#sequence, bids, asks));
    }
    if (this.#trades.length > 0) {
      const payload = encodeTrades(market, this.#trades, this.#tradesDropped);
      bus.publish(marketDataSubject(market, "trades"), payload);
      this.#trades = [];
      this.#tradesDropped = 0;
    }
  }
}
