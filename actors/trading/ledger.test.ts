import { suite } from "uvu";
import * as assert from "uvu/assert";
import { z } from "zod";

import { seed } from "../../test/support/seed.ts";
import { seededRandomness } from "../kernel/seeded-randomness.ts";
import { traderEventCodec } from "./codec.ts";
import {
  emptyLedger,
  type Ledger,
  type Order,
  type OrderOutcome,
  planned,
  profitAt,
  reconciled,
  settled,
  settlementOf,
} from "./ledger.ts";

const test = suite("trading ledger");

const outcome = (change: Partial<OrderOutcome>): OrderOutcome => ({
  refusal: null,
  sequence: 7,
  orderId: 1,
  executed: 0,
  canceled: 0,
  remaining: 0,
  fills: [],
  repeated: false,
  ...change,
});
const place = (side: "buy" | "sell", price: number, quantity: number): Order => ({
  kind: "place",
  side,
  price,
  quantity,
  timeInForce: "day",
});

test("what was executed at once counts at its prices, a repeated outcome at the limit", () => {
  const order = place("buy", 100, 30);
  const fills = [
    { price: 98, quantity: 10 },
    { price: 99, quantity: 10 },
  ];
  const once = settlementOf(order, outcome({ executed: 20, remaining: 10, fills }));
  assert.is(once.value, String(980 + 990));
  assert.is(settlementOf(order, outcome({ executed: 20 })).value, "2000");
  const ledger = settled(planned(emptyLedger, 9, [order]), [once]);
  assert.equal([ledger.inventory, ledger.cash, ledger.live.length], [20, "-1970", 1]);
  assert.is(profitAt(ledger, 100), "30");
});

test("a cancel tells by its outcome what was filled before it", () => {
  const resting = settled(planned(emptyLedger, 9, [place("sell", 50, 40)]), [
    settlementOf(place("sell", 50, 40), outcome({ orderId: 7, remaining: 40 })),
  ]);
  const cancel: Order = { kind: "cancel", orderId: 7 };
  const asked = planned(resting, 9, [cancel]);
  const part = settled(asked, [settlementOf(cancel, outcome({ canceled: 15 }))]);
  assert.equal([part.inventory, part.cash, part.assumed], [-25, "1250", 0]);
  const refusal = { code: "order_unknown", reason: "", next: "" };
  const gone = settled(asked, [settlementOf(cancel, outcome({ refusal }))]);
  assert.equal([gone.inventory, gone.assumed, gone.live.length], [-40, 40, 0]);
  const halted = { ...refusal, code: "not_durable" };
  const still = settled(asked, [settlementOf(cancel, outcome({ refusal: halted }))]);
  assert.equal([still.inventory, still.live.length], [0, 1]);
});

test("a repeated cancel that does not tell how much it canceled is doubtful, not a fill", () => {
  const resting = settled(planned(emptyLedger, 9, [place("sell", 50, 40)]), [
    settlementOf(place("sell", 50, 40), outcome({ orderId: 7, remaining: 40 })),
  ]);
  const cancel: Order = { kind: "cancel", orderId: 7 };
  const asked = planned(resting, 9, [cancel]);
  const doubt = settled(asked, [settlementOf(cancel, outcome({ repeated: true }))]);
  assert.equal([doubt.inventory, doubt.doubtful, doubt.live.length], [0, 40, 0]);
  const known = settled(asked, [settlementOf(cancel, outcome({ repeated: true, canceled: 30 }))]);
  assert.equal([known.inventory, known.doubtful], [-10, 0]);
});

test("an outcome is counted once, however often it comes", () => {
  const order = place("buy", 10, 10);
  const once = settled(planned(emptyLedger, 9, [order]), [
    settlementOf(order, outcome({ executed: 10 })),
  ]);
  assert.is(settled(once, [settlementOf(order, outcome({ executed: 10 }))]), once);
});

test("B7.8 over random lives inventory and cash are the sum of what was traded, beyond 2^53 too", () => {
  const first = seed(61);
  for (let run = 0; run < 100; run += 1) {
    const random = seededRandomness(first + run);
    let ledger: Ledger = emptyLedger;
    let inventory = 0;
    let cash = 0n;
    let nextId = 1;
    const books = new Map<number, { side: "buy" | "sell"; price: number; left: number }>();
    const trade = (side: "buy" | "sell", price: number, quantity: number): void => {
      inventory += side === "buy" ? quantity : -quantity;
      cash += BigInt(price) * BigInt(quantity) * (side === "buy" ? -1n : 1n);
    };
    for (let step = 0; step < 100; step += 1) {
      for (const order of books.values()) {
        const quantity = random.below(order.left + 1);
        if (random.below(3) > 0 || quantity === 0) continue;
        order.left -= quantity;
        trade(order.side, order.price, quantity);
      }
      if (random.below(3) === 0) {
        const resting = ledger.live.map(({ orderId }) => ({
          orderId,
          remaining: books.get(orderId)?.left ?? 0,
        }));
        ledger = reconciled(ledger, resting);
      }
      const [oldest] = ledger.live;
      if (oldest !== undefined && random.below(2) === 0) {
        const cancel: Order = { kind: "cancel", orderId: oldest.orderId };
        const left = books.get(oldest.orderId)?.left ?? 0;
        const refusal = left === 0 ? { code: "order_unknown", reason: "", next: "" } : null;
        ledger = settled(planned(ledger, 5, [cancel]), [
          settlementOf(cancel, outcome({ refusal, canceled: left })),
        ]);
        books.delete(oldest.orderId);
        continue;
      }
      const order = place(random.below(2) === 0 ? "buy" : "sell", 2 ** 40 - random.below(9), 1_000);
      if (order.kind !== "place") continue;
      const executed = random.below(1_001);
      trade(order.side, order.price, executed);
      const orderId = nextId;
      nextId += 1;
      const remaining = 1_000 - executed;
      if (remaining > 0) {
        books.set(orderId, { side: order.side, price: order.price, left: remaining });
      }
      ledger = settled(planned(ledger, 5, [order]), [
        settlementOf(order, outcome({ orderId, executed, remaining })),
      ]);
    }
    const resting = ledger.live.map(({ orderId }) => ({
      orderId,
      remaining: books.get(orderId)?.left ?? 0,
    }));
    ledger = reconciled(ledger, resting);
    assert.equal([ledger.inventory, ledger.cash], [inventory, String(cash)], `SEED=${first + run}`);
  }
});

test("an event that could not be read back is not kept", () => {
  const codec = traderEventCodec(z.strictObject({}));
  const orders = [place("buy", Number.NaN, 10)];
  assert.throws(() => codec.encode({ type: "planned", session: 1, orders, memo: {} }));
});

test.run();
