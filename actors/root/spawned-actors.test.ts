import { suite } from "uvu";
import * as assert from "uvu/assert";

import { MemoryBroker } from "../bus/memory.ts";
import { ReplicatedEventLog } from "../bus/replicated-event-log.ts";
import { durationNs, epoch } from "../kernel/units.ts";
import { wire } from "../../schemas/messages.ts";
import { hostSubject } from "../../schemas/subjects.ts";
import {
  cellRegion,
  type ControlJson,
  type MemoryCell,
  type MemoryCellOptions,
  startMemoryCell,
} from "../../test/support/memory-cell.ts";
import { eventually } from "../../test/support/until.ts";

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

test("B8.7 types tells each parameter with range, default and unit, and check says what spawn would do and does nothing", () =>
  withCell(async (cell) => {
    const told = await cell.control("types", {});
    const types = told.types ?? [];
    assert.ok(types.length >= 5, JSON.stringify(told));
    const schema = JSON.parse(
      types.find(({ type }) => type === "avellaneda-stoikov")?.schema ?? "",
    ) as {
      readonly properties: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
      readonly required: readonly string[];
    };
    assert.equal(schema.required, ["market"]);
    const { gamma, interval } = schema.properties;
    assert.equal([gamma?.["minimum"], gamma?.["maximum"], gamma?.["default"]], [0, 100, "0.1"]);
    assert.equal([interval?.["unit"], interval?.["default"]], ["ms", "500"]);
    assert.is((await cell.control("types", { type: "nobody" })).refusal?.code, "type_unknown");

    const checked = await eventually("the cell has shards", async () => {
      const reply = await cell.control("check", maker("m1"));
      return reply.refusal?.code === "no_cell" ? null : reply;
    });
    assert.is(checked.refusal, undefined, JSON.stringify(checked));
    assert.is(checked.actor?.state, "checked");
    assert.is(checked.actor?.parameters["kappa"], "1.5", "defaults are filled in");
    const wrong = await cell.control("check", maker("m1", { gamma: "1000" }));
    assert.is(wrong.refusal?.code, "parameters_invalid");
    assert.match(wrong.refusal?.reason ?? "", /gamma: from 0 to 100/);
    assert.is((await cell.control("describe", { id: "m1" })).refusal?.code, "not_found");

    assert.is((await spawned(cell, maker("m1"))).refusal, undefined);
    assert.is((await cell.control("check", maker("m1"))).repeated, true);
    const other = await cell.control("check", maker("m1", { gamma: "0.2" }));
    assert.is(other.refusal?.code, "duplicate_key");
  }));

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

test("the same spawn again has the same answer, another one under its key is refused", () =>
  withCell(async (cell) => {
    const [one, two] = await Promise.all([
      spawned(cell, maker("twice")),
      spawned(cell, maker("twice")),
    ]);
    assert.is(one.refusal ?? two.refusal, undefined);
    const third = await cell.control("spawn", maker("twice"));
    assert.equal(
      [one, two, third].map(({ actor }) => [actor?.id, actor?.shard, actor?.incarnation]),
      Array.from({ length: 3 }, () => ["twice", one.actor?.shard, one.actor?.incarnation]),
    );
    assert.is((await cell.control("list", {})).actors?.length, 1);
    const other = await cell.control("spawn", maker("twice", { gamma: "0.2" }));
    assert.is(other.refusal?.code, "duplicate_key");
    assert.ok((other.refusal?.next ?? "") !== "");
    const kind = await cell.control("spawn", { ...maker("twice"), type: "gueant-lehalle-tapia" });
    assert.is(kind.refusal?.code, "duplicate_key");
  }));

test("B7.7 a cell whose actor has a newer owner in its log says that the shard is between two cells, and to ask again", () =>
  withCell(async (cell) => {
    const { actor } = await spawned(cell, maker("moved"));
    await quoting(cell, actor?.id ?? "");
    // As another cell that has taken the shard while this one has not heard of it.
    const { journal, keys } = cell.bus;
    const elsewhere = new ReplicatedEventLog({ journal, keys, region: cellRegion });
    const taken = async (): Promise<true | null> => {
      const log = "market-maker.moved";
      const read = await elsewhere.read(log, 0, 1_000);
      const last = read.ok ? read.value.length : 0;
      const appended = await elsewhere.append(log, last, [], epoch(1_000));
      return appended.ok ? true : null;
    };
    await eventually("another owner has written", taken);
    const asked = await cell.control("send", { id: actor?.id, commandId: "p", verb: "pause" });
    assert.is(asked.refusal?.code, "unavailable");
    assert.match(asked.refusal?.next ?? "", /ask again/);
  }));

