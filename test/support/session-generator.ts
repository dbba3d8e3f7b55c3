import type { Randomness } from "../../actors/kernel/ports/randomness.ts";
import type { SessionEvent, Side } from "../../actors/replay/events.ts";

/**
 * A simulated venue that records itself: limit orders around a wandering price, cancels, partial
 * cancels, hidden executions and marketable orders, matched by a plain list per side. Its record is
 * written as a data vendor writes one: complete, or only what happens within the best `levels` price
 * levels, with the book after each row.
 */
export interface GeneratedSession {
  readonly rows: readonly GeneratedRow[];
  /** Executions of an order that was not the oldest at its price. */
  readonly outOfOrder: number;
}
export interface GeneratedRow {
  readonly event: Exclude<SessionEvent, { readonly type: "malformed" | "unknown" | "replace" }>;
  readonly bidPrice: number;
  readonly bidQuantity: number;
  readonly askPrice: number;
  readonly askQuantity: number;
}

interface Resting {
  readonly id: number;
  readonly side: Side;
  readonly price: number;
  left: number;
}

export interface GeneratorOptions {
  readonly random: Randomness;
  readonly steps: number;
  /** Record only what happens within so many price levels of a side; null: everything. */
  readonly levels: number | null;
  /** Of 1,000 executions, how many hit the second order of the level instead of the first. */
  readonly outOfOrderPerMille: number;
  /** Price step; default 100, a cent. */
  readonly tick?: number;
  /** Price around which it starts; default 1,000,000. */
  readonly middle?: number;
  /** New orders rest at most so many ticks from the middle; default 12. Few make deep queues. */
  readonly reach?: number;
  /** Steps that happen before the record begins: their orders come from outside the file. */
  readonly unrecordedSteps?: number;
  /** Of 1,000 steps, how many are a halt with its three rows, or a cross with one. */
  readonly interruptionsPerMille?: number;
  /** Of 1,000 new orders, how many have an older id than the ten orders before them. */
  readonly olderIdsPerMille?: number;
}

const TICK = 100;
const MIDDLE = 1_000_000;
const REACH = 12;
const OLDER_IDS = 10;

export function generateSession(options: GeneratorOptions): GeneratedSession {
  const venue = new Venue(options);
  for (let step = 0; step < (options.unrecordedSteps ?? 0); step += 1) venue.step();
  venue.record();
  for (let step = 0; step < options.steps; step += 1) venue.step();
  return { rows: venue.rows, outOfOrder: venue.outOfOrder };
}

class Venue {
  readonly rows: GeneratedRow[] = [];
  outOfOrder = 0;
  readonly #options: GeneratorOptions;
  readonly #random: Randomness;
  /** By price priority, then time. */
  readonly #orders: { readonly buy: Resting[]; readonly sell: Resting[] } = { buy: [], sell: [] };
  #nextId = 1000;
  readonly #spareIds: number[] = [];
  #time = 34_200_000_000_000;
  #middle: number;
  readonly #tick: number;
  #recording = false;

  constructor(options: GeneratorOptions) {
    this.#options = options;
    this.#random = options.random;
    this.#tick = options.tick ?? TICK;
    this.#middle = options.middle ?? MIDDLE;
  }

  /** From here on there are rows. */
  record(): void {
    this.#recording = true;
    this.outOfOrder = 0;
  }

  step(): void {
    this.#time += 1 + this.#random.below(2_000_000);
    if (this.#random.below(50) === 0) this.#middle += (this.#random.below(3) - 1) * this.#tick;
    if (this.#chance(this.#options.interruptionsPerMille)) return this.#interrupt();
    const side: Side = this.#random.below(2) === 0 ? "buy" : "sell";
    const choice = this.#random.below(100);
    if (choice < 50) this.#enter(side);
    else if (choice < 75) this.#cancel(side);
    else if (choice < 83) this.#reduce(side);
    else if (choice < 98) this.#trade(side);
    else this.#record({ type: "hidden", position: 0, time: this.#time });
  }

  #chance(perMille = 0): boolean {
    return perMille > 0 && this.#random.below(1000) < perMille;
  }

  #interrupt(): void {
    if (this.#random.below(2) === 0) {
      this.#record({ type: "cross", position: 0, time: this.#time });
      return;
    }
    for (let row = 0; row < 3; row += 1) {
      this.#record({ type: "halt", position: 0, time: this.#time });
    }
  }

