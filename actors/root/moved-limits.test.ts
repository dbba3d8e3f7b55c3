import { suite } from "uvu";
import * as assert from "uvu/assert";

import { type MemoryCell, startMemoryCell } from "../../test/support/memory-cell.ts";
import { account, Desk, wide } from "../../test/support/risk-desk.ts";
import { until } from "../../test/support/until.ts";
import { MemoryBroker } from "../bus/memory.ts";
import { quantityLots } from "../kernel/units.ts";
import { paths } from "./tree.ts";

/** Risk limits live in shards that the cells of a region share, and move with them. */
const test = suite("moved risk limits");

const names = Array.from({ length: 8 }, (_, index) => `member-${index}`);

interface Region {
  readonly desk: Desk;
  readonly one: MemoryCell;
  readonly two: MemoryCell;
}

/** A cell with the market that hosts no actors, and two that host actors only. */
async function withRegion(body: (region: Region) => Promise<void>): Promise<void> {
  const broker = new MemoryBroker();
  const home = await startMemoryCell({ broker, name: "home", hosting: { capacity: 0 } });
  const started = [home];
  try {
    await home.ready();
    const one = await startMemoryCell({ broker, name: "one", servesMarkets: false });
    started.push(one);
    const two = await startMemoryCell({ broker, name: "two", servesMarkets: false });
    started.push(two);
    const desk = new Desk(home);
    await desk.open();
    await desk.define("acc", "account", "", account);
    await desk.allow("acc", wide);
    for (const name of names) {
      assert.is(await desk.define(name, "strategy", "acc"), "done");
      await desk.allow(name, { ...wide, maximumOpenQuantity: quantityLots(10) });
      assert.is(await desk.reserve(name, 4, `first-${name}`), "done");
    }
    await until("both cells have some", () =>
      Promise.resolve(hostedBy(one).length > 0 && hostedBy(two).length > 0),
    );
    await body({ desk, one, two });
  } finally {
    for (const cell of started.reverse()) await cell.stop();
  }
}

function hostedBy({ cell }: MemoryCell): readonly string[] {
  const children = cell.system.whichChildren(paths.risk("eu-central"));
  return children.ok ? children.value.map(({ id }) => id) : [];
}

test("B5.3 B6.2 a lost cell's risk limits come back in another with what they held", () =>
  withRegion(async ({ desk, one, two }) => {
    const moved = hostedBy(one);
    one.bus.setConnected(false);
    await until("the other cell has all of them", () =>
      Promise.resolve(moved.every((name) => hostedBy(two).includes(name))),
    );
    for (const name of names) {
      // A resend is known, so what was reserved is not reserved again.
      assert.is(await desk.reserve(name, 4, `first-${name}`), "done");
      const { outcome } = await desk.ask(name, { type: "describe" });
      assert.is(outcome.reserved, 4, name);
    }
    const { outcome } = await desk.ask("acc", { type: "describe" });
    assert.is(outcome.reserved, 4 * names.length);
    assert.is(await desk.reserve(names[0] ?? "", 7), "limit_exceeded");
    one.bus.setConnected(true);
    await until("each is in one cell again", () => {
      const both = hostedBy(one).filter((name) => hostedBy(two).includes(name));
      return Promise.resolve(both.length === 0 && hostedBy(one).length > 0);
    });
    for (const name of names) assert.is(await desk.reserve(name, 6), "done", name);
    assert.is(await desk.reserve(names[0] ?? "", 1), "limit_exceeded");
  }));

test("B5.3 B6.2 a stop that a lost cell's account has heard holds in the engine when it is back", () =>
  withRegion(async ({ desk, one, two }) => {
    await until("orders are taken", async () => (await desk.order(10)) === "rests 10");
    const owner = hostedBy(one).includes("acc") ? one : two;
    await desk.ask("acc", {
      type: "stop",
      commandId: desk.id(),
      reason: "the desk is closed",
      requestedBy: "operator",
    });
    owner.bus.setConnected(false);
    await until("the engine stops it, whoever tells it", async () => {
      return (await desk.order(10)) === "account_killed";
    });
    await until("it answers again, and is stopped", async () => {
      const payload = await desk.tell("acc", { type: "describe" });
      return payload?.outcome.stopped === "the desk is closed";
    });
    assert.is(await desk.reserve(names[0] ?? "", 1), "account_killed");
  }));

test("B5.3 one name writes an account's limits: another is refused and told which", () =>
  withRegion(async ({ desk }) => {
    const reply = await desk.ask("rival", {
      type: "define",
      commandId: desk.id(),
      requestedBy: "operator",
      scope: "account",
      parent: "",
      account,
      tradedOnly: false,
    });
    assert.is(reply.refusal?.code, "already_defined");
    assert.match(reply.refusal?.reason ?? "", /those of acc in eu-central/);
    assert.is(await desk.define("rival", "account", "", account + 1), "done");
  }));

test.run();