test("what cannot be spawned or steered is refused with what to do next", () =>
  withCell(
    async (cell) => {
      await spawned(cell, maker("only"));
      const cases: readonly (readonly [string, Parameters<MemoryCell["control"]>[0], object])[] = [
        ["type_unknown", "spawn", { ...maker("a"), type: "martingale" }],
        ["parameters_invalid", "spawn", maker("a", { gamma: "-1" })],
        ["parameters_invalid", "spawn", maker("a", { gama: "0.1" })],
        ["parameters_invalid", "spawn", maker("a", { market: "NONE" })],
        ["parameters_invalid", "spawn", maker("a", { quantity: "15" })],
        ["parameters_invalid", "spawn", maker("a", { account: "0" })],
        ["no_cell", "spawn", maker("a")],
        ["malformed", "spawn", { ...maker("a"), more: 1 }],
        ["malformed", "spawn", maker("a.b")],
        ["not_found", "stop", { id: "nobody" }],
        ["not_found", "restart", { id: "nobody" }],
        ["not_found", "describe", { id: "nobody" }],
        ["not_found", "watch", { id: "nobody" }],
        ["not_found", "send", { id: "nobody", commandId: "c", verb: "pause" }],
        ["malformed", "send", { id: "only", commandId: "c", verb: "explode" }],
        ["not_in_phase", "send", { id: "only", commandId: "c", verb: "resume" }],
      ];
      await eventually("the lease tells of the one actor", async () => {
        const reply = await cell.control("spawn", maker("a"));
        return reply.refusal?.code === "no_cell" ? reply : null;
      });
      for (const [code, verb, request] of cases) {
        const { refusal } = await cell.control(verb, request);
        assert.is(refusal?.code, code, JSON.stringify([verb, request]));
        assert.ok((refusal?.next ?? "") !== "", code);
      }
      const { refusals } = await cell.report();
      assert.ok((refusals["parameters_invalid"] ?? 0) >= 5, "refusals are counted");
    },
    { hosting: { capacity: 1 } },
  ));

test("the bound of the region is told apart from the room in its cells", () =>
  withCell(
    async (cell) => {
      await spawned(cell, maker("one"));
      const reply = await cell.control("spawn", maker("two"));
      assert.is(reply.refusal?.code, "limit_reached");
    },
    { hosting: { maximumActors: 1 } },
  ));

test("a pause cancels the quotes, is done once per command id, and a resume brings them back", () =>
  withCell(async (cell) => {
    await spawned(cell, maker("p1"));
    await quoting(cell, "p1");
    const pause = { id: "p1", commandId: "c1", verb: "pause" };
    assert.is((await cell.control("send", pause)).refusal, undefined);
    assert.is((await cell.control("send", pause)).refusal, undefined, "a resend");
    const clash = await cell.control("send", { ...pause, verb: "resume" });
    assert.is(clash.refusal?.code, "command_id_reused");
    await eventually("nothing rests", async () => {
      const actor = await described(cell, "p1");
      return actor?.state === "paused" && !actor.strategy?.bid && !actor.strategy?.ask
        ? true
        : null;
    });
    await cell.control("send", { id: "p1", commandId: "c2", verb: "resume" });
    await quoting(cell, "p1");
  }));

test("an idle actor is put away, and the next message activates it with its state", () =>
  withCell(
    async (cell) => {
      await spawned(cell, maker("idle"));
      await quoting(cell, "idle");
      const running = (): boolean =>
        cell.cell.system.tree().some(({ path }) => path.endsWith("/strategies/idle"));
      await cell.control("send", { id: "idle", commandId: "c1", verb: "pause" });
      await eventually("it is put away", async () => (running() ? null : true));
      assert.is((await described(cell, "idle"))?.state, "paused");
      await cell.control("send", { id: "idle", commandId: "c2", verb: "resume" });
      assert.ok(running());
      await quoting(cell, "idle");
    },
    { hosting: { passivateAfter: durationNs(300_000_000) } },
  ));

