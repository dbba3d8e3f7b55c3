import { suite } from "uvu";
import * as assert from "uvu/assert";

import { wire } from "../../schemas/messages.ts";
import { supervisionSubject } from "../../schemas/subjects.ts";
import {
  cellMarket,
  cellRegion,
  type MemoryCellOptions,
  startMemoryCell,
} from "../../test/support/memory-cell.ts";
import { account, Desk, wide } from "../../test/support/risk-desk.ts";
import { until } from "../../test/support/until.ts";
import { quantityLots } from "../kernel/units.ts";
import { decodeReply } from "../risk-limit/codec.ts";
import { noLimits } from "../risk-limit/limits.ts";

const { Side, OrderType, TimeInForce } = wire.market.v1;

/** Risk limits of a whole cell: up the levels, and into the engine of its market. */
const test = suite("risk limits of a cell");

async function withDesk(
  body: (desk: Desk) => Promise<void>,
  options: MemoryCellOptions = {},
): Promise<void> {
  const cell = await startMemoryCell(options);
  try {
    await cell.ready();
    const desk = new Desk(cell);
    await desk.open();
    await body(desk);
  } finally {
    await cell.stop();
  }
}

test("B5.3 approved limits hold in the engine, journalled, and tighter ones at once", () =>
  withDesk(async (desk) => {
    await desk.define("acc", "account", "", account);
    await desk.allow("acc", { ...wide, maximumOpenOrders: 2 });
    // The market's lot is 10 units.
    await until("an order above the limit is refused", async () => {
      return (await desk.order(1_010)) === "limit_quantity";
    });
    assert.is(await desk.order(1_000), "rests 1000");
    const tighter = { ...noLimits, ...wide, maximumOpenOrders: 1 };
    await desk.ask("acc", {
      type: "set_limits",
      commandId: desk.id(),
      limits: tighter,
      requestedBy: "operator",
    });
    await until("the tighter limit holds", async () => {
      return (await desk.order(10)) === "limit_open_orders";
    });
  }));

test("B5.3 a reported loss beyond the limit cancels what rests and refuses what follows; two persons resume", () =>
  withDesk(async (desk) => {
    await desk.define("acc", "account", "", account);
    await desk.allow("acc", { ...wide, maximumLoss: 500 });
    await until("orders are taken", async () => (await desk.order(10)) === "rests 10");
    await desk.report("acc", "s1", -500);
    assert.is(await desk.reserve("acc", 1), "done");
    await desk.report("acc", "s1", -501);
    assert.is(await desk.reserve("acc", 1), "account_killed");
    await until("the engine stops it", async () => (await desk.order(10)) === "account_killed");
    await until("nothing rests", async () => (await desk.resting()) === 0);

    const proposal = desk.id();
    await desk.ask("acc", { type: "resume", commandId: proposal, requestedBy: "operator" });
    assert.is(await desk.order(10), "account_killed");
    await desk.ask("acc", {
      type: "approve",
      commandId: desk.id(),
      proposal,
      approvedBy: "approver",
    });
    await until("orders are taken again", async () => (await desk.order(10)) === "rests 10");
  }));

test("B5.3 a desk's breach stops the accounts below it in the engine, and its end lets them go on", () =>
  withDesk(async (desk) => {
    assert.is(await desk.define("acc", "account", "desk-1", account), "not_found");
    assert.is(await desk.define("desk-1", "desk", ""), "done");
    assert.is(await desk.define("acc", "account", "desk-1", account), "done");
    await desk.allow("desk-1", { ...wide, maximumLoss: 100 });
    await desk.allow("acc", wide);
    await until("orders are taken", async () => (await desk.order(10)) === "rests 10");
    const heard: string[] = [];
    const subject = supervisionSubject(cellRegion, "risk/acc");
    const listening = desk.cell.client.subscribe(subject, (_, payload) => {
      heard.push(decodeReply(payload).outcome.stopped);
    });
    await desk.report("acc", "acc-own", -101);
    await until("the engine stops it", async () => (await desk.order(10)) === "account_killed");
    assert.is(await desk.reserve("acc", 1), "account_killed");
    await until("it is published with its reason", () =>
      Promise.resolve(heard.some((reason) => reason.startsWith("desk-1: maximum_loss: 101"))),
    );
    listening.unsubscribe();
    const proposal = desk.id();
    await desk.ask("desk-1", { type: "resume", commandId: proposal, requestedBy: "operator" });
    await desk.ask("desk-1", {
      type: "approve",
      commandId: desk.id(),
      proposal,
      approvedBy: "approver",
    });
    await until("orders are taken again", async () => (await desk.order(10)) === "rests 10");
  }));

