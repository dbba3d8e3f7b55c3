/**
 * Workload W: a stream of adds, cancels, replacements and immediate orders around a walking price,
 * the same in every language. The generator holds a book of its own, so that cancels and replaces
 * always hit live orders, and so that an engine can be compared with its trades.
 */

export interface WorkloadParameters {
  /** Live orders the book is filled up to, 1 … 1,000,000. */
  readonly live: number;
  /** Distances from the mid come in blocks of this many ticks, each half as likely as the one before. */
  readonly block: number;
}
export const narrow: WorkloadParameters = { live: 50_000, block: 16 };

/** What the first operations of the narrow case trade, on every machine and by every engine. */
export const narrowCases = [
  { operations: 1_000, trades: 388, volume: 13_529, hash: "2bed6442a7e9a100", levels: 372 },
  {
    operations: 100_000,
    trades: 47_233,
    volume: 1_390_832,
    hash: "bdade00d0626863c",
    levels: 402,
  },
  {
    operations: 2_000_000,
    trades: 700_883,
    volume: 21_911_375,
    hash: "d2b09ebca1ede2bd",
    levels: 418,
  },
] as const;

/** 0 buy, 1 sell. */
export type WorkloadSide = 0 | 1;

export type WorkloadOperation =
  | {
      /** replace: leaves the book, then enters again with the same id. ioc: what is left is dropped. */
      readonly kind: "add" | "replace" | "ioc";
      readonly id: number;
      readonly side: WorkloadSide;
      readonly price: number;
      readonly quantity: number;
    }
  | { readonly kind: "cancel"; readonly id: number };

/** Folds trades, in order, into the three numbers by which runs are compared. */
export class TradeChecksum {
  trades = 0;
  volume = 0;
  #hash = 1469598103934665603n;

  /** `maker` and `taker` are ids of the workload, `price` is the maker's. */
  add(maker: number, taker: number, price: number, quantity: number): void {
    this.trades += 1;
    this.volume += quantity;
    const trade =
      BigInt(maker) * 0x9e3779b97f4a7c15n +
      BigInt(taker) * 0xc2b2ae3d27d4eb4fn +
      BigInt(price) * 0x165667b19e3779f9n +
      BigInt(quantity);
    this.#hash = wrap((this.#hash ^ wrap(trade)) * 1099511628211n);
  }

  /** 16 hexadecimal digits. */
  get hash(): string {
    return this.#hash.toString(16).padStart(16, "0");
  }
}

const wrap = (value: bigint): bigint => BigInt.asUintN(64, value);

/** xorshift64*. A draw is kept as two halves; numbers come from the upper one. */
class Draws {
  #state = 0x9e3779b97f4a7c15n;
  #high = 0;
  #low = 0;

  /** Draws; `high` and `low` are the halves of the result. */
  draw(): this {
    let x = this.#state;
    x ^= x >> 12n;
    x ^= wrap(x << 25n);
    x ^= x >> 27n;
    this.#state = x;
    const result = wrap(x * 0x2545f4914f6cdd1dn);
    this.#high = Number(result >> 32n);
    this.#low = Number(result & 0xffffffffn);
    return this;
  }

  get low(): number {
    return this.#low;
  }