  #enter(side: Side): void {
    const id = this.#id();
    const { reach = REACH } = this.#options;
    const away = (1 + Math.min(this.#random.below(reach), this.#random.below(reach))) * this.#tick;
    const wanted = side === "buy" ? this.#middle - away : this.#middle + away;
    const best = this.#orders[side === "buy" ? "sell" : "buy"][0]?.price;
    // A marketable limit order is another choice: this one stays on its side.
    const price =
      best === undefined
        ? wanted
        : side === "buy"
          ? Math.min(wanted, best - this.#tick)
          : Math.max(wanted, best + this.#tick);
    if (price < this.#tick) return;
    const order: Resting = { id, side, price, left: 1 + this.#random.below(300) };
    const orders = this.#orders[side];
    const at = orders.findIndex((other) =>
      side === "buy" ? other.price < price : other.price > price,
    );
    orders.splice(at < 0 ? orders.length : at, 0, order);
    this.#recordOrder("add", order, order.left);
  }

  #cancel(side: Side): void {
    const order = this.#pick(side);
    if (order === undefined) return;
    const inRange = this.#inRange(order);
    this.#remove(order);
    this.#recordOrder("delete", order, order.left, inRange);
  }

  #reduce(side: Side): void {
    const order = this.#pick(side);
    if (order === undefined || order.left < 2) return;
    const size = 1 + this.#random.below(order.left - 1);
    order.left -= size;
    this.#recordOrder("reduce", order, size);
  }

  /** A marketable order of the other side. */
  #trade(side: Side): void {
    let due = 1 + this.#random.below(200);
    while (due > 0) {
      const [first, second] = this.#orders[side];
      if (first === undefined) return;
      const jump =
        second !== undefined &&
        second.price === first.price &&
        this.#random.below(1000) < this.#options.outOfOrderPerMille;
      if (jump) this.outOfOrder += 1;
      const order = jump ? second : first;
      const size = Math.min(due, order.left);
      due -= size;
      order.left -= size;
      if (order.left === 0) this.#remove(order);
      this.#recordOrder("execute", order, size, true);
    }
  }

  #pick(side: Side): Resting | undefined {
    const orders = this.#orders[side];
    return orders.length === 0 ? undefined : orders[this.#random.below(orders.length)];
  }

  #remove(order: Resting): void {
    const orders = this.#orders[order.side];
    orders.splice(orders.indexOf(order), 1);
  }

  #id(): number {
    this.#nextId += 2 + this.#random.below(5);
    // An order that was on its way for longer has an id from before those of the last orders.
    this.#spareIds.push(this.#nextId - 1);
    const older = this.#spareIds.length > OLDER_IDS ? this.#spareIds.shift() : undefined;
    if (older !== undefined && this.#chance(this.#options.olderIdsPerMille)) return older;
    return this.#nextId;
  }

  #inRange(order: Resting): boolean {
    const { levels } = this.#options;
    if (levels === null) return true;
    const better = new Set<number>();
    for (const other of this.#orders[order.side]) {
      if (other.price === order.price || better.size >= levels) break;
      better.add(other.price);
    }
    return better.size < levels;
  }

  #recordOrder(
    type: "add" | "reduce" | "delete" | "execute",
    order: Resting,
    size: number,
    inRange = this.#inRange(order),
  ): void {
    const { id, side, price } = order;
    if (!inRange) return;
    this.#record({ type, position: 0, time: this.#time, id, side, price, size });
  }

  #record(event: GeneratedRow["event"]): void {
    if (!this.#recording) return;
    const [bid] = this.#orders.buy;
    const [ask] = this.#orders.sell;
    this.rows.push({
      event,
      bidPrice: bid?.price ?? 0,
      bidQuantity: this.#quantity("buy", bid),
      askPrice: ask?.price ?? 0,
      askQuantity: this.#quantity("sell", ask),
    });
  }

  #quantity(side: Side, best: Resting | undefined): number {
    let sum = 0;
    for (const order of this.#orders[side]) {
      if (order.price !== best?.price) break;
      sum += order.left;
    }
    return sum;
  }
}

const types = { add: 1, reduce: 2, delete: 3, execute: 4, hidden: 5, cross: 6, halt: 7 } as const;

/** The session as LOBSTER message lines. */
export function asLobsterMessages(session: GeneratedSession): string {
  const lines = session.rows.map(({ event }) => {
    const seconds = Math.floor(event.time / 1e9);
    const time = `${seconds}.${String(event.time % 1e9).padStart(9, "0")}`;
    if (!("id" in event)) return `${time},${types[event.type]},0,10,${MIDDLE},1`;
    const direction = event.side === "buy" ? 1 : -1;
    return `${time},${types[event.type]},${event.id},${event.size},${event.price},${direction}`;
  });
  return lines.map((line) => `${line}\n`).join("");
}

/** The states after each row as LOBSTER book lines of one level. */
export function asLobsterBook(session: GeneratedSession): string {
  return session.rows
    .map((row) => {
      const ask = row.askPrice === 0 ? "9999999999,0" : `${row.askPrice},${row.askQuantity}`;
      const bid = row.bidPrice === 0 ? "-9999999999,0" : `${row.bidPrice},${row.bidQuantity}`;
      return `${ask},${bid}\n`;
    })
    .join("");
}

/** The session as an ITCH 5.0 file of one symbol. */
export function asItch(session: GeneratedSession, symbol: string): Uint8Array {
  const messages: Buffer[] = [];
  for (const { event } of session.rows) messages.push(itchMessage(event, symbol));
  return Buffer.concat(
    messages.flatMap((message) => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(message.length);
      return [length, message];
    }),
  );
}

function itchMessage(event: GeneratedRow["event"], symbol: string): Buffer {
  const letter = {
    add: "A",
    reduce: "X",
    delete: "D",
    execute: "E",
    hidden: "P",
    cross: "Q",
    halt: "H",
  };
  const size = { A: 36, X: 23, D: 19, E: 31, P: 44, Q: 40, H: 25 }[letter[event.type]] ?? 0;
  const message = Buffer.alloc(size, 0x20);
  message.write(letter[event.type], 0, "latin1");
  message.writeUInt16BE(77, 1);
  message.writeUIntBE(event.time, 5, 6);
  if ("id" in event) {
    message.writeBigUInt64BE(BigInt(event.id), 11);
    if (event.type === "add") {
      message.write(event.side === "buy" ? "B" : "S", 19, "latin1");
      message.writeUInt32BE(event.size, 20);
      message.write(symbol.padEnd(8), 24, "latin1");
      message.writeUInt32BE(event.price, 32);
    } else if (event.type !== "delete") {
      message.writeUInt32BE(event.size, 19);
    }
  } else if (event.type === "hidden") {
    message.write("B", 19, "latin1");
  }
  return message;
}
