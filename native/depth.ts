import type { Side } from "../actors/kernel/ports/matching-engine.ts";
import type { OrderId, PriceTicks, QuantityLots, Sequence } from "../actors/kernel/units.ts";
import { regions } from "./addon.ts";

/**
 * The book of a native market, read from shared memory while the engine works. The JavaScript side of
 * native/engine/depth.hpp, which says what the answers promise. What is shown is matched; whether it is
 * durable or replicated, its sequence tells (progress).
 *
 * Every word is loaded by Atomics, which keeps the order of the loads: the version first and last.
 */

export interface TopOfBook {
  /** Of the state in which the engine saw it changed. */
  readonly sequence: Sequence;
  /** 0 while the side is empty. */
  readonly bidPrice: PriceTicks | 0;
  readonly bidQuantity: QuantityLots;
  readonly askPrice: PriceTicks | 0;
  readonly askQuantity: QuantityLots;
}

export interface DepthLevel {
  readonly price: PriceTicks;
  readonly quantity: QuantityLots;
}
export interface DepthOrder {
  readonly orderId: OrderId;
  readonly price: PriceTicks;
  readonly remaining: QuantityLots;
}

/** Best first; orders of one price oldest first. */
export interface DepthSide {
  readonly levels: readonly DepthLevel[];
  readonly orders: readonly DepthOrder[];
  /** The side has more levels, or more orders, than are shown. */
  readonly hasMoreLevels: boolean;
  readonly hasMoreOrders: boolean;
}
export interface Depth {
  readonly sequence: Sequence;
  readonly bids: DepthSide;
  readonly asks: DepthSide;
}

export interface OrderPage {
  readonly sequence: Sequence;
  /** Whole levels in price-time order. */
  readonly orders: readonly DepthOrder[];
  /** Price at which the next page begins; null: there are no more. */
  readonly next: PriceTicks | null;
  /** The first level has more orders than a page holds; the page shows its oldest. */
  readonly cut: boolean;
}

const at = regions.depth;

/** Times the best bid and offer is tried for before the writer must have been stopped in the middle. */
const TOP_TRIES = 1_000;

/** Reads the words of one writer under their version: a copy is whole, or null. */
class Words {
  readonly #words: Int32Array;

  constructor(region: ArrayBuffer) {
    this.#words = new Int32Array(region);
  }

  /** Half a word, unsigned. `offset` in bytes. */
  half(offset: number): number {
    return Atomics.load(this.#words, offset / 4) >>> 0;
  }
  /** A word below 2^53. */
  word(offset: number): number {
    return this.half(offset) + this.half(offset + 4) * 2 ** 32;
  }
  /**
   * What `copy` makes of the words under the version at `offset`; null when they changed meanwhile, or
   * are those of another write than the one wanted.
   */
  whole<T>(offset: number, copy: () => T, write: number | null = null): T | null {
    // The low half tells: nobody copies for the time of 2^31 writes.
    const version = this.half(offset);
    if (version % 2 === 1 || (write !== null && version !== (write * 2) % 2 ** 32)) return null;
    const copied = copy();
    return this.half(offset) === version ? copied : null;
  }
}

/** The reader of the process that hosts the market (lane 0). */
export class DepthView {
  readonly #words: Words;
  readonly #raised: Int32Array;
  readonly #page: BigInt64Array;
  #pageNumber = 0;
  #asked = 0n;

  constructor(region: ArrayBuffer, requests: ArrayBuffer) {
    this.#words = new Words(region);
    this.#raised = new Int32Array(requests, regions.depth_requests.raised, 1);
    this.#page = new BigInt64Array(requests, regions.depth_requests.page, 1);
  }

