import type { BookStates } from "./book-check.ts";
import { isBetter, type OrderEvent, opposite, type SessionSource, type Side } from "./events.ts";
import { Ladder, Ledger, type LiveOrder } from "./ledger.ts";
import type { Seed } from "./survey.ts";

/** What a file of few price levels says about orders that leave its range without a row. */
export interface LevelRange {
  /** Price levels of a side that the file covers. */
  readonly levels: number;
  /** By id: number (1, 2, …) of the last row about the order. */
  readonly lastRows: ReadonlyMap<number, number>;
  /** Orders that some row after their last one proves gone: they went out of range unseen. */
  readonly departing: ReadonlySet<number>;
}

/** A change of the book that has no row of its own. */
export type UnseenStep =
  | { readonly type: "seed"; readonly seed: Seed }
  /** An order proven gone that a later row is about after all enters again. */
  | { readonly type: "back"; readonly order: Departed }
  | { readonly type: "gone"; readonly order: LiveOrder };

export type Departed = Pick<LiveOrder, "id" | "side" | "price" | "remaining">;

/**
 * Tells what happened outside the file, row by row (README.md, rules 2 and 4). The caller takes
 * each step in the ledger before it asks for the next: a seed or an order that is back has entered
 * it, an order that is gone has left it.
 */
export class Unseen {
  readonly #ledger: Ledger;
  readonly #seeds: readonly Seed[];
  readonly #seedsById: ReadonlyMap<number, Seed>;
  readonly #range: LevelRange | null;
  readonly #seeded = new Set<number>();
  #nextSeed = 0;
  /** Rows with so many better orders that have rows to come that they lie beyond the range. */
  contradictions = 0;
  /** What was left of the orders that were proven gone. */
  readonly #gone = new Map<number, Departed>();
  /** Resting orders that have rows to come, where the levels of the file are known. */
  readonly #awaited = { buy: new Ladder("buy"), sell: new Ladder("sell") } as const;
  readonly #awaitedById = new Map<number, LiveOrder>();
  /** Orders of `departing` whose last row has passed; they leave with the range. */
  readonly #leaving = { buy: new Ladder("buy"), sell: new Ladder("sell") } as const;

  /** Seeds by rising id; `range` is null where the file's levels are not known. */
  constructor(ledger: Ledger, seeds: readonly Seed[], range: LevelRange | null) {
    this.#ledger = ledger;
    this.#seeds = seeds;
    this.#seedsById = new Map(seeds.map((seed) => [seed.id, seed]));
    this.#range = range;
  }

  /** What happened before this row (its number counts from 1). */
  *before(event: OrderEvent, row: number): Generator<UnseenStep, void> {
    if (event.type === "add") yield* this.#seedsBelow(event.id, row);
    else yield* this.#known(event, row);
    const entering =
      event.type === "add" ? event.id : event.type === "replace" ? event.newId : null;
    // A row that repeats an id is faulty: it proves nothing.
    if (entering !== null && this.#ledger.get(entering) !== undefined) return;
    yield* this.#better(event);
    if (entering !== null) yield* this.#crossed(event.side, event.price);
  }

  /** What happened between this row and the next. */
  *after(event: OrderEvent, row: number): Generator<UnseenStep, void> {
    const range = this.#range;
    if (range === null) return;
    const id = event.type === "replace" ? event.newId : event.id;
    this.#await(event.id, row + 1);
    if (id !== event.id) this.#await(id, row + 1);
    const order = this.#ledger.get(id);
    if (order !== undefined && range.departing.has(id) && !this.#awaitedById.has(id)) {
      this.#leaving[order.side].add(order);
    }
    yield* this.#outOfRange("buy", range.levels);
    yield* this.#outOfRange("sell", range.levels);
  }

  /** Ids follow the order flow: an older order was there before a newer one came. */
  *#seedsBelow(id: number, row: number): Generator<UnseenStep, void> {
    for (;;) {
      const seed = this.#seeds[this.#nextSeed];
      if (seed === undefined || seed.id >= id) return;
      this.#nextSeed += 1;
      yield* this.#seed(seed, row);
    }
  }

