import { suite } from "uvu";
import * as assert from "uvu/assert";

import { wire } from "../../schemas/messages.ts";
import {
  type ActorJson,
  type MemoryCell,
  type MemoryCellOptions,
  startMemoryCell,
} from "../../test/support/memory-cell.ts";
import { Desk, wide } from "../../test/support/risk-desk.ts";
import { until } from "../../test/support/until.ts";
import { MemoryBroker } from "../bus/memory.ts";
import type { Bus } from "../kernel/ports/bus.ts";
import { refuse } from "../kernel/result.ts";
import { quantityLots } from "../kernel/units.ts";
import { noLimits } from "../risk-limit/limits.ts";
import type { Limits } from "../risk-limit/messages.ts";
import { paths } from "./tree.ts";

/** Strategies and executions trade through risk limits, whether they name one or not. */
const test = suite("actors that trade through risk limits");

const { Side, OrderType, TimeInForce } = wire.market.v1;

class World {
  readonly cell: MemoryCell;
  readonly desk: Desk;

  constructor(cell: MemoryCell) {
    this.cell = cell;
    this.desk = new Desk(cell);
  }

  /** The refusal code; empty when it was spawned. */
  async spawn(key: string, more: Readonly<Record<string, string>> = {}): Promise<string> {
    const parameters = {
      market: "TEST",
      quantity: "100",
      interval: "100",
      reference: "5000",
      ...more,
    };
    const request = { key, type: "avellaneda-stoikov", parameters };
    return (await this.cell.control("spawn", request)).refusal?.code ?? "";
  }

  async actor(id: string): Promise<ActorJson> {
    const { actor } = await this.cell.control("describe", { id });
    if (actor === undefined) throw new Error(`${id} is not described`);
    return actor;
  }

  async quotes(id: string): Promise<void> {
    await until(`${id} quotes both sides`, async () => {
      const { strategy } = await this.actor(id);
      return Boolean(strategy?.bid) && Boolean(strategy?.ask);
    });
  }

  async limited(id: string, code: string): Promise<ActorJson> {
    await until(`${id} is limited by ${code}`, async () => {
      const { state, detail } = await this.actor(id);
      return state === "limited" && detail.startsWith(`${code}: `);
    });
    return this.actor(id);
  }

  /** Lots held at the limit. */
  async held(name: string): Promise<number> {
    return (await this.desk.ask(name, { type: "describe" })).outcome.held;
  }

  async tighten(name: string, change: Partial<Limits>): Promise<void> {
    const { outcome } = await this.desk.ask(name, { type: "describe" });
    const limits = { ...outcome.limits, ...change };
    const commandId = this.desk.id();
    await this.desk.ask(name, { type: "set_limits", commandId, limits, requestedBy: "operator" });
  }

  async stop(name: string): Promise<void> {
    const reason = "by hand";
    const commandId = this.desk.id();
    await this.desk.ask(name, { type: "stop", commandId, reason, requestedBy: "operator" });
  }

  async resume(name: string): Promise<void> {
    const proposal = this.desk.id();
    await this.desk.ask(name, { type: "resume", commandId: proposal, requestedBy: "operator" });
    const commandId = this.desk.id();
    await this.desk.ask(name, { type: "approve", commandId, proposal, approvedBy: "approver" });
  }

  /** Whoever trades with what rests: an order at any price. */
  async take(side: "buy" | "sell", quantity: number, session: number): Promise<void> {
    const place = {
      side: side === "buy" ? Side.SIDE_BUY : Side.SIDE_SELL,
      orderType: OrderType.ORDER_TYPE_LIMIT,
      timeInForce: TimeInForce.TIME_IN_FORCE_IOC,
      price: side === "buy" ? 20_000 : 100,
      quantity,
    };
    await this.cell.submit("TEST", { session, commands: [{ number: 1, account: 99, place }] });
  }
}

async function withWorld(
  body: (world: World) => Promise<void>,
  options: MemoryCellOptions = {},
): Promise<void> {
  const cell = await startMemoryCell(options);
  try {
    await cell.ready();
    const world = new World(cell);
    await world.desk.open();
    await until("actors may be spawned", async () => (await world.spawn("first")) !== "no_cell");
    await body(world);
  } finally {
    await cell.stop();
  }
}