  /** The best bid and offer now; null when the engine was stopped while it wrote them. */
  top(): TopOfBook | null {
    for (let tried = 0; tried < TOP_TRIES; tried += 1) {
      const top = this.#words.whole(at.top_version, () => ({
        sequence: this.#words.word(at.top_sequence) as Sequence,
        bidPrice: this.#words.half(at.top_prices) as PriceTicks | 0,
        bidQuantity: this.#words.word(at.top_bid_lots) as QuantityLots,
        askPrice: this.#words.half(at.top_prices + 4) as PriceTicks | 0,
        askQuantity: this.#words.word(at.top_ask_lots) as QuantityLots,
      }));
      if (top !== null) return top;
    }
    return null;
  }

  /** The state that a read which begins now may not be older than. */
  known(): Sequence {
    return this.#words.word(at.applied) as Sequence;
  }

  /**
   * One try: the book in a state that is `floor` or later, at most `levels` of a side; null when there
   * is none yet. The engine then knows that somebody waits.
   */
  read(floor: Sequence, levels: number): Depth | null {
    const latest = this.#words.half(at.latest);
    const buffer = at.buffers + (latest % at.buffer_count) * at.buffer_bytes;
    // Only the snapshot that is named: see native/engine/snapshot_board.hpp.
    const depth = this.#words.whole(buffer, () => this.#copy(buffer, levels), latest);
    if (depth !== null && depth.sequence >= floor) return depth;
    Atomics.add(this.#raised, 0, 1);
    return null;
  }

  /**
   * Asks for the orders of a side at a price and worse. Whoever can wake the engine does so if it
   * sleeps: the store is ordered against its parking word.
   */
  askPage(side: Side, from: PriceTicks): void {
    this.#pageNumber = (this.#pageNumber % 0x7fff_ffff) + 1;
    const price = BigInt(from) | (side === "buy" ? 0n : 1n << 31n);
    this.#asked = (BigInt(this.#pageNumber) << 32n) | price;
    Atomics.store(this.#page, 0, this.#asked);
  }

  /** One try to get the page that was asked for last. */
  page(): OrderPage | null {
    const slot = at.pages;
    return this.#words.whole(slot, () => {
      const high = Number(this.#asked >> 32n);
      const low = Number(this.#asked & 0xffff_ffffn);
      const request = slot + at.page_request;
      if (this.#words.half(request) !== low || this.#words.half(request + 4) !== high) return null;
      const next = this.#words.half(slot + at.page_next);
      return {
        sequence: this.#words.word(slot + at.page_sequence) as Sequence,
        orders: this.#orders(slot + at.page_orders, this.#words.half(slot + at.page_count)),
        next: next === 0 ? null : (next as PriceTicks),
        cut: this.#words.half(slot + at.page_is_cut) !== 0,
      };
    });
  }

  #copy(buffer: number, levels: number): Depth {
    return {
      sequence: this.#words.word(buffer + at.buffer_sequence) as Sequence,
      bids: this.#side(buffer, 0, levels),
      asks: this.#side(buffer, 1, levels),
    };
  }

  #side(buffer: number, side: 0 | 1, limit: number): DepthSide {
    const words = this.#words;
    const levelCount = words.half(buffer + at.level_counts + 4 * side);
    const orderCount = words.half(buffer + at.order_counts + 4 * side);
    const more = words.half(buffer + at.more) >> side;
    const levels = Array.from({ length: Math.min(levelCount, limit) }, (_, place) => {
      const level = buffer + at.levels + side * at.side_levels_bytes + place * 16;
      return {
        price: words.half(level) as PriceTicks,
        quantity: words.word(level + 8) as QuantityLots,
      };
    });
    const first = buffer + at.orders + side * at.side_orders_bytes;
    const shown = this.#orders(first, orderCount);
    const prices = new Set<number>(levels.map((level) => level.price));
    const orders = shown.filter((order) => prices.has(order.price));
    return {
      levels,
      orders,
      hasMoreLevels: (more & 1) !== 0 || levels.length < levelCount,
      hasMoreOrders: (more & 4) !== 0 || orders.length < orderCount,
    };
  }

  #orders(first: number, count: number): DepthOrder[] {
    return Array.from({ length: count }, (_, place) => ({
      orderId: this.#words.word(first + place * 16) as OrderId,
      price: this.#words.half(first + place * 16 + 12) as PriceTicks,
      remaining: this.#words.half(first + place * 16 + 8) as QuantityLots,
    }));
  }
}