  /** The order of the row, where it is not there: a seed that is due now, or one that is back. */
  *#known(event: OrderEvent, row: number): Generator<UnseenStep, void> {
    if (this.#ledger.get(event.id) !== undefined) return;
    const departed = this.#gone.get(event.id);
    if (departed !== undefined) {
      // A deletion says what is so already.
      if (event.type === "delete") return;
      this.#gone.delete(event.id);
      yield* this.#crossed(departed.side, departed.price);
      yield { type: "back", order: departed };
      this.#await(event.id, row);
      return;
    }
    const seed = this.#seedsById.get(event.id);
    if (seed === undefined || this.#seeded.has(seed.id)) return;
    yield* this.#seedsBelow(seed.id, row);
    yield* this.#seed(seed, row);
  }

  *#seed(seed: Seed, row: number): Generator<UnseenStep, void> {
    if (this.#seeded.has(seed.id) || this.#ledger.get(seed.id) !== undefined) return;
    this.#seeded.add(seed.id);
    yield* this.#crossed(seed.side, seed.price);
    yield { type: "seed", seed };
    this.#await(seed.id, row);
  }

  /** Orders of the other side that an order entering at this price would trade with. */
  *#crossed(side: Side, price: number): Generator<UnseenStep, void> {
    const other = opposite(side);
    for (;;) {
      const best = this.#ledger.bestPrice(other);
      if (best === null || isBetter(side, best, price)) return;
      yield* this.#leave(this.#ledger.best(other));
    }
  }

