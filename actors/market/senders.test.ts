import { suite } from "uvu";
import * as assert from "uvu/assert";

import { MarketCell, TestOwnership } from "../../test/support/market-cell.ts";
import { wire } from "../../schemas/messages.ts";
import { epoch } from "../kernel/units.ts";

const test = suite("market and the incarnations of those that send");
const { Side, OrderType, TimeInForce } = wire.market.v1;

const shard = "act-eu-central-03";
const sender = (incarnation: number) => ({
  actor: "eu-central/strategies/m1",
  shard,
  incarnation,
});
const buy = (number: number): wire.market.v1.ICommand => ({
  number,
  account: 7,
  place: {
    side: Side.SIDE_BUY,
    orderType: OrderType.ORDER_TYPE_LIMIT,
    timeInForce: TimeInForce.TIME_IN_FORCE_DAY,
    price: 500,
    quantity: 10,
  },
});

async function withMarket(
  body: (cell: MarketCell, ownership: TestOwnership) => Promise<void>,
): Promise<void> {
  const ownership = new TestOwnership();
  ownership.shards.set(shard, epoch(4));
  const cell = await MarketCell.open({ ownership });
  try {
    await body(cell, ownership);
  } finally {
    await cell.end();
  }
}

test("B6.2 an actor's orders are taken until its successor is introduced, then never again", () =>
  withMarket(async (cell, ownership) => {
    const first = await cell.submit({ session: 5, sender: sender(4), commands: [buy(1)] });
    assert.is(first.outcomes[0]?.remaining, 10);
    ownership.shards.set(shard, epoch(5));
    const introduced = await cell.submit({ sender: sender(5), commands: [] });
    assert.equal([introduced.refusal ?? null, introduced.outcomes], [null, []]);
    for (const number of [1, 2]) {
      const late = await cell.submit({
        session: 5,
        sender: sender(4),
        commands: [buy(number)],
      });
      assert.is(late.refusal?.code, "stale_epoch", "not even a resend is answered");
      assert.ok((late.refusal?.next ?? "") !== "");
    }
    // The successor has the same session: it gets the first outcome of what was sent before.
    const resent = await cell.submit({ session: 5, sender: sender(5), commands: [buy(1)] });
    assert.equal(
      [resent.outcomes[0]?.repeated, resent.outcomes[0]?.orderId],
      [true, first.outcomes[0]?.orderId],
    );
    const status = await cell.status();
    assert.is(status.refusals["stale_epoch"], 2, "each is counted");
    assert.is(status.orders, 1);
  }));

test("an incarnation that nobody has is refused, and a client that names none is not asked", () =>
  withMarket(async (cell) => {
    const early = await cell.submit({ session: 5, sender: sender(9), commands: [buy(1)] });
    assert.is(early.refusal?.code, "not_owner");
    const client = await cell.submit({ session: 6, commands: [buy(1)] });
    assert.is(client.outcomes[0]?.remaining, 10);
    const nothing = await cell.submit({ session: 6, commands: [] });
    assert.is(nothing.refusal?.code, "malformed");
    for (const broken of [
      { ...sender(4), shard: "" },
      { ...sender(4), shard: "a.b" },
      { ...sender(4), incarnation: 0 },
      { ...sender(4), actor: "" },
    ]) {
      const reply = await cell.submit({ session: 7, sender: broken, commands: [buy(1)] });
      assert.is(reply.refusal?.code, "malformed", JSON.stringify(broken));
    }
  }));

test("B6.2 a market that was started anew asks the record again before it takes an actor's order", () =>
  withMarket(async (cell, ownership) => {
    await cell.submit({ session: 5, sender: sender(4), commands: [buy(1)] });
    ownership.shards.set(shard, epoch(5));
    await cell.system.terminateChild("/markets/TEST");
    await cell.system.restartChild("/markets/TEST");
    await cell.until(({ state }) => state === "open");
    const late = await cell.submit({ session: 5, sender: sender(4), commands: [buy(2)] });
    assert.is(late.refusal?.code, "stale_epoch");
  }));

test.run();