  /** 0 … bound − 1; the product stays below 2^53 for bounds up to 2^20. */
  below(bound: number): number {
    return Math.floor((this.draw().#high * bound) / 2 ** 32);
  }

  bit(): 0 | 1 {
    return this.draw().#high >= 2 ** 31 ? 1 : 0;
  }
}

interface ReferenceOrder {
  readonly id: number;
  readonly side: WorkloadSide;
  readonly price: number;
  remaining: number;
}

/** Prices stay within the mid's range plus the largest distance. */
const PRICES = 200_000;
const MID_START = 100_000;
const MID_LOW = 90_000;
const MID_HIGH = 110_000;
const LARGEST_DISTANCE = 60_000;

/** Orders by price, first come first, in plain arrays. */
class ReferenceBook {
  readonly #levels: (ReferenceOrder[] | undefined)[] = Array.from({ length: PRICES });
  readonly #counts = [0, 0];
  /** No order is better than these. */
  #bestBid = 0;
  #bestAsk = PRICES - 1;

  /** Occupied prices of a side. */
  levels(side: WorkloadSide): number {
    return this.#counts[side] ?? 0;
  }

  add(order: ReferenceOrder): void {
    const level = (this.#levels[order.price] ??= []);
    if (level.length === 0) this.#count(order.side, 1);
    level.push(order);
    if (order.side === 0) this.#bestBid = Math.max(this.#bestBid, order.price);
    else this.#bestAsk = Math.min(this.#bestAsk, order.price);
  }

  remove(order: ReferenceOrder): void {
    const level = this.#levels[order.price] ?? [];
    level.splice(level.indexOf(order), 1);
    if (level.length === 0) this.#count(order.side, -1);
  }

  /** Oldest order at the best price of the side, or undefined when that is beyond the limit. */
  first(side: WorkloadSide, limit: number): ReferenceOrder | undefined {
    if (side === 0) {
      while (this.#bestBid > 0 && !this.#holds(this.#bestBid, 0)) this.#bestBid -= 1;
      return this.#bestBid >= limit ? this.#levels[this.#bestBid]?.[0] : undefined;
    }
    while (this.#bestAsk < PRICES - 1 && !this.#holds(this.#bestAsk, 1)) this.#bestAsk += 1;
    return this.#bestAsk <= limit ? this.#levels[this.#bestAsk]?.[0] : undefined;
  }

  #holds(price: number, side: WorkloadSide): boolean {
    return this.#levels[price]?.[0]?.side === side;
  }

  #count(side: WorkloadSide, change: number): void {
    this.#counts[side] = (this.#counts[side] ?? 0) + change;
  }
}

/** Generates the workload. First `preload()` until it returns null, then `next()`. */
export class WorkloadW {
  readonly #parameters: WorkloadParameters;
  readonly #draws = new Draws();
  readonly #book = new ReferenceBook();
  readonly #live: ReferenceOrder[] = [];
  readonly #places = new Map<number, number>();
  #mid = MID_START;
  #nextId = 1;
  #checksum = new TradeChecksum();

  constructor(parameters: WorkloadParameters) {
    this.#parameters = parameters;
  }

  get mid(): number {
    return this.#mid;
  }

  /** Live orders. */
  get size(): number {
    return this.#live.length;
  }

  /** Trades of the reference book since the preload. */
  get checksum(): TradeChecksum {
    return this.#checksum;
  }

  /** Occupied prices of a side. */
  levels(side: WorkloadSide): number {
    return this.#book.levels(side);
  }

  /** The next add of the preload, or null when the book is filled. */
  preload(): WorkloadOperation | null {
    if (this.size === this.#parameters.live) {
      this.#checksum = new TradeChecksum();
      return null;
    }
    this.#walk();
    return this.#add();
  }

  /** The next operation; the reference book has done it already. */
  next(): WorkloadOperation {
    const drawn = this.#draws.below(100);
    this.#walk();
    if (drawn < 60 || (drawn < 95 && this.size === 0)) return this.#add();
    if (drawn < 90) return this.#cancel();
    return drawn < 95 ? this.#replace() : this.#immediate();
  }

  #walk(): void {
    if (this.#draws.draw().low % 64 !== 0) return;
    const step = this.#draws.bit() === 1 ? 1 : -1;
    this.#mid = Math.min(MID_HIGH, Math.max(MID_LOW, this.#mid + step));
  }

  #add(): WorkloadOperation {
    const id = this.#newId();
    const side = this.#draws.bit();
    const price = this.#price(side);
    const quantity = 1 + this.#draws.below(100);
    this.#enter({ id, side, price, remaining: quantity });
    return { kind: "add", id, side, price, quantity };
  }

  #cancel(): WorkloadOperation {
    const order = this.#drawLive();
    this.#book.remove(order);
    this.#removeLive(order);
    return { kind: "cancel", id: order.id };
  }

  #replace(): WorkloadOperation {
    const { id, side, price: previous } = this.#drawLive();
    const drawn = this.#price(side);
    const quantity = 1 + this.#draws.below(100);
    const away = side === 0 ? -1 : 1;
    const price = drawn === previous ? drawn + away : drawn;
    const old = this.#live[this.#places.get(id) ?? -1];
    if (old === undefined) throw new Error(`order ${id} is not live`);
    this.#book.remove(old);
    this.#removeLive(old);
    this.#enter({ id, side, price, remaining: quantity });
    return { kind: "replace", id, side, price, quantity };
  }

  #immediate(): WorkloadOperation {
    const id = this.#newId();
    const side = this.#draws.bit();
    const { live, block } = this.#parameters;
    const price = side === 0 ? this.#mid + 4 * block : this.#mid - 4 * block;
    const quantity = 1 + this.#draws.below(this.size > live ? 1_200 : 200);
    this.#match({ id, side, price, remaining: quantity });
    return { kind: "ioc", id, side, price, quantity };
  }

  #newId(): number {
    this.#nextId += 1;
    return this.#nextId - 1;
  }

  /** The lowest set bit of one draw chooses the block, another draw the place within it. */
  #price(side: WorkloadSide): number {
    const { block } = this.#parameters;
    const zeros = 31 - Math.clz32(lowestBit(this.#draws.draw().low | (2 ** 20)));
    const distance = Math.min(LARGEST_DISTANCE, 1 + block * zeros + this.#draws.below(block));
    return side === 0 ? this.#mid - distance : this.#mid + distance;
  }

  #enter(order: ReferenceOrder): void {
    this.#match(order);
    if (order.remaining === 0) return;
    this.#book.add(order);
    this.#places.set(order.id, this.#live.length);
    this.#live.push(order);
  }

  #match(taker: ReferenceOrder): void {
    const other = taker.side === 0 ? 1 : 0;
    while (taker.remaining > 0) {
      const maker = this.#book.first(other, taker.price);
      if (maker === undefined) return;
      const traded = Math.min(maker.remaining, taker.remaining);
      maker.remaining -= traded;
      taker.remaining -= traded;
      this.#checksum.add(maker.id, taker.id, maker.price, traded);
      if (maker.remaining === 0) {
        this.#book.remove(maker);
        this.#removeLive(maker);
      }
    }
  }

  #drawLive(): ReferenceOrder {
    const order = this.#live[this.#draws.below(this.size)];
    if (order === undefined) throw new Error("no order is live");
    return order;
  }

  #removeLive(order: ReferenceOrder): void {
    const place = this.#places.get(order.id);
    const last = this.#live.pop();
    if (place === undefined || last === undefined) throw new Error(`order ${order.id} is not live`);
    this.#places.delete(order.id);
    if (last === order) return;
    this.#live[place] = last;
    this.#places.set(last.id, place);
  }
}

const lowestBit = (value: number): number => value & -value;