test("B5.3 B8.4 one that names no limit has its own below its account's, which the engine holds", () =>
  withWorld(async (world) => {
    await world.quotes("first");
    const { strategy, parameters } = await world.actor("first");
    assert.is(strategy?.limit, "trader-first");
    assert.is(strategy?.held, 20);
    assert.ok((strategy?.sent ?? 0) >= 2);
    const own = (await world.desk.ask("trader-first", { type: "describe" })).outcome;
    const account = Number(parameters["account"]);
    assert.is(own.parent, `account-${account}`);
    assert.is(own.limits.maximumOrderQuantity, 10);
    assert.is(await world.held(own.parent), 20);
    const place = {
      side: Side.SIDE_BUY,
      orderType: OrderType.ORDER_TYPE_LIMIT,
      timeInForce: TimeInForce.TIME_IN_FORCE_DAY,
      price: 4_000,
      quantity: 1_000_000,
    };
    await world.tighten(own.parent, { maximumOrderQuantity: quantityLots(100) });
    let number = 0;
    await until("whoever uses its account is held to it", async () => {
      number += 1;
      const commands = [{ number, account, place }];
      const { outcomes } = await world.cell.submit("TEST", { session: 77, commands });
      return outcomes[0]?.refusal?.code === "limit_quantity";
    });
    await world.cell.control("stop", { id: "first" });
    assert.is(await world.held("trader-first"), 0, "given back before it is over");
    await until("the account has heard", async () => (await world.held(own.parent)) === 0);
  }));

test("B5.3 what is filled or canceled is given back, and orders of the same size take nothing more", () =>
  withWorld(async (world) => {
    await world.quotes("first");
    await world.take("sell", 100, 31);
    await until("the fill is seen, and it quotes again", async () => {
      const { strategy } = await world.actor("first");
      return strategy?.inventory === 100 && Boolean(strategy.bid) && Boolean(strategy.ask);
    });
    await until("two quotes are held", async () => (await world.held("trader-first")) === 20);
    await world.cell.control("send", { id: "first", commandId: "p1", verb: "pause" });
    await until("nothing is held", async () => (await world.held("trader-first")) === 0);
  }));

test("B5.3 a refusal is a state of the actor and counted; nothing is sent until the limit allows it", () =>
  withWorld(async (world) => {
    assert.is(await world.spawn("tight", { maximumOpen: "100" }), "");
    const { strategy } = await world.limited("tight", "limit_exceeded");
    assert.is(strategy?.sent, 0);
    assert.ok((strategy?.limited ?? 0) > 0);
    assert.is(await world.held("trader-tight"), 0);
    await world.desk.allow("trader-tight", wide);
    await world.quotes("tight");
    // Tighter than what rests: what rests stays, and no order follows it.
    await world.tighten("trader-tight", { maximumOpenQuantity: quantityLots(5) });
    await world.take("buy", 1_000, 32);
    await world.limited("tight", "limit_exceeded");
  }));

test("B5.3 a stop of a desk cancels what rests by the message that tells of it, and a resume lets it go on", () =>
  withWorld(async (world) => {
    const { desk } = world;
    await desk.define("house", "desk", "");
    await desk.define("client", "account", "house", 55);
    await desk.define("mine", "strategy", "client");
    for (const name of ["house", "client", "mine"]) await desk.allow(name, wide);
    assert.is(await world.spawn("below", { risk: "mine", account: "55" }), "");
    await world.quotes("below");
    assert.is(await world.held("house"), 20);
    // The strategy's own level is stopped: the engine goes on taking orders of the account.
    await world.stop("mine");
    await until("nothing of it rests", async () => (await world.held("mine")) === 0);
    const { strategy } = await world.limited("below", "account_killed");
    assert.is(strategy?.bid ?? null, null);
    assert.is(strategy?.inventory, 0);
    await world.resume("mine");
    await world.quotes("below");
    await world.stop("house");
    await world.limited("below", "account_killed");
    await until("nothing is held", async () => (await world.held("mine")) === 0);
    assert.is(
      (await world.actor("below")).strategy?.inventory,
      0,
      "what a stop took was not filled",
    );
    await world.resume("house");
    await world.quotes("below");
  }));

