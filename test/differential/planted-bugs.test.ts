import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { repository } from "../support/shared-data.ts";
import { Market } from "../../native/portable/market.ts";
import { seed } from "../support/seed.ts";
import { testUnless } from "../support/skip.ts";
import type { ComparedMarket } from "./comparison.ts";
import {
  findDisagreement,
  firstDifference,
  generateRun,
  missingCompiler,
  runMarket,
} from "./comparison.ts";
import { profiles } from "./profiles.ts";

/** Bugs put into the twin's source, one at a time: the comparison has to see each of them. */

const test = suite("planted bugs");

interface PlantedBug {
  readonly title: string;
  readonly file: string;
  readonly before: string;
  readonly after: string;
}

const bugs: readonly PlantedBug[] = [
  {
    title: "an iceberg that shows anew keeps its priority",
    file: "engine-state.ts",
    before: "    order.shown = shown;\n    order.priority = this.sequence;",
    after: "    order.shown = shown;\n    order.priority ||= this.sequence;",
  },
  {
    title: "the youngest order at a price trades first",
    file: "book.ts",
    before: "for (const order of level.orders) if (visit(order)) return order;",
    after: "for (const order of level.orders.toReversed()) if (visit(order)) return order;",
  },
  {
    title: "an order trades with a price one tick beyond its limit",
    file: "book.ts",
    before: "better(opposite(side), level.price, limit)",
    after: "better(opposite(side), level.price - 1, limit)",
  },
  {
    title: "a fok order is filled in part",
    file: "matching.ts",
    before: "executable(engine, order, limit) < order.lots)",
    after: "executable(engine, order, limit) === 0)",
  },
  {
    title: "the slot freed first is taken first",
    file: "order-ids.ts",
    before: "this.#freed.pop()",
    after: "this.#freed.shift()",
  },
  {
    title: "cancel does not look at the account",
    file: "replacing.ts",
    before: "return order.account === command.account ? order : refusals.order_not_yours;",
    after: "return order;",
  },
  {
    title: "the pool takes one order too many",
    file: "placing.ts",
    before: "engine.orders.size >= conf.orderCapacity;",
    after: "engine.orders.size > conf.orderCapacity;",
  },
  {
    title: "a refused command is not remembered by its session",
    file: "market.ts",
    before: "const outcome = this.#process(command, time);",
    after:
      "const outcome = this.#process(command, time);\n    if (outcome.refusal !== 0) return true;",
  },
  {
    title: "the session that was made first is forgotten, not the one used longest ago",
    file: "sessions.ts",
    before: "session.lastSequence = outcome.sequence;",
    after: "session.lastSequence ||= outcome.sequence;",
  },
  {
    title: "a halted market takes replacements",
    file: "replacing.ts",
    before: "if (engine.state === marketStates.halted) return refusedWith(refusals.market_halted);",
    after: "",
  },
  {
    title: "the band leaves out its highest price",
    file: "placing.ts",
    before: "price > bandHigh ?",
    after: "price >= bandHigh ?",
  },
  {
    title: "the touch is not sent when only the quantity at the best bid changed",
    file: "market.ts",
    before: "      bid.quantity === told.bidQuantity &&\n",
    after: "",
  },
  {
    title: "decrement takes what is shown off an own iceberg, not all its lots",
    file: "matching.ts",
    before: "const lots = Math.min(order.lots, candidate.lots);",
    after: "const lots = Math.min(order.lots, candidate.shown || candidate.lots);",
  },
  {
    title: "hidden orders trade before lit ones at their price",
    file: "book.ts",
    before: "better(side, other.price, level.price))",
    after: "!better(side, level.price, other.price))",
  },
  {
    title: "a random refresh draws from one size too many",
    file: "resting.ts",
    before: "engine.random.below(2 * order.display - 1)",
    after: "engine.random.below(2 * order.display)",
  },
  {
    title: "a reduce-only order that is hit is not cut to its position",
    file: "matching.ts",
    before: "  if (!cutToPosition(engine, candidate)) return;\n",
    after: "",
  },
  {
    title: "conditional orders count as executable",
    file: "candidates.ts",
    before: "      !isConditional(candidate) && !isReduceOnly(candidate)",
    after: "      !isReduceOnly(candidate)",
  },
  {
    title: "stops look at the last trade of a step alone",
    file: "stops.ts",
    before: "isStop(order) && satisfied(order, low, high))",
    after: "isStop(order) && satisfied(order, last, last))",
  },
  {
    title: "a trailing distance in basis points is rounded up",
    file: "stops.ts",
    before: "Math.floor((extreme * distance) / BPS)",
    after: "Math.ceil((extreme * distance) / BPS)",
  },
  {
    title: "a selling mid peg is rounded down",
    file: "pegs.ts",
    before: "Math.ceil((bid + ask) / 2)",
    after: "Math.floor((bid + ask) / 2)",
  },
  {
    title: "the aggressor's partner survives its trade",
    file: "links.ts",
    before: "if (!traded) cancelPartner(engine, aggressor);",
    after: "if (!traded) return;",
  },
  {
    title: "a child is larger than what its parent executed",
    file: "links.ts",
    before: "if (child.lots > parent.executed) {",
    after: "if (child.lots > parent.executed + 1) {",
  },
  {
    title: "the uncross takes the lower of two equally near prices",
    file: "auction.ts",
    before: "distance(one) <= distance(found)",
    after: "distance(one) < distance(found)",
  },
  {
    title: "one message too many fits into a window",
    file: "risk.ts",
    before: "countedIn(messages, engine.time) >= messageRate",
    after: "countedIn(messages, engine.time) > messageRate",
  },
  {
    title: "an order expires a second late",
    file: "work.ts",
    before: "expiry <= seconds)",
    after: "expiry < seconds)",
  },
  {
    title: "a sweep takes orders that came after it",
    file: "work.ts",
    before: "order.entry <= sweep.passed || order.entry >= sweep.before",
    after: "order.entry <= sweep.passed",
  },
  {
    title: "work ends a step early",
    file: "work.ts",
    before: "export const WORK_STEPS = 64;",
    after: "export const WORK_STEPS = 63;",
  },
  {
    title: "a breaker stops at the edge of its prices",
    file: "breakers.ts",
    before: "price <= allowed.high)",
    after: "price < allowed.high)",
  },
  {
    title: "the worst discretionary price comes first",
    file: "candidates.ts",
    before: "better(side, own, discretionaryPrice(found))",
    after: "better(side, discretionaryPrice(found), own)",
  },
  {
    title: "the end of the day leaves orders for the close",
    file: "market-states.ts",
    before: "  timesInForce.day,\n  timesInForce.at_open,\n  timesInForce.at_close,\n",
    after: "  timesInForce.day,\n  timesInForce.at_open,\n",
  },
  {
    title: "a bust forgets the seller",
    file: "administration.ts",
    before: "  seller.position += lots;\n",
    after: "",
  },
  {
    title: "the position limit does not count open orders",
    file: "risk.ts",
    before: "held + open + order.lots",
    after: "held + order.lots",
  },
  {
    title: "an oldest-first own order counts as executable",
    file: "candidates.ts",
    before: "return selfTradeMode(order) !== selfTradeModes.oldest;",
    after: "return selfTradeMode(order) === selfTradeModes.newest;",
  },
  {
    title: "a repriced post-only order stops two ticks away",
    file: "matching.ts",
    before: "moreAggressive(opposite(order.side), other.at, 1)",
    after: "moreAggressive(opposite(order.side), other.at, 2)",
  },
];

