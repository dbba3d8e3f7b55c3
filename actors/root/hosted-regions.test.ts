import { suite } from "uvu";
import * as assert from "uvu/assert";

import {
  type ActorJson,
  type MemoryCell,
  startMemoryCell,
} from "../../test/support/memory-cell.ts";
import { Desk, wide } from "../../test/support/risk-desk.ts";
import { until } from "../../test/support/until.ts";
import { directoryBucket, drainDirectoryKey } from "../../schemas/subjects.ts";
import { MemoryBroker } from "../bus/memory.ts";
import { encodeDrain } from "../region/codec.ts";

/** A region that has lost its cells for actors: another region's cell hosts them, and gives them back. */
const test = suite("actors of another region");

const parameters = {
  market: "TEST",
  account: "77",
  quantity: "100",
  interval: "100",
  reference: "5000",
};

/** What a region answers while its cells do not host actors yet, or do not know each other. */
const passing: ReadonlySet<string> = new Set(["no_cell", "unavailable"]);

/** Spawns the maker as soon as there is a cell that takes it. */
async function spawned(home: MemoryCell): Promise<void> {
  const request = { key: "maker", type: "avellaneda-stoikov", parameters };
  await until("a cell takes it", async () => {
    const answer = await home.control("spawn", request).catch(() => null);
    if (answer === null || passing.has(answer.refusal?.code ?? "")) return false;
    assert.is(answer.refusal, undefined);
    return true;
  });
}

/** Null while nobody answers. */
const described = async (home: MemoryCell): Promise<ActorJson | null> => {
  const answer = await home.control("describe", { id: "maker" }).catch(() => null);
  return answer?.actor ?? null;
};

/** `above`: of the incarnation; what an ended one still says does not count. */
async function quotingIn(home: MemoryCell, cell: string, above = 0): Promise<ActorJson> {
  let seen: ActorJson | null = null;
  await until(`it quotes in ${cell}`, async () => {
    seen = await described(home);
    const quotes = seen?.state === "working" && Boolean(seen.strategy?.bid);
    return quotes && seen?.cell === cell && seen.incarnation > above;
  });
  if (seen === null) throw new Error("it is gone");
  return seen;
}

test("B8.2 B5.3 strategies and risk limits of a region without a cell run in another region's, and come home", async () => {
  const broker = new MemoryBroker();
  const home = await startMemoryCell({ broker, name: "home", hosting: { capacity: 0 } });
  const started = [home];
  try {
    await home.ready();
    const one = await startMemoryCell({ broker, name: "one", servesMarkets: false });
    started.push(one);
    const desk = new Desk(home);
    await desk.open();
    const abroad = await startMemoryCell({
      broker,
      region: "us-east",
      name: "abroad",
      servesMarkets: false,
    });
    started.push(abroad);
    assert.ok((await abroad.cell.hostActorsOf("eu-central")).ok);
    assert.is((await abroad.cell.hostActorsOf("us-east")).ok, false);
    await spawned(home);
    const before = await quotingIn(home, "one");
    await desk.define("people", "strategy", "account-77");
    await desk.allow("people", wide);
    assert.is(await desk.reserve("people", 5, "once"), "done");

    one.bus.setConnected(false);
    const away = await quotingIn(home, "us-east_abroad", before.incarnation);
    assert.ok((away.strategy?.sent ?? 0) >= (before.strategy?.sent ?? 0), "it counts on");
    assert.is(await desk.reserve("people", 5, "once"), "done");
    const { outcome } = await desk.ask("people", { type: "describe" });
    assert.is(outcome.reserved, 5);

    one.bus.setConnected(true);
    const back = await quotingIn(home, "one", away.incarnation);
    assert.is((await desk.ask("people", { type: "describe" })).outcome.reserved, 5);
    await abroad.cell.leaveActorsOf("eu-central");
    assert.is((await quotingIn(home, "one")).incarnation, back.incarnation);
  } finally {
    for (const cell of started.reverse()) await cell.stop();
  }
});