test("a TWAP works its parent order to the end and is done", () =>
  withCell(async (cell) => {
    const commands = [order(1, "sell", 5_000, 1_000)];
    for (const command of commands) command.place.timeInForce = TimeInForce.TIME_IN_FORCE_DAY;
    await cell.submit("TEST", { session: 9, commands });
    const reply = await spawned(cell, {
      key: "t1",
      type: "twap",
      parameters: {
        market: "TEST",
        account: "78",
        side: "buy",
        quantity: "600",
        duration: "1",
        slices: "6",
        interval: "100",
      },
    });
    assert.is(reply.refusal, undefined, JSON.stringify(reply));
    const done = await eventually("it is done", async () => {
      const actor = await described(cell, "t1");
      return actor?.state === "done" ? actor : null;
    });
    assert.is(done.execution?.executed, 600);
    assert.is(done.execution?.paid, String(-600 * 5_000));
    assert.is((await cell.control("restart", { id: "t1" })).refusal?.code, "actor_stopped");
    assert.is((await cell.control("stop", { id: "t1" })).actor?.state, "stopped");
  }));

/** How many shards the cell's lease says it owns. */
async function shardsOf(cell: MemoryCell): Promise<number> {
  const leases = await cell.client.keys.list("LEASE", "cell.eu-central.");
  if (!leases.ok) return 0;
  const own = [...leases.value].find(([key]) => key.endsWith(`.${cell.name}`));
  if (own === undefined) return 0;
  return wire.region.v1.CellLease.decode(own[1].value).actors?.shards?.length ?? 0;
}

/** A cell with the market, which hosts no actors, and two that host actors only; one broker. */
async function withThree(
  body: (home: MemoryCell, one: MemoryCell, two: MemoryCell) => Promise<void>,
): Promise<void> {
  const broker = new MemoryBroker();
  const home = await startMemoryCell({ broker, name: "home", hosting: { capacity: 0 } });
  const started = [home];
  try {
    await home.ready();
    for (const name of ["one", "two"]) {
      started.push(await startMemoryCell({ broker, name, servesMarkets: false }));
    }
    const [, one, two] = started;
    if (one === undefined || two === undefined) throw new Error("three cells");
    // Both know of each other, and each has its shards, before anything is spawned.
    await eventually("both have shards", async () => {
      const [first, second] = await Promise.all([one, two].map((cell) => shardsOf(cell)));
      return first !== undefined &&
        second !== undefined &&
        first + second === 16 &&
        first * second > 0
        ? true
        : null;
    });
    for (const key of ["pair-1", "pair-2"]) {
      const reply = await spawned(home, maker(key, {}, { antiAffinity: "pair" }));
      assert.is(reply.refusal, undefined, JSON.stringify(reply));
    }
    await body(home, one, two);
  } finally {
    for (const cell of started.reverse()) await cell.stop();
  }
}

const pad = (shard: number): string => String(shard).padStart(2, "0");
const refusalOf = (payload: Uint8Array | null): string =>
  wire.risk.v1.RiskLimitReply.decode(payload ?? new Uint8Array()).refusal?.code ?? "accepted";

const staleRefusals = async (home: MemoryCell): Promise<number> =>
  (await home.report()).markets[0]?.refusals["stale_epoch"] ?? 0;

test("actors of one word run in different cells, and one more of them than there are cells nowhere", () =>
  withThree(async (home) => {
    const pair = (await home.control("list", {})).actors ?? [];
    assert.equal(pair.map(({ cell }) => cell).sort(), ["one", "two"]);
    const third = await home.control("spawn", maker("pair-3", {}, { antiAffinity: "pair" }));
    assert.is(third.refusal?.code, "no_cell");
    assert.match(third.refusal?.reason ?? "", /pair/);
  }));

test("B8.4 a cell that is asked for an actor of a shard which it does not have says so as what passes", () =>
  withThree(async (home, one, two) => {
    const { actors = [] } = await home.control("list", {});
    assert.is(actors.length, 2);
    for (const { id, cell } of actors) {
      const other = cell === one.name ? two.name : one.name;
      const request = new TextEncoder().encode(JSON.stringify({ id }));
      const reply = await home.raw(hostSubject("eu-central", other, "describe"), request);
      const { refusal } = JSON.parse(new TextDecoder().decode(reply ?? undefined)) as ControlJson;
      assert.is(refusal?.code, "unavailable", refusal?.reason);
    }
  }));

