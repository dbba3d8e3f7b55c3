import type { EngineCommand, EngineEvent } from "../../actors/kernel/ports/matching-engine.ts";
import { accountId, priceTicks, quantityLots } from "../../actors/kernel/units.ts";
import type { NativeMarket } from "../../native/index.ts";

/** What both sides of native/market-move.test.ts do with a market, in one process or the other. */

export type Asked =
  | { readonly type: "open"; readonly directory: string; readonly at: number }
  | {
      readonly type: "offer";
      readonly first: number;
      readonly last: number;
      /** Outcomes are read up to this number; those of later ones are left on the way. */
      readonly readTo: number;
    }
  | { readonly type: "close" };

export interface Held {
  readonly matched: number;
  readonly durable: number;
  readonly digest: string;
}
export const heldBy = (market: NativeMarket): Held => {
  const { matched, durable, digest } = market.progress();
  return { matched, durable, digest };
};

/** By number: the sequence of its first outcome. */
export type Outcomes = Readonly<Record<number, number>>;

const session = 77;

export const configured: EngineCommand = {
  kind: "configure",
  session: 0,
  number: 0,
  account: accountId(1),
  tag: 0,
  bandLow: priceTicks(1),
  bandHigh: priceTicks(10_000),
  maximumQuantity: quantityLots(100),
  orderCapacity: 100_000,
  mode: "durable",
};

/** The order of a number: always the same one. */
export const orderOf = (number: number): EngineCommand => ({
  kind: "place",
  session,
  number,
  account: accountId(1 + (number % 5)),
  tag: number,
  side: number % 2 === 0 ? "buy" : "sell",
  orderType: "limit",
  timeInForce: "day",
  price: priceTicks(1_000 + ((number * 7_919) % 23)),
  quantity: quantityLots(1 + (number % 9)),
});

/** Offers the numbers in order and reads outcomes until that of `readTo` has come. */
export async function offerNumbers(
  market: NativeMarket,
  first: number,
  last: number,
  readTo: number,
): Promise<Outcomes> {
  const outcomes: Record<number, number> = {};
  const heard = { last: first - 1 };
  const hear = (event: EngineEvent): void => {
    if (event.kind !== "accepted" && event.kind !== "repeated") return;
    const told = event.kind === "repeated" ? event.originalSequence : event.sequence;
    outcomes[event.tag] = told;
    heard.last = event.tag;
  };
  const drain = (): void => {
    if (heard.last < readTo) market.drain(hear, 64);
  };
  for (let number = first; number <= last; number += 1) {
    while (!market.offer(orderOf(number))) {
      market.flush();
      drain();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  market.flush();
  while (heard.last < readTo) {
    drain();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return outcomes;
}
