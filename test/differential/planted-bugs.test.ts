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
    title: "a replaced order keeps the priority of the order it replaces",
    file: "market.ts",
    before: "if (rest > 0) this.#rest(taker, limit, rest);",
    after:
      "if (rest > 0) this.#book.insert({ orderId, account: old.account, side, price: limit, remaining: rest, priority: old.priority });",
  },
  {
    title: "the youngest order at a price trades first",
    file: "book.ts",
    before: "return level.orders[0];",
    after: "return level.orders.at(-1);",
  },
  {
    title: "an order trades with a price one tick beyond its limit",
    file: "book.ts",
    before: "if (limit !== null && better(side, limit, level.price)) return undefined;",
    after: "if (limit !== null && better(side, limit, level.price + 1)) return undefined;",
  },
  {
    title: "a fok order is filled in part",
    file: "market.ts",
    before: 'if (timeInForce === "fok" && !canFill) {',
    after: 'if (timeInForce === "fok" && !canFill && this.#book.size === 0) {',
  },
  {
    title: "the slot freed first is taken first",
    file: "order-ids.ts",
    before: "this.#freed.pop()",
    after: "this.#freed.shift()",
  },
  {
    title: "cancel does not look at the account",
    file: "market.ts",
    before: 'return order.account === command.account ? order : "order_not_yours";',
    after: "return order;",
  },
  {
    title: "the pool takes one order too many",
    file: "market.ts",
    before: "if (this.#book.size >= configuration.orderCapacity) {",
    after: "if (this.#book.size > configuration.orderCapacity) {",
  },
  {
    title: "a refused command is not remembered by its session",
    file: "market.ts",
    before: "const outcome = this.#process(command);",
    after: "const outcome = this.#process(command);\n      if (outcome.refusal !== null) return;",
  },
  {
    title: "the session that was made first is forgotten, not the one used longest ago",
    file: "sessions.ts",
    before: "session.lastSequence = outcome.sequence;",
    after: "session.lastSequence ||= outcome.sequence;",
  },
  {
    title: "a halted market takes replacements",
    file: "market.ts",
    before: 'if (this.#state === "halted") return "market_halted";',
    after: 'if (this.#state === "halted" && command.kind === 1) return "market_halted";',
  },
  {
    title: "the band leaves out its highest price",
    file: "market.ts",
    before: "command.price <= BigInt(configuration.bandHigh);",
    after: "command.price < BigInt(configuration.bandHigh);",
  },
  {
    title: "the touch is not sent when only the quantity at the best offer changed",
    file: "market.ts",
    before: "ask.price !== askBefore.price ||\n      ask.quantity !== askBefore.quantity",
    after: "ask.price !== askBefore.price",
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

const COMMANDS = 20_000;
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
  const line = "return this.#book.size;";
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
    const [bug] = bugs;
    const [run] = runs;
    if (bug === undefined || run === undefined) throw new Error("no bug or no run");
    const { create, remove } = await marketWith(bug);
    try {
      const wrong = { commands: run.commands, output: runMarket(run.commands, create()) };
      const told = (await findDisagreement(wrong, create, false)) ?? "they agree";
      const length = Number(/shrunk to (\d+) commands/.exec(told)?.[1]);
      assert.ok(length >= 3 && length <= 8, told);
      assert.match(told, /^step=\d+\n/);
      assert.match(told, /\ntwin: {3}resting=\d+ digest=[0-9a-f]{16}\n/);
      assert.match(told, /\nnative: resting=\d+ digest=[0-9a-f]{16}\n/);
      assert.is(await findDisagreement(run, () => new Market(), true), null);
    } finally {
      await remove();
    }
  },
);

test.run();