test("B6.2 a lost cell's actors come back in another within 5 s, with their state; when it wakes up it trades nothing", () =>
  withThree(async (home, one) => {
    const listed = (await home.control("list", {})).actors ?? [];
    const victim = listed.find(({ cell }) => cell === "one");
    assert.ok(victim);
    const before = await quoting(home, victim.id);
    const price = before.strategy?.bid?.price ?? 0;
    const hit = await home.submit("TEST", {
      session: 9,
      commands: [order(1, "sell", price, 100)],
    });
    assert.is(hit.outcomes[0]?.executed, 100);
    // Like a frozen process: no lease, no requests, and it knows nothing of it.
    one.bus.setConnected(false);
    const lost = Date.now();
    const after = await eventually("it is back elsewhere", async () => {
      const actor = await described(home, victim.id);
      return actor?.cell === "two" && actor.strategy?.bid && actor.strategy.ask ? actor : null;
    });
    assert.ok(Date.now() - lost < 5_000, `${Date.now() - lost} ms`);
    assert.ok(after.incarnation > before.incarnation);
    const inventories = await eventually("the fill is known", async () => {
      const found = (await home.control("list", {})).actors ?? [];
      const sum = found.reduce((total, { strategy }) => total + (strategy?.inventory ?? 0), 0);
      return sum === 100 ? found : null;
    });
    assert.ok(inventories.every(({ cell }) => cell === "two"));
    const sender = { actor: "a", shard: `act-eu-central-${pad(victim.shard)}`, incarnation: 1 };
    const steer = { id: victim.id, commandId: "s1", verb: "pause" };
    const refused = await home.control("send", { ...steer, sender });
    assert.is(refused.refusal?.code, "stale_epoch", "executions and strategies refuse it as well");
    const unborn = { ...sender, incarnation: after.incarnation + 1 };
    const early = await home.control("send", { ...steer, sender: unborn });
    assert.is(early.refusal?.code, "not_owner", "nobody has that incarnation yet");
    const reserve = (incarnation: number): Promise<Uint8Array | null> =>
      home.raw(
        "act.eu-central.risk-limit.acc.reserve",
        wire.risk.v1.Reserve.encode({
          commandId: "r1",
          quantity: 1,
          sender: { ...sender, incarnation },
        }).finish(),
      );
    assert.is(refusalOf(await reserve(1)), "stale_epoch", "a risk limit refuses it");
    assert.is(refusalOf(await reserve(after.incarnation)), "not_found", "the present one is heard");
    const stale = await staleRefusals(home);
    one.bus.setConnected(true);
    await eventually("the old incarnation is refused", async () =>
      (await staleRefusals(home)) > stale ? true : null,
    );
    // It joins again, and gets shards again.
    await eventually("it hosts again", async () => {
      const found = (await home.control("list", {})).actors ?? [];
      return found.some(({ cell }) => cell === "one") ? true : null;
    });
  }));

test("B8.4 a drained cell's actors move with their orders, and none of their commands is lost or done twice", () =>
  withThree(async (home, one, two) => {
    const ids = ((await home.control("list", {})).actors ?? []).map(({ id }) => id);
    for (const id of ids) await quoting(home, id);
    await one.cell.drain();
    const moved = await eventually("all are in the other cell and quote", async () => {
      const found = (await two.control("list", {})).actors ?? [];
      const all = found.every(
        ({ cell, strategy }) => cell === "two" && strategy?.bid && strategy.ask,
      );
      return all && found.length === ids.length ? found : null;
    });
    // All makers have one account here: what rests is what their ledgers say, quote by quote.
    await eventually("what rests is what the ledgers say", async () => {
      const reply = await home.raw(
        "cmd.eu-central.TEST.orders",
        wire.market.v1.OrdersRequest.encode({ account: 77 }).finish(),
      );
      const { orders } = wire.market.v1.OrdersReply.decode(reply ?? new Uint8Array());
      return orders.length === 2 * moved.length ? true : null;
    });
    assert.is(await staleRefusals(home), 0);
  }));

test.run();
