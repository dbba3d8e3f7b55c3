import type { OrderEvent, SessionSource } from "../../actors/replay/events.ts";
import { survey } from "../../actors/replay/survey.ts";

/** The rows of a file of few levels and the best bid and offer after each, as LOBSTER lines. */
export interface LevelCut {
  readonly levels: number;
  readonly messages: string[];
  readonly book: string[];
}

/**
 * A complete LOBSTER session cut to the rows that happen within the best price levels of their side,
 * as the vendor writes such files: one cut for each number of levels.
 */
export async function cutToLevels(
  source: SessionSource,
  lines: readonly string[],
  levels: readonly number[],
): Promise<readonly LevelCut[]> {
  const { seeds } = await survey(source);
  const sides = { buy: new PlainSide(1), sell: new PlainSide(-1) } as const;
  const cuts = levels.map((count): LevelCut => ({ levels: count, messages: [], book: [] }));
  let next = 0;
  for await (const events of source()) {
    for (const event of events) {
      let better = 0;
      if ("price" in event) {
        while ((seeds[next]?.id ?? Number.POSITIVE_INFINITY) <= event.id) {
          const seed = seeds[next];
          next += 1;
          if (seed !== undefined) sides[seed.side].enter(seed.id, seed.price, seed.size);
        }
        better = sides[event.side].apply(event);
      }
      const state = `${sides.sell.touch()},${sides.buy.touch()}`;
      for (const cut of cuts) {
        if (better >= cut.levels) continue;
        cut.messages.push(lines[event.position - 1] ?? "");
        cut.book.push(state);
      }
    }
  }
  return cuts;
}

/** One side of a book as plain maps: price to orders, order to size. */
class PlainSide {
  readonly #sign: number;
  readonly #levels = new Map<number, Map<number, number>>();
  readonly #prices = new Map<number, number>();

  /** 1 for bids, -1 for asks. */
  constructor(sign: 1 | -1) {
    this.#sign = sign;
  }

  enter(id: number, price: number, size: number): void {
    const level = this.#levels.get(price) ?? new Map<number, number>();
    this.#levels.set(price, level.set(id, size));
    this.#prices.set(id, price);
  }

  /** Does what the row says; how many levels are better than the row's. */
  apply(event: OrderEvent): number {
    if (event.type === "add") {
      this.enter(event.id, event.price, event.size);
      return this.#better(event.price);
    }
    const price = this.#prices.get(event.id) ?? event.price;
    const better = this.#better(price);
    const level = this.#levels.get(price);
    const left = (level?.get(event.id) ?? 0) - (event.type === "delete" ? Infinity : event.size);
    if (left > 0) level?.set(event.id, left);
    else level?.delete(event.id);
    if (level?.size === 0) this.#levels.delete(price);
    return better;
  }

  touch(): string {
    if (this.#levels.size === 0) return `${-this.#sign * 9_999_999_999},0`;
    let best = -Infinity;
    for (const price of this.#levels.keys()) best = Math.max(best, price * this.#sign);
    const orders = this.#levels.get(best * this.#sign) ?? new Map<number, number>();
    let size = 0;
    for (const left of orders.values()) size += left;
    return `${best * this.#sign},${size}`;
  }

  #better(than: number): number {
    let count = 0;
    for (const price of this.#levels.keys()) if ((price - than) * this.#sign > 0) count += 1;
    return count;
  }
}
