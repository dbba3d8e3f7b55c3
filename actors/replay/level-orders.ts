import { isBetter, opposite, type SessionEvent, type Side } from "./events.ts";

/**
 * Which of the orders at a price are meant when a level shrinks without a trade. Records of levels do not
 * say, and where a strategy's order stands in the queue follows from it:
 * newest_first: from the back, so that a resting order moves up by trades only (the cautious one);
 * proportional: each in proportion to its size; oldest_first: from the front.
 */
export type QueueRule = "newest_first" | "proportional" | "oldest_first";

interface Order {
  readonly id: number;
  size: number;
}
interface Level {
  readonly price: number;
  /** Oldest first. */
  readonly orders: Order[];
  total: number;
  /** The update that told of it last. */
  update: number;
}

/**
 * A book of levels as a session of orders: each growth of a level is an order of its own at the end of its
 * queue. Writes the events of the current row into the list given.
 */
export class LevelOrders {
  readonly #rule: QueueRule;
  readonly #sides: Readonly<Record<Side, Map<number, Level>>> = { buy: new Map(), sell: new Map() };
  #ids = 0;
  #position = 0;
  #time = 0;
  #events: SessionEvent[] = [];

  constructor(rule: QueueRule) {
    this.#rule = rule;
  }

  /** The row that the next changes come from. */
  at(position: number, time: number, into: SessionEvent[]): void {
    this.#position = position;
    this.#time = time;
    this.#events = into;
  }

  clear(): void {
    for (const side of ["buy", "sell"] as const)
      for (const level of this.#sides[side].values()) this.#drop(side, level);
  }

  /** The level holds `size` from now on; told by an older update than before, it is left as it is. */
  set(side: Side, price: number, size: number, update: number): void {
    const level = this.#sides[side].get(price) ?? { price, orders: [], total: 0, update: 0 };
    if (update < level.update) return;
    level.update = update;
    if (size > level.total) {
      this.#dropCrossed(opposite(side), price);
      this.#sides[side].set(price, level);
      this.#grow(side, level, size - level.total);
    } else if (size < level.total) {
      if (size === 0) this.#drop(side, level);
      else this.#shrink(side, level, level.total - size);
    }
  }

  /** Levels better than the best price are gone. */
  dropBetter(side: Side, best: number): void {
    for (const level of this.#sides[side].values())
      if (isBetter(side, level.price, best)) this.#drop(side, level);
  }

  /** A trade against resting orders of that side; what the level does not hold cannot be shown. */
  execute(side: Side, price: number, size: number): void {
    this.dropBetter(side, price);
    const level = this.#sides[side].get(price);
    let due = Math.min(size, level?.total ?? 0);
    if (level === undefined || due === 0) return this.remark();
    while (due > 0) {
      const order = level.orders[0];
      if (order === undefined) break;
      const taken = Math.min(due, order.size);
      due -= taken;
      this.#tell("execute", side, level, order, taken);
      if (order.size === 0) level.orders.shift();
    }
    if (level.total === 0) this.#sides[side].delete(price);
  }

  /** Something happened that the book does not show. */
  remark(): void {
    this.#events.push({ type: "hidden", position: this.#position, time: this.#time });
  }

  #dropCrossed(side: Side, price: number): void {
    for (const level of this.#sides[side].values())
      if (!isBetter(side, price, level.price)) this.#drop(side, level);
  }

  #grow(side: Side, level: Level, size: number): void {
    this.#ids += 1;
    const order = { id: this.#ids, size };
    level.orders.push(order);
    level.total += size;
    this.#events.push({
      type: "add",
      position: this.#position,
      time: this.#time,
      id: order.id,
      side,
      price: level.price,
      size,
    });
  }

  #drop(side: Side, level: Level): void {
    for (const order of level.orders.splice(0))
      this.#tell("delete", side, level, order, order.size);
    this.#sides[side].delete(level.price);
  }

  #shrink(side: Side, level: Level, size: number): void {
    const { orders } = level;
    let due = size;
    if (this.#rule === "proportional") {
      // Rounded down: what is left over goes by the rule of the newest.
      const share = size / level.total;
      for (const order of orders) {
        const taken = Math.min(due, Math.floor(order.size * share));
        due -= taken;
        this.#takeOff(side, level, order, taken);
      }
    }
    while (due > 0 && orders.length > 0) {
      const order = this.#rule === "oldest_first" ? orders[0] : orders[orders.length - 1];
      if (order === undefined) break;
      const taken = Math.min(due, order.size);
      due -= taken;
      this.#takeOff(side, level, order, taken);
      if (order.size === 0) orders.splice(orders.indexOf(order), 1);
    }
  }

  #takeOff(side: Side, level: Level, order: Order, size: number): void {
    if (size > 0) this.#tell(size === order.size ? "delete" : "reduce", side, level, order, size);
  }

  #tell(
    type: "execute" | "delete" | "reduce",
    side: Side,
    level: Level,
    order: Order,
    size: number,
  ): void {
    order.size -= size;
    level.total -= size;
    this.#events.push({
      type,
      position: this.#position,
      time: this.#time,
      id: order.id,
      side,
      price: level.price,
      size,
    });
  }
}
