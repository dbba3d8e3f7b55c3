import { setTimeout as sleep } from "node:timers/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { wire } from "../../schemas/messages.ts";
import { actorSubject, supervisionSubject } from "../../schemas/subjects.ts";
import {
  cellMarket,
  cellRegion,
  type MemoryCell,
  type MemoryCellOptions,
  startMemoryCell,
} from "../../test/support/memory-cell.ts";
import { quantityLots } from "../kernel/units.ts";
import { decodeReply, encodeRequest, type ReadReply } from "../risk-limit/codec.ts";
import { noLimits } from "../risk-limit/limits.ts";
import type { Limits } from "../risk-limit/messages.ts";

/** Risk limits of a whole cell: up the levels, and into the engine of its market. */
const test = suite("risk limits of a cell");

const { Side, OrderType, TimeInForce } = wire.market.v1;
const account = 7;
type Sent = Parameters<typeof encodeRequest>[0];

class Desk {
  readonly cell: MemoryCell;
  #number = 0;

  constructor(cell: MemoryCell) {
    this.cell = cell;
  }

  id(): string {
    this.#number += 1;
    return `t${this.#number}`;
  }

  async ask(name: string, message: Sent): Promise<ReadReply> {
    const verb = message.type === "set_limits" ? "set-limits" : message.type;
    const subject = actorSubject(cellRegion, "risk-limit", name, verb);
    const payload = await this.cell.raw(subject, encodeRequest(message));
    if (payload === null) throw new Error(`${name} does not answer ${verb}`);
    return decodeReply(payload);
  }

  async define(
    name: string,
    scope: "desk" | "account" | "strategy",
    parent: string,
    number = 0,
  ): Promise<string> {
    const reply = await this.ask(name, {
      type: "define",
      commandId: this.id(),
      requestedBy: "operator",
      scope,
      parent,
      account: number,
    });
    return reply.refusal?.code ?? "done";
  }

  async allow(name: string, limits: Partial<Limits>): Promise<void> {
    const proposal = this.id();
    const wanted = { ...noLimits, ...limits };
    await this.ask(name, {
      type: "set_limits",
      commandId: proposal,
      limits: wanted,
      requestedBy: "operator",
    });
    const approved = await this.ask(name, {
      type: "approve",
      commandId: this.id(),
      proposal,
      approvedBy: "approver",
    });
    assert.is(approved.refusal, null);
  }

  async reserve(name: string, quantity: number, commandId = this.id()): Promise<string> {
    const lots = quantityLots(quantity);
    const reply = await this.ask(name, { type: "reserve", commandId, quantity: lots });
    return reply.refusal?.code ?? "done";
  }

  async report(name: string, from: string, profit: number): Promise<void> {
    const holding = { from, profit, position: 0, accounts: [] };
    const reply = await this.ask(name, { type: "report", commandId: this.id(), ...holding });
    assert.is(reply.refusal, null);
  }

  /** The refusal of an order of `quantity` units, or what rests of it. */
  async order(quantity: number): Promise<string> {
    this.#number += 1;
    const place = {
      side: Side.SIDE_BUY,
      orderType: OrderType.ORDER_TYPE_LIMIT,
      timeInForce: TimeInForce.TIME_IN_FORCE_DAY,
      price: 500,
      quantity,
    };
    const commands = [{ number: this.#number, account, place }];
    const reply = await this.cell.submit("TEST", { session: 9, commands });
    const [outcome] = reply.outcomes;
    return outcome?.refusal?.code ?? `rests ${outcome?.remaining}`;
  }

  /** An order of somebody else. */
  async trade(
    side: "buy" | "sell",
    price: number,
    quantity: number,
    session: number,
  ): Promise<void> {
    const place = {
      side: side === "buy" ? Side.SIDE_BUY : Side.SIDE_SELL,
      orderType: OrderType.ORDER_TYPE_LIMIT,
      timeInForce: TimeInForce.TIME_IN_FORCE_DAY,
      price,
      quantity,
    };
    const commands = [{ number: 1, account: 99, place }];
    const reply = await this.cell.submit("TEST", { session, commands });
    assert.is(reply.outcomes[0]?.refusal, null);
  }

  async resting(): Promise<number> {
    return (await this.cell.report()).markets[0]?.restingOrders ?? -1;
  }
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 400; tries += 1) {
    if (await holds()) return;
    await sleep(25);
  }
  throw new Error(`it never came true that ${what}`);
}

async function withDesk(
  body: (desk: Desk) => Promise<void>,
  options: MemoryCellOptions = {},
): Promise<void> {
  const cell = await startMemoryCell(options);
  try {
    await cell.ready();
    await body(new Desk(cell));
  } finally {
    await cell.stop();
  }
}

const wide = { maximumOrderQuantity: quantityLots(100), maximumOpenQuantity: quantityLots(1_000) };

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
