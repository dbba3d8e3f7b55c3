import { createRequire } from "node:module";
import { join } from "node:path";
import { repository } from "../../../test/support/shared-data.ts";
import type { WorkloadOperation } from "../../workloads/w.ts";

/** Where the packages of npm/package-lock.json are installed: not among the product's own. */
export const installed = join(repository, "build", "bench", "peers", "npm");

export const npmPackages = ["nodejs-order-book", "hft-limit-order-book"] as const;
export type NpmPackage = (typeof npmPackages)[number];

/** What both packages have in common; the second is an earlier name of the first. */
interface OrderBook {
  limit(order: {
    readonly id: string;
    readonly side: "buy" | "sell";
    readonly price: number;
    readonly size: number;
    readonly timeInForce: "GTC" | "IOC";
  }): Outcome;
  /** The order leaves the book and enters again with the same id, as a replace of the workload. */
  modify(id: string, change: { readonly price: number; readonly size: number }): Outcome;
  cancel(id: string): { readonly order: unknown } | undefined;
}

interface BookOrder {
  readonly id: string;
  readonly price: number;
  readonly size: number;
}

interface Outcome {
  readonly err: Error | null;
  /** Filled makers in order, with what they still had; then the taker, when it is filled. */
  readonly done: readonly BookOrder[];
  /** The maker that is filled in part, or the taker that rests. */
  readonly partial: BookOrder | null;
  readonly partialQuantityProcessed: number;
}

/** An operation with the order's id as the packages want it, made before the measurement. */
export interface Step {
  readonly id: string;
  readonly operation: WorkloadOperation;
}

export const step = (operation: WorkloadOperation): Step => ({
  id: String(operation.id),
  operation,
});

/** Receives each trade, in order; ids are those of the workload. */
export type OnTrade = (maker: number, taker: number, price: number, quantity: number) => void;

export class NpmBook {
  readonly #book: OrderBook;
  readonly #onTrade: OnTrade;

  /** Throws when the package is not installed. */
  constructor(name: NpmPackage, onTrade: OnTrade) {
    const require = createRequire(join(installed, "package.json"));
    const { OrderBook } = require(name) as { readonly OrderBook: new () => OrderBook };
    this.#book = new OrderBook();
    this.#onTrade = onTrade;
  }

  /** Throws when the book refuses it: the result would be void. */
  apply({ id, operation }: Step): void {
    if (operation.kind === "cancel") {
      if (this.#book.cancel(id) === undefined) throw new Error(`no order ${id} to cancel`);
      return;
    }
    const { price, quantity: size } = operation;
    const outcome =
      operation.kind === "replace"
        ? this.#book.modify(id, { price, size })
        : this.#book.limit({
            id,
            side: operation.side === 0 ? "buy" : "sell",
            price,
            size,
            timeInForce: operation.kind === "ioc" ? "IOC" : "GTC",
          });
    if (outcome.err !== null) throw outcome.err;
    for (const maker of outcome.done) {
      if (maker.id !== id) this.#report(maker, operation.id, maker.size);
    }
    const { partial, partialQuantityProcessed } = outcome;
    if (partial !== null && partial.id !== id) {
      this.#report(partial, operation.id, partialQuantityProcessed);
    }
  }

  #report(maker: BookOrder, taker: number, quantity: number): void {
    this.#onTrade(Number(maker.id), taker, maker.price, quantity);
  }
}
