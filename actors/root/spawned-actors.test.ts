import { suite } from "uvu";
import * as assert from "uvu/assert";

import { wire } from "../../schemas/messages.ts";
import {
  type ControlJson,
  type MemoryCell,
  type MemoryCellOptions,
  startMemoryCell,
} from "../../test/support/memory-cell.ts";

const test = suite("actors spawned by request");
const { Side, OrderType, TimeInForce } = wire.market.v1;

async function withCell(
  body: (cell: MemoryCell) => Promise<void>,
  options: MemoryCellOptions = {},
): Promise<void> {
  const cell = await startMemoryCell(options);
  try {
    await cell.ready();
    await body(cell);
  } finally {
    await cell.stop();
  }
}

async function eventually<T>(what: string, look: () => Promise<T | null>): Promise<T> {
  for (let tries = 0; tries < 400; tries += 1) {
    const found = await look();
    if (found !== null) return found;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`did not come about: ${what}`);
}

const maker = (key: string, change: object = {}, more: object = {}): object => ({
  key,
  type: "avellaneda-stoikov",
  parameters: {
    market: "TEST",
    account: "77",
    gamma: "0.1",
    quantity: "100",
    interval: "100",
    reference: "5000",
    ...change,
  },
  ...more,
});

/** Spawned as soon as the cell has its shards. */
const spawned = (cell: MemoryCell, request: object): Promise<ControlJson> =>
  eventually("the cell has shards", async () => {
    const reply = await cell.control("spawn", request);
    return reply.refusal?.code === "no_cell" ? null : reply;
  });

const described = async (cell: MemoryCell, id: string) =>
  (await cell.control("describe", { id })).actor;

const quoting = (cell: MemoryCell, id: string) =>
  eventually(`${id} quotes both sides`, async () => {
    const actor = await described(cell, id);
    return actor?.strategy?.bid && actor.strategy.ask ? actor : null;
  });

const order = (number: number, side: "buy" | "sell", price: number, quantity: number) => ({
  number,
  account: 5,
  place: {
    side: side === "buy" ? Side.SIDE_BUY : Side.SIDE_SELL,
    orderType: OrderType.ORDER_TYPE_LIMIT,
    timeInForce: TimeInForce.TIME_IN_FORCE_IOC,
    price,
    quantity,
  },
});

test("B8.4 a market maker spawned by request quotes, trades, reports, and leaves nothing when stopped", () =>
  withCell(async (cell) => {
    const first = await spawned(cell, maker("m1"));
    assert.is(first.refusal, undefined, JSON.stringify(first));
    assert.is(first.actor?.id, "m1");
    const actor = await quoting(cell, "m1");
    const [bid, ask] = [actor.strategy?.bid?.price ?? 0, actor.strategy?.ask?.price ?? 0];
    assert.ok(bid < 5_000 && ask > 5_000 && bid % 5 === 0 && ask % 5 === 0, `${bid} ${ask}`);
    const hit = await cell.submit("TEST", { session: 9, commands: [order(1, "sell", bid, 100)] });
    assert.is(hit.outcomes[0]?.executed, 100);
    const after = await eventually("the fill is reported", async () => {
      const found = await described(cell, "m1");
      return found?.strategy?.inventory === 100 ? found : null;
    });
    assert.is(after.strategy?.cash, String(-100 * bid));
    const stopped = await cell.control("stop", { id: "m1" });
    assert.is(stopped.actor?.state, "stopped", JSON.stringify(stopped));
    const book = wire.market.v1.OrdersReply.decode(
      (await cell.raw(
        "cmd.eu-central.TEST.orders",
        wire.market.v1.OrdersRequest.encode({ account: 77 }).finish(),
      )) ?? new Uint8Array(),
    );
    assert.equal(book.orders, []);
    assert.is((await cell.control("stop", { id: "m1" })).refusal?.code, "actor_stopped");
    const again = await cell.control("restart", { id: "m1" });
    assert.is(again.refusal, undefined);
    const back = await quoting(cell, "m1");
    assert.is(back.strategy?.inventory, 100, "its state is back");
  }));

test.run();
