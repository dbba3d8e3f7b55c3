import { REPORTED_FAULTS, type RowFault } from "./summary.ts";
import { type SessionSource, MAXIMUM_SIZE, type OrderEvent, type Side } from "./events.ts";

/** An order that was entered outside the file, as far as the file's later rows tell. */
export interface Seed {
  readonly id: number;
  readonly side: Side;
  readonly price: number;
  /** Sum of its sizes in the file. */
  readonly size: number;
}

/** What must be known of a session before its first command: one pass over the file. */
export interface Survey {
  /** Rows, malformed ones included. */
  readonly rows: number;
  readonly malformed: number;
  /** The first of them. */
  readonly faults: readonly RowFault[];
  /** Rows about single orders. */
  readonly orderRows: number;
  /** By rising id. */
  readonly seeds: readonly Seed[];
  /** 0 when no row has a price. */
  readonly lowestPrice: number;
  readonly highestPrice: number;
  /** 100 (a cent) when every price is a multiple of it, else 1. */
  readonly tick: number;
  readonly largestSize: number;
  /** Upper bound of the orders that rest at the same time. */
  readonly peakOrders: number;
  readonly firstTime: number;
  readonly lastTime: number;
}

const CENT = 100;

class Surveyor {
  rows = 0;
  malformed = 0;
  readonly faults: RowFault[] = [];
  orderRows = 0;
  lowestPrice = 0;
  highestPrice = 0;
  largestSize = 0;
  peak = 0;
  firstTime = 0;
  lastTime = 0;
  tick = CENT;
  readonly seeds = new Map<number, { side: Side; price: number; size: number }>();
  /** What is left of each order that the file introduced and that still rests. */
  readonly #live = new Map<number, number>();
  readonly #born = new Set<number>();

  note(event: OrderEvent): void {
    this.orderRows += 1;
    this.lowestPrice =
      this.lowestPrice === 0 ? event.price : Math.min(this.lowestPrice, event.price);
    this.highestPrice = Math.max(this.highestPrice, event.price);
    this.largestSize = Math.max(this.largestSize, event.size);
    if (event.price % CENT !== 0) this.tick = 1;
    switch (event.type) {
      case "add":
        this.#birth(event.id, event.size);
        break;
      case "replace":
        this.#live.delete(event.id);
        this.#birth(event.newId, event.size);
        break;
      case "reduce":
      case "delete":
      case "execute":
        this.#change(event);
        break;
      default:
        event satisfies never;
    }
    this.peak = Math.max(this.peak, this.#live.size);
  }

  #birth(id: number, size: number): void {
    this.#born.add(id);
    if (!this.#live.has(id)) this.#live.set(id, size);
  }

  #change(event: OrderEvent): void {
    const left = this.#live.get(event.id);
    if (left !== undefined) {
      if (event.type === "delete" || left <= event.size) this.#live.delete(event.id);
      else this.#live.set(event.id, left - event.size);
      return;
    }
    // An order that was introduced and is over cannot be one from outside the file.
    if (this.#born.has(event.id)) return;
    const seed = this.seeds.get(event.id);
    if (seed === undefined) {
      this.seeds.set(event.id, { side: event.side, price: event.price, size: event.size });
    } else {
      seed.size = Math.min(MAXIMUM_SIZE, seed.size + event.size);
    }
  }
}

/** Reads the whole session once. */
export async function survey(source: SessionSource): Promise<Survey> {
  const surveyor = new Surveyor();
  for await (const events of source()) {
    for (const event of events) {
      surveyor.rows += 1;
      if (event.type === "malformed") {
        surveyor.malformed += 1;
        const { position, reason } = event;
        if (surveyor.faults.length < REPORTED_FAULTS) surveyor.faults.push({ position, reason });
        continue;
      }
      if ("price" in event) surveyor.note(event);
      if (surveyor.firstTime === 0) surveyor.firstTime = event.time;
      surveyor.lastTime = event.time;
    }
  }
  const seeds = [...surveyor.seeds].map(([id, seed]) => ({ id, ...seed }));
  seeds.sort((a, b) => a.id - b.id);
  const { rows, malformed, orderRows, lowestPrice, highestPrice, tick, firstTime } = surveyor;
  return {
    rows,
    malformed,
    faults: surveyor.faults,
    orderRows,
    seeds,
    lowestPrice,
    highestPrice,
    tick,
    largestSize: seeds.reduce((size, seed) => Math.max(size, seed.size), surveyor.largestSize),
    peakOrders: surveyor.peak + seeds.length,
    firstTime,
    lastTime: surveyor.lastTime,
  };
}