test("B5.3 without an answer of its limit it sends no order, and its cancels pass", async () => {
  const cut = { on: false };
  const broker = new MemoryBroker();
  const home = await startMemoryCell({ broker, name: "home", hosting: { capacity: 0 } });
  const started = [home];
  try {
    await home.ready();
    const wrapBus = (bus: Bus): Bus => withoutHolds(bus, cut);
    const one = await startMemoryCell({ broker, name: "one", servesMarkets: false, wrapBus });
    started.push(one, await startMemoryCell({ broker, name: "two", servesMarkets: false }));
    const world = new World(home);
    await world.desk.open();
    const id = await acrossCells(world, one);
    await world.quotes(id);
    cut.on = true;
    await world.take("sell", 1_000, 33);
    const { strategy } = await world.limited(id, "limit_unreachable");
    assert.is(strategy?.bid ?? null, null, "the side that was filled is not quoted again");
    await home.control("send", { id, commandId: "p1", verb: "pause" });
    await until("its cancels have passed", async () => {
      const actor = await world.actor(id);
      return actor.state === "paused" && !actor.strategy?.ask;
    });
    assert.ok(((await world.actor(id)).strategy?.sent ?? 0) <= (strategy?.sent ?? 0) + 2);
    assert.ok((await world.held(`trader-${id}`)) > 0);
    cut.on = false;
    await until("what was open is given back", async () => {
      return (await world.held(`trader-${id}`)) === 0;
    });
    await home.control("send", { id, commandId: "p2", verb: "resume" });
    await world.quotes(id);
  } finally {
    for (const cell of started.reverse()) await cell.stop();
  }
});

/** A bus on which nobody answers when an actor asks its limit; how it is asked does not matter. */
function withoutHolds(bus: Bus, cut: { readonly on: boolean }): Bus {
  return new Proxy(bus, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      if (name !== "request") return value.bind(target) as unknown;
      return (subject: string, ...rest: [Uint8Array, never]) =>
        cut.on && subject.endsWith(".hold")
          ? Promise.resolve(refuse("timeout", "nobody answers"))
          : target.request(subject, ...rest);
    },
  });
}

/** One that runs in this cell while its limit lives in another. */
async function acrossCells(world: World, cell: MemoryCell): Promise<string> {
  for (let index = 0; index < 32; index += 1) {
    const id = `maker-${index}`;
    assert.is(await world.spawn(id), "");
    const limits = cell.cell.system.whichChildren(paths.risk("eu-central"));
    const own = limits.ok && limits.value.some((child) => child.id === `trader-${id}`);
    if ((await world.actor(id)).cell === cell.name && !own) return id;
    await world.cell.control("stop", { id });
  }
  throw new Error("every limit is where its actor is");
}

test("B5.3 a limit that is not defined or counts elsewhere is refused at the spawn, and none allows more than configured", () =>
  withWorld(
    async (world) => {
      const { desk } = world;
      assert.is(await world.spawn("a", { risk: "nobody" }), "parameters_invalid");
      await desk.define("client", "account", "", 55);
      await desk.define("mine", "strategy", "client");
      assert.is(await world.spawn("a", { risk: "mine", account: "56" }), "parameters_invalid");
      const both = { risk: "mine", account: "55", maximumOrder: "10" };
      assert.is(await world.spawn("a", both), "parameters_invalid");
      assert.is(await world.spawn("a", { maximumOrder: "0" }), "parameters_invalid");
      assert.is(await world.spawn("b", { account: "55", maximumOrder: "900" }), "");
      const { limits, parent } = (await desk.ask("trader-b", { type: "describe" })).outcome;
      assert.is(parent, "client", "the account is people's: its limit is the level above");
      assert.is(limits.maximumOrderQuantity, 50);
    },
    {
      hosting: {
        limits: {
          ...noLimits,
          maximumOrderQuantity: quantityLots(50),
          maximumOpenQuantity: quantityLots(500),
        },
      },
    },
  ));

test.run();
