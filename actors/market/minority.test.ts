import { setTimeout as sleep } from "node:timers/promises";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { wire } from "../../schemas/messages.ts";
import { MarketCell } from "../../test/support/market-cell.ts";
import { CANCELS_HELD } from "./held-cancels.ts";

/** A market whose cell is cut off from the majority: its lease has lapsed. */
const test = suite("market in a minority");
const { Side, OrderType, TimeInForce } = wire.market.v1;

const place = (number: number): wire.market.v1.ICommand => ({
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
const cancel = (number: number, orderId: number): wire.market.v1.ICommand => ({
  number,
  account: 7,
  cancel: { orderId },
});

async function withCell(body: (cell: MarketCell) => Promise<void>): Promise<void> {
  const cell = await MarketCell.open();
  try {
    await body(cell);
  } finally {
    await cell.end();
  }
}

test("B9.7 what a minority shows is marked stale, and is not once the lease is there again", async () => {
  await withCell(async (cell) => {
    await cell.submit({ session: 1, commands: [place(1)] });
    assert.is((await cell.book()).stale, false);
    cell.ownership.hold(false);
    const book = await cell.book();
    assert.is(book.stale, true);
    assert.is(book.bids.length, 1);
    cell.ownership.hold(true);
    assert.is((await cell.book()).stale, false);
  });
});

test("B9.7 a minority refuses an order with the place to go", async () => {
  await withCell(async (cell) => {
    cell.ownership.hold(false);
    const { refusal } = await cell.submit({ session: 1, commands: [place(1)] });
    assert.is(refusal?.code, "not_owner");
    assert.match(refusal?.next ?? "", "cmd.<region>.TEST.submit of another region of group atlas");
  });
});

test("B9.7 a cancel that meets a minority waits for the lease, and is done before anything newer", async () => {
  await withCell(async (cell) => {
    const placed = await cell.submit({ session: 1, commands: [place(1)] });
    const orderId = placed.outcomes[0]?.orderId ?? 0;
    cell.ownership.hold(false);
    let answered = false;
    const canceled = cell.submit({ session: 1, commands: [cancel(2, orderId)] });
    void canceled.then(() => {
      answered = true;
    });
    await sleep(100);
    assert.is(answered, false);
    cell.ownership.hold(true);
    const newer = await cell.submit({ session: 1, commands: [place(3)] });
    assert.is(newer.outcomes[0]?.refusal ?? null, null);
    const { outcomes } = await canceled;
    assert.is(outcomes[0]?.refusal ?? null, null);
    assert.is(outcomes[0]?.canceled, 10);
    assert.ok((outcomes[0]?.sequence ?? 0) < (newer.outcomes[0]?.sequence ?? 0));
  });
});

test("B9.7 a cancel that waits is done when the lease is there again, without another request", async () => {
  await withCell(async (cell) => {
    const placed = await cell.submit({ session: 1, commands: [place(1)] });
    const orderId = placed.outcomes[0]?.orderId ?? 0;
    cell.ownership.hold(false);
    const canceled = cell.submit({ session: 1, commands: [cancel(2, orderId)] });
    cell.ownership.hold(true);
    assert.is((await canceled).outcomes[0]?.canceled, 10);
  });
});

test("B9.7 cancels that wait are bounded: one more is busy, and counted", async () => {
  await withCell(async (cell) => {
    cell.ownership.hold(false);
    const held = Array.from({ length: CANCELS_HELD }, (_, index) =>
      cell.submit({ session: 1, commands: [cancel(index + 1, 1)] }, 60),
    );
    const refused = await cell.submit({ session: 1, commands: [cancel(CANCELS_HELD + 1, 1)] });
    assert.is(refused.refusal?.code, "busy");
    cell.ownership.hold(true);
    const answers = await Promise.all(held);
    assert.ok(answers.every(({ outcomes }) => outcomes[0]?.refusal?.code === "order_unknown"));
  });
});

test.run();