  /** Orders that cannot be better priced than this row's. */
  *#better(event: OrderEvent): Generator<UnseenStep, void> {
    const { side } = event;
    // An order can be executed at a better price than its own limit; that proves nothing about it.
    const own = event.type === "add" ? undefined : this.#ledger.get(event.id);
    const price =
      own?.side === side && isBetter(side, own.price, event.price) ? own.price : event.price;
    if (this.#range !== null && this.#awaited[side].levelsBetter(price) >= this.#range.levels) {
      this.contradictions += 1;
    }
    // The best price is served first, and a file of one level has rows of the best price only.
    if (event.type === "execute" || this.#range?.levels === 1) {
      for (;;) {
        const best = this.#ledger.bestPrice(side);
        if (best === null || !isBetter(side, best, price)) return;
        yield* this.#leave(this.#ledger.best(side));
      }
    }
    yield* this.#beyondLevels(side, price);
  }

  /**
   * A row at this price says that at most `levels - 1` levels are better. When so many hold an order
   * that has a row to come, the other ones are empty.
   */
  *#beyondLevels(side: Side, price: number): Generator<UnseenStep, void> {
    if (this.#range === null) return;
    const levels = this.#ledger.levels(side);
    const better = levels.levelsBetter(price);
    if (better < this.#range.levels) return;
    if (this.#awaited[side].levelsBetter(price) < this.#range.levels - 1) return;
    const over: (readonly LiveOrder[])[] = [];
    for (let at = 0; at < better; at += 1) {
      const orders = levels.ordersAt(at);
      if (orders.every((order) => !this.#awaitedById.has(order.id))) over.push(orders);
    }
    for (const orders of over) yield* this.#leave(orders);
  }

  *#outOfRange(side: Side, levels: number): Generator<UnseenStep, void> {
    const leaving = this.#leaving[side];
    for (;;) {
      const last = this.#ledger.levels(side).priceAt(levels - 1);
      const worst = leaving.priceAt(leaving.depth - 1);
      if (last === null || worst === null || !isBetter(side, last, worst)) return;
      for (const order of leaving.ordersAt(leaving.depth - 1)) {
        leaving.remove(order);
        // It may have been entered again since, as another one of the same id.
        const now = this.#ledger.get(order.id);
        if (now !== undefined) yield* this.#leave([now]);
      }
    }
  }

  *#leave(orders: readonly LiveOrder[]): Generator<UnseenStep, void> {
    for (const order of orders) {
      if (this.#ledger.get(order.id) !== order) continue;
      const { id, side, price, remaining } = order;
      yield { type: "gone", order };
      this.#forget(id);
      this.#gone.set(id, { id, side, price, remaining });
    }
  }

  /** Notes whether the order rests and a row from this one on is about it. */
  #await(id: number, row: number): void {
    if (this.#range === null) return;
    this.#forget(id);
    const order = this.#ledger.get(id);
    if (order === undefined || (this.#range.lastRows.get(id) ?? 0) < row) return;
    this.#awaited[order.side].add(order);
    this.#awaitedById.set(id, order);
  }

  #forget(id: number): void {
    const order = this.#awaitedById.get(id);
    if (order === undefined) return;
    this.#awaited[order.side].remove(order);
    this.#awaitedById.delete(id);
  }
}

/**
 * Rows of 1,000 that may lie beyond the levels of a book file that has a row for each of them: where
 * the session claims so many levels, and where it claims none.
 */
const BEYOND_PER_MILLE = { claimed: 50, unclaimed: 1 } as const;
/** Rows of 1,000, and rows at all, that contradict a number of levels when it is wrong. */
const CONTRADICTED_PER_MILLE = 10;
const CONTRADICTED_LEAST = 10;

/**
 * Price levels that a session of so many rows covers; null: all, or not known. Where a book file of
 * as many rows has the claimed number of levels (or any, without a claim) it decides: the rows must be
 * within them.
 */
export async function recordedLevels(
  source: SessionSource,
  rows: number,
  claimed: number | null,
  book: BookStates | null,
): Promise<number | null> {
  if (book === null || book.rows !== rows || book.levels === null) return claimed;
  if (claimed !== null && claimed !== book.levels) return claimed;
  let orderRows = 0;
  let beyond = 0;
  await forEachOrderRow(source, ({ type, side, price }, row) => {
    orderRows += 1;
    // The book stands after the row: what leaves it was there before.
    const index = type === "add" || type === "replace" ? row - 1 : row - 2;
    if (!book.covers(index, side, price)) beyond += 1;
  });
  const allowed = BEYOND_PER_MILLE[claimed === null ? "unclaimed" : "claimed"];
  return beyond * 1000 <= orderRows * allowed ? book.levels : null;
}

/**
 * Follows a file of few levels once without an exchange, to learn which orders leave its range
 * unseen. Null when its rows contradict that number of levels.
 */
export async function surveyRange(
  source: SessionSource,
  seeds: readonly Seed[],
  levels: number,
): Promise<LevelRange | null> {
  const lastRows = await readLastRows(source);
  const departing = new Set<number>();
  const ledger = new Ledger();
  const unseen = new Unseen(ledger, seeds, { levels, lastRows, departing: new Set() });
  const take = (step: UnseenStep, row: number): void => {
    switch (step.type) {
      case "seed":
        ledger.add(step.seed.id, step.seed.side, step.seed.price, step.seed.size);
        break;
      case "back":
        ledger.add(step.order.id, step.order.side, step.order.price, step.order.remaining);
        break;
      case "gone":
        ledger.remove(step.order);
        if ((lastRows.get(step.order.id) ?? 0) < row) departing.add(step.order.id);
        break;
      default:
        step satisfies never;
    }
  };
  let orderRows = 0;
  await forEachOrderRow(source, (event, row) => {
    orderRows += 1;
    for (const step of unseen.before(event, row)) take(step, row);
    follow(ledger, event);
    for (const step of unseen.after(event, row)) take(step, row);
  });
  const { contradictions } = unseen;
  const wrong =
    contradictions >= CONTRADICTED_LEAST &&
    contradictions * 1000 > orderRows * CONTRADICTED_PER_MILLE;
  return wrong ? null : { levels, lastRows, departing };
}

async function readLastRows(source: SessionSource): Promise<ReadonlyMap<number, number>> {
  const lastRows = new Map<number, number>();
  await forEachOrderRow(source, (event, row) => {
    lastRows.set(event.id, row);
    if (event.type === "replace") lastRows.set(event.newId, row);
  });
  return lastRows;
}

async function forEachOrderRow(
  source: SessionSource,
  take: (event: OrderEvent, row: number) => void,
): Promise<void> {
  let row = 0;
  for await (const events of source()) {
    for (const event of events) {
      row += 1;
      if ("price" in event) take(event, row);
    }
  }
}

/** Does to the ledger what the row says. */
function follow(ledger: Ledger, event: OrderEvent): void {
  const { side, price, size } = event;
  const order = ledger.get(event.id);
  switch (event.type) {
    case "add":
      if (order === undefined) ledger.add(event.id, side, price, size);
      break;
    case "reduce":
    case "execute":
      if (order !== undefined) ledger.setRemaining(order, order.remaining - size);
      break;
    case "delete":
      if (order !== undefined) ledger.remove(order);
      break;
    case "replace":
      if (ledger.get(event.newId) !== undefined) break;
      if (order !== undefined) ledger.remove(order);
      ledger.add(event.newId, side, price, size);
      break;
    default:
      event satisfies never;
  }
}
