import { suite } from "uvu";
import * as assert from "uvu/assert";

import { wire } from "../../schemas/messages.ts";
import { seed } from "../../test/support/seed.ts";
import { seededRandomness } from "../kernel/seeded-randomness.ts";
import {
  decodeBookReply,
  decodeOrdersReply,
  decodeSubmitReply,
  decodeTouch,
  encodeSubmit,
} from "./codec.ts";
import type { FlowCommand } from "./messages.ts";

const test = suite("strategy codec");
const { market } = wire;
const { Side, OrderType, TimeInForce } = market.v1;
const accounts = { makerAccount: 41, takerAccount: 42 };

test("limit orders and cancels are the maker's, market orders the taker's", () => {
  const commands: readonly FlowCommand[] = [
    { type: "limit", number: 1, side: "buy", price: 500, quantity: 10 },
    { type: "market", number: 2, side: "sell", quantity: 20 },
    {
      type: "cancel",
      number: 3,
      order: { orderId: 7, side: "sell", price: 505, remaining: 10 },
    },
  ];
  const request = market.v1.SubmitRequest.decode(encodeSubmit(9, accounts, commands));
  assert.is(request.session, 9);
  assert.equal(
    request.commands.map(({ number, account }) => [number, account]),
    [
      [1, 41],
      [2, 42],
      [3, 41],
    ],
  );
  const [limit, take, cancel] = request.commands;
  assert.equal(
    { ...limit?.place },
    {
      side: Side.SIDE_BUY,
      orderType: OrderType.ORDER_TYPE_LIMIT,
      timeInForce: TimeInForce.TIME_IN_FORCE_DAY,
      price: 500,
      quantity: 10,
    },
  );
  assert.is(take?.place?.orderType, OrderType.ORDER_TYPE_MARKET);
  assert.is(take?.place?.timeInForce, TimeInForce.TIME_IN_FORCE_IOC);
  assert.is(cancel?.cancel?.orderId, 7);
});

test("an outcome comes with its fills, its refusal and the touch where it changed", () => {
  const touch = { bidPrice: 500, bidQuantity: 10, askPrice: 505, askQuantity: 30 };
  const fills = [{ makerOrderId: 7, price: 505, quantity: 10, makerRemaining: 0 }];
  const outcomes = [
    { number: 1, sequence: 8, orderId: 3, executed: 10, fills, touch },
    { number: 2, refusal: { code: "price_out_of_band", reason: "", next: "" } },
  ];
  const answer = decodeSubmitReply(market.v1.SubmitReply.encode({ outcomes }).finish());
  assert.is(answer.type, "outcomes");
  const [first, second] = answer.type === "outcomes" ? answer.outcomes : [];
  assert.equal(first?.fills, [{ makerOrderId: 7, price: 505, makerRemaining: 0 }]);
  assert.equal(first?.touch, { bid: 500, ask: 505 });
  assert.equal([first?.refusal, second?.refusal], [null, "price_out_of_band"]);
  assert.is(second?.touch, null);
});

test("a refused request is told from one whose fate nobody knows", () => {
  const refusal = { code: "busy", reason: "", next: "" };
  const refused = market.v1.SubmitReply.encode({ refusal }).finish();
  assert.equal(decodeSubmitReply(refused), { type: "refused", code: "busy" });
  assert.equal(decodeSubmitReply(Uint8Array.of(0x0b)), { type: "unknown" });
  assert.equal(decodeBookReply(market.v1.BookReply.encode({ refusal }).finish()), {
    refusal: "busy",
  });
  assert.is(decodeOrdersReply(market.v1.OrdersReply.encode({ refusal }).finish()), null);
});

test("random bytes from the bus are never an error", () => {
  const first = seed(5_501);
  const random = seededRandomness(first);
  for (let step = 0; step < 2_000; step += 1) {
    const bytes = Uint8Array.from({ length: random.below(60) }, () => random.below(256));
    for (const decode of [decodeSubmitReply, decodeBookReply, decodeOrdersReply, decodeTouch]) {
      assert.not.throws(() => decode(bytes), `SEED=${first} step=${step} ${decode.name}`);
    }
  }
});

test.run();
