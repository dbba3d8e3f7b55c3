import type { EngineCommand } from "../../actors/kernel/ports/matching-engine.ts";
import type { AccountId, OrderId, PriceTicks, QuantityLots } from "../../actors/kernel/units.ts";
import { TradeChecksum, type WorkloadOperation, type WorkloadParameters, WorkloadW } from "./w.ts";

/**
 * Workload W in memory, so that a measurement does not contain the making of it: the adds that fill
 * the book, then `operations` more.
 */
export class PackedWorkload {
  /** Operations that come before the measurement. */
  readonly preloaded: number;
  /** All operations. */
  readonly count: number;
  /** What the reference book traded in the measured ones. */
  readonly checksum: TradeChecksum;
  readonly #kinds: Uint8Array;
  readonly #ids: Uint32Array;
  readonly #sides: Uint8Array;
  readonly #prices: Uint32Array;
  readonly #quantities: Uint32Array;

  constructor(parameters: WorkloadParameters, operations: number) {
    const workload = new WorkloadW(parameters);
    const made: WorkloadOperation[] = [];
    for (let add = workload.preload(); add !== null; add = workload.preload()) made.push(add);
    this.preloaded = made.length;
    for (let count = 0; count < operations; count += 1) made.push(workload.next());
    this.count = made.length;
    this.checksum = workload.checksum;
    this.#kinds = Uint8Array.from(made, ({ kind }) => kinds.indexOf(kind));
    this.#ids = Uint32Array.from(made, ({ id }) => id);
    const fields = made.map((one) => (one.kind === "cancel" ? noFields : one));
    this.#sides = Uint8Array.from(fields, ({ side }) => side);
    this.#prices = Uint32Array.from(fields, ({ price }) => price);
    this.#quantities = Uint32Array.from(fields, ({ quantity }) => quantity);
  }

  /** Id of the order, as the workload counts them: 1, 2, 3, … */
  id(index: number): number {
    return this.#ids[index] ?? 0;
  }

  /** True for a cancel or a replace: it needs the id that the engine gave the order. */
  namesOrder(index: number): boolean {
    const kind = this.#kinds[index];
    return kind === CANCEL || kind === REPLACE;
  }

  replaces(index: number): boolean {
    return this.#kinds[index] === REPLACE;
  }

  /** The operation as a new command, tagged with the workload's id. */
  command(index: number, resting: number): EngineCommand {
    const tag = this.#ids[index] ?? 0;
    const kind = this.#kinds[index];
    const orderId = resting as OrderId;
    if (kind === CANCEL) return { kind: "cancel", session: 0, number: 0, account, tag, orderId };
    const price = this.#prices[index] as PriceTicks;
    const quantity = this.#quantities[index] as QuantityLots;
    if (kind === REPLACE) {
      return { kind: "replace", session: 0, number: 0, account, tag, orderId, price, quantity };
    }
    return {
      kind: "place",
      session: 0,
      number: 0,
      account,
      tag,
      side: this.#sides[index] === 0 ? "buy" : "sell",
      orderType: "limit",
      timeInForce: kind === IMMEDIATE ? "ioc" : "day",
      price,
      quantity,
    };
  }
}

const kinds: readonly WorkloadOperation["kind"][] = ["add", "cancel", "replace", "ioc"];
const CANCEL = kinds.indexOf("cancel");
const REPLACE = kinds.indexOf("replace");
const IMMEDIATE = kinds.indexOf("ioc");
const noFields = { side: 0, price: 0, quantity: 0 } as const;
const account = 1 as AccountId;

/** Trades as they come, folded into their checksum afterwards: that costs more than the trade. */
export class PackedTrades {
  #count = 0;
  readonly #makers: Uint32Array;
  readonly #takers: Uint32Array;
  readonly #prices: Uint32Array;
  readonly #quantities: Uint32Array;

  /** More trades than `most` are counted and not kept. */
  constructor(most: number) {
    this.#makers = new Uint32Array(most);
    this.#takers = new Uint32Array(most);
    this.#prices = new Uint32Array(most);
    this.#quantities = new Uint32Array(most);
  }

  add(maker: number, taker: number, price: number, quantity: number): void {
    const at = this.#count;
    this.#makers[at] = maker;
    this.#takers[at] = taker;
    this.#prices[at] = price;
    this.#quantities[at] = quantity;
    this.#count = at + 1;
  }

  checksum(): TradeChecksum {
    const checksum = new TradeChecksum();
    for (let at = 0; at < this.#count; at += 1) {
      checksum.add(
        this.#makers[at] ?? 0,
        this.#takers[at] ?? 0,
        this.#prices[at] ?? 0,
        this.#quantities[at] ?? 0,
      );
    }
    return checksum;
  }
}