/** The market of a copy of the twin that has the bug. The text before it must be there exactly once. */
async function marketWith(
  bug: PlantedBug,
): Promise<{ create: () => ComparedMarket; remove: () => Promise<void> }> {
  const source = join(repository, "native", "portable");
  const folder = await mkdtemp(join(tmpdir(), "planted-bug-"));
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  for (const name of await readdir(source)) {
    if (!name.endsWith(".ts") || name.endsWith(".test.ts")) continue;
    let text = await readFile(join(source, name), "utf8");
    if (name === bug.file) {
      assert.is(text.split(bug.before).length, 2, `${name} no longer holds: ${bug.before}`);
      text = text.replace(bug.before, () => bug.after);
    }
    text = text.replaceAll(/(from ")((?:\.\.\/)+[^"]+)"/g, (_, start: string, path: string) => {
      return `${start}${pathToFileURL(join(dirname(join(source, name)), path)).href}"`;
    });
    await writeFile(join(folder, name), text);
  }
  const module = (await import(pathToFileURL(join(folder, "market.ts")).href)) as {
    Market: new () => ComparedMarket;
  };
  return { create: () => new module.Market(), remove: () => rm(folder, { recursive: true }) };
}

const COMMANDS = 8_000;
const first = seed(1);
const runs = profiles.map((profile) => generateRun(profile, first, COMMANDS));

for (const bug of bugs) {
  test(`the comparison finds it when ${bug.title}`, async () => {
    const { create, remove } = await marketWith(bug);
    try {
      const found = runs.some(
        ({ commands, output }) => firstDifference(output, runMarket(commands, create())) !== null,
      );
      assert.ok(found, `SEED=${first}: not found`);
    } finally {
      await remove();
    }
  });
}

test("a copy of the twin without a bug does not differ", async () => {
  const line = "return this.#engine.orders.size;";
  const { create, remove } = await marketWith({
    title: "",
    file: "market.ts",
    before: line,
    after: line,
  });
  try {
    for (const { commands, output } of runs) {
      assert.is(firstDifference(output, runMarket(commands, create())), null);
    }
  } finally {
    await remove();
  }
});

testUnless(
  test,
  missingCompiler,
  "a disagreement is told with a short stream that shows it",
  async () => {
    const bug = bugs.find(({ title }) => title.startsWith("the touch is not sent"));
    const [run] = runs;
    if (bug === undefined || run === undefined) throw new Error("no bug or no run");
    const { create, remove } = await marketWith(bug);
    try {
      const wrong = { commands: run.commands, output: runMarket(run.commands, create()) };
      const told = (await findDisagreement(wrong, create, false)) ?? "they agree";
      const length = Number(/shrunk to (\d+) commands/.exec(told)?.[1]);
      assert.ok(length >= 3 && length <= 8, told);
      assert.match(told, /^step=\d+\n/);
      assert.match(told, /\ntwin: {3}open=\d+( work)? digest=[0-9a-f]{16}\n/);
      assert.match(told, /\nnative: open=\d+( work)? digest=[0-9a-f]{16}\n/);
      assert.is(await findDisagreement(run, () => new Market(), true), null);
    } finally {
      await remove();
    }
  },
);

test.run();