test("B9.4 B8.2 a region's actors are moved to another one and home again, with their state", async () => {
  const broker = new MemoryBroker();
  const home = await startMemoryCell({ broker, name: "home" });
  const started = [home];
  try {
    await home.ready();
    const desk = new Desk(home);
    await desk.open();
    const abroad = await startMemoryCell({
      broker,
      region: "us-east",
      name: "abroad",
      servesMarkets: false,
      hosting: { hosts: ["eu-central"] },
    });
    started.push(abroad);
    await spawned(home);
    const before = await quotingIn(home, "home");
    await desk.define("people", "strategy", "account-77");
    await desk.allow("people", wide);
    assert.is(await desk.reserve("people", 5, "once"), "done");

    const nowhere = await home.cell.moveActorsOf("eu-central", "ap-south", "f0");
    assert.is(nowhere.ok ? "" : nowhere.failure.code, "not_permitted");
    const moved = await home.cell.moveActorsOf("eu-central", "us-east", "f1");
    assert.ok(moved.ok, JSON.stringify(moved));
    const away = await quotingIn(home, "us-east_abroad", before.incarnation);
    assert.ok((away.strategy?.sent ?? 0) >= (before.strategy?.sent ?? 0), "it counts on");
    // The same command id again: what was reserved once stays reserved once.
    assert.is(await desk.reserve("people", 5, "once"), "done");
    assert.is((await desk.ask("people", { type: "describe" })).outcome.reserved, 5);

    assert.ok((await abroad.cell.moveActorsOf("eu-central", "eu-central", "f2")).ok);
    await quotingIn(home, "home", away.incarnation);
    assert.is((await desk.ask("people", { type: "describe" })).outcome.reserved, 5);
  } finally {
    for (const cell of started.reverse()) await cell.stop();
  }
});

test("B9.1 B8.2 actors whose region is cut off are taken by themselves, and stay until they are moved home", async () => {
  const broker = new MemoryBroker();
  const home = await startMemoryCell({ broker, name: "home", hosting: { capacity: 0 } });
  const started = [home];
  try {
    await home.ready();
    const one = await startMemoryCell({ broker, name: "one", servesMarkets: false });
    started.push(one);
    const abroad = await startMemoryCell({
      broker,
      region: "us-east",
      name: "abroad",
      servesMarkets: false,
      hosting: { hosts: ["eu-central"] },
    });
    started.push(abroad);
    await spawned(home);
    const before = await quotingIn(home, "one");

    one.bus.setConnected(false);
    const away = await quotingIn(home, "us-east_abroad", before.incarnation);
    one.bus.setConnected(true);
    // It has its lease again, and would have the shards at its next look but for the seat.
    await until("the cell is back under a new lease", async () => {
      const { incarnation } = await one.report();
      return incarnation >= 2;
    });
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    assert.is((await quotingIn(home, "us-east_abroad")).incarnation, away.incarnation);
    assert.ok((await home.cell.moveActorsOf("eu-central", "eu-central", "back")).ok);
    await quotingIn(home, "one", away.incarnation);
  } finally {
    for (const cell of started.reverse()) await cell.stop();
  }
});

test("B9.4 B9.1 actors whose region is cut off are not taken by a region that is drained", async () => {
  const broker = new MemoryBroker();
  const home = await startMemoryCell({ broker, name: "home", hosting: { capacity: 0 } });
  const started = [home];
  try {
    await home.ready();
    const written = await home.bus.keys.compareAndSet(
      directoryBucket,
      drainDirectoryKey("ap-south"),
      encodeDrain({
        region: "ap-south",
        drained: true,
        by: "operator",
        approvedBy: "approver",
        reason: "works",
        sinceUnixMs: 1,
      }),
      0,
    );
    assert.ok(written.ok);
    for (const region of ["eu-central", "ap-south", "us-east"]) {
      const hosting = region === "eu-central" ? {} : { hosts: ["eu-central"] };
      started.push(
        await startMemoryCell({ broker, region, name: "actors", servesMarkets: false, hosting }),
      );
    }
    const request = { key: "maker", type: "avellaneda-stoikov", parameters };
    await until("the cell hosts actors", async () => {
      const spawned = await home.control("spawn", request).catch(() => null);
      return spawned !== null && spawned.refusal === undefined;
    });
    const before = await quotingIn(home, "actors");
    started[1]?.bus.setConnected(false);
    await quotingIn(home, "us-east_actors", before.incarnation);
  } finally {
    for (const cell of started.reverse()) await cell.stop();
  }
});

test.run();