test("B5.3 a strategy reserves at its account and its desk, and what the desk refuses is counted nowhere", () =>
  withDesk(async (desk) => {
    await desk.define("desk-1", "desk", "");
    await desk.define("acc", "account", "desk-1", account);
    await desk.define("mm", "strategy", "acc");
    await desk.allow("desk-1", {
      maximumOrderQuantity: quantityLots(50),
      maximumOpenQuantity: quantityLots(60),
    });
    await desk.allow("acc", wide);
    await desk.allow("mm", wide);
    assert.is(await desk.reserve("mm", 40), "done");
    assert.is(await desk.reserve("mm", 30, "late"), "limit_exceeded");
    assert.is(await desk.reserve("mm", 30, "late"), "limit_exceeded");
    for (const name of ["mm", "acc", "desk-1"]) {
      const { outcome } = await desk.ask(name, { type: "describe" });
      assert.is(outcome.reserved, 40, name);
    }
    const commandId = desk.id();
    await desk.ask("mm", { type: "release", commandId, quantity: quantityLots(40) });
    const { outcome } = await desk.ask("desk-1", { type: "describe" });
    assert.is(outcome.reserved, 0);
  }));

test("B5.3 every market gets the limits, and an account that has no name is left alone", () =>
  withDesk(
    async (desk) => {
      await desk.define("acc", "account", "", account);
      await desk.allow("acc", { ...wide, maximumOrderQuantity: quantityLots(5) });
      await until("it holds", async () => (await desk.order(60)) === "limit_quantity");
      const other = await desk.cell.submit("OTHER", {
        session: 9,
        commands: [
          {
            number: 1,
            account,
            place: {
              side: Side.SIDE_BUY,
              orderType: OrderType.ORDER_TYPE_LIMIT,
              timeInForce: TimeInForce.TIME_IN_FORCE_DAY,
              price: 500,
              quantity: 60,
            },
          },
          {
            number: 2,
            account: account + 1,
            place: {
              side: Side.SIDE_BUY,
              orderType: OrderType.ORDER_TYPE_LIMIT,
              timeInForce: TimeInForce.TIME_IN_FORCE_DAY,
              price: 500,
              quantity: 60,
            },
          },
        ],
      });
      assert.equal(
        other.outcomes.map((outcome) => outcome.refusal?.code ?? "taken"),
        ["limit_quantity", "taken"],
      );
    },
    { markets: [cellMarket, { ...cellMarket, market: "OTHER" }] },
  ));

test("B5.3 a strategy's own reports stop its account when it has lost more than it may", () =>
  withDesk(async (desk) => {
    await desk.define("acc", "account", "", account);
    await desk.define("mm", "strategy", "acc");
    await desk.allow("acc", { ...wide, maximumLoss: 1_000 });
    await desk.allow("mm", wide);
    await until("orders are taken", async () => (await desk.order(10)) === "rests 10");
    const parameters = {
      market: "TEST",
      account: String(account),
      risk: "mm",
      quantity: "100",
      interval: "100",
      reference: "5000",
      gamma: "0.1",
    };
    await until("it is spawned", async () => {
      const request = { key: "maker", type: "avellaneda-stoikov", parameters };
      const { refusal } = await desk.cell.control("spawn", request);
      if (refusal !== undefined && refusal.code !== "no_cell") throw new Error(refusal.reason);
      return refusal === undefined;
    });
    const described = async () => (await desk.cell.control("describe", { id: "maker" })).actor;
    await until("it quotes", async () => Boolean((await described())?.strategy?.bid));
    // Somebody sells it all its bid, and then the market falls far below.
    const bid = (await described())?.strategy?.bid?.price ?? 0;
    await desk.trade("sell", bid, 100, 21);
    await until("the fill is reported", async () => {
      return ((await desk.ask("mm", { type: "describe" })).outcome.position ?? 0) === 10;
    });
    await desk.trade("sell", 2_000, 1_000, 22);
    await until("the account is stopped", async () => {
      return (await desk.ask("acc", { type: "describe" })).outcome.stopped.startsWith(
        "maximum_loss",
      );
    });
    await until("the engine takes no order of it", async () => {
      return (await desk.order(10)) === "account_killed";
    });
    const { outcome } = await desk.ask("acc", { type: "describe" });
    assert.ok(outcome.profit < -1_000, String(outcome.profit));
  }));

test.run();
