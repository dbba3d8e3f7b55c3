import { suite } from "uvu";
import * as assert from "uvu/assert";

import type { Action, Outcome } from "../../schemas/sdk/orders.ts";
import { TwinExchange } from "../../test/support/engine-exchange.ts";
import type { MarketLimits } from "./engine-exchange.ts";
import { lobsterText, readBook, rehearse, textBytes } from "../../test/support/recorded-session.ts";
import type { Exchange } from "./exchange.ts";
import { replay } from "./session.ts";

const test = suite("replay of a session");

/** The twin, keeping the actions it was sent. */
class RecordingExchange implements Exchange {
  readonly actions: Action[] = [];
  readonly requests: number[] = [];
  readonly #twin: TwinExchange;

  constructor(limits: MarketLimits) {
    this.#twin = new TwinExchange(limits);
  }

  submit(actions: readonly Action[]): ReturnType<TwinExchange["submit"]> {
    this.actions.push(...actions);
    this.requests.push(actions.length);
    return this.#twin.submit(actions);
  }

  /** Resting orders of a side as price x size, best first, oldest first. */
  resting(side: "buy" | "sell", tick = 100): string[] {
    return this.#twin.market
      .restingOrders(side, 1000)
      .map((order) => `${order.price * tick}x${order.remaining}`);
  }
}

async function run(
  rows: readonly string[],
  how: { readonly levels?: number; readonly book?: readonly string[]; strict?: boolean } = {},
) {
  let exchange: RecordingExchange | undefined;
  const result = await rehearse(lobsterText(rows), {
    ...(how.levels === undefined ? {} : { levels: how.levels }),
    ...(how.strict === undefined ? {} : { strict: how.strict }),
    ...(how.book === undefined ? {} : { book: await readBook(textBytes(how.book.join("\n"))) }),
    exchange: (limits) => {
      exchange = new RecordingExchange(limits);
      return exchange;
    },
  });
  assert.equal(result.summary.refusals, {}, "no rule may lead to a refused command");
  return { ...result, exchange: exchange as RecordingExchange };
}

const kinds = (actions: readonly Action[]): string[] => actions.map((action) => action.kind);

test("orders, partial cancels and deletes become commands; hidden rows send nothing", async () => {
  const { summary, exchange } = await run([
    "1.0,1,11,100,10000,1",
    "1.1,1,12,50,10100,-1",
    "1.2,2,11,40,10000,1",
    "1.3,5,0,10,10050,1",
    "1.4,3,12,50,10100,-1",
    "1.5,6,-1,10,10050,1",
    "1.6,7,0,0,-1,-1",
  ]);
  assert.equal(kinds(exchange.actions), ["place", "place", "reduce", "cancel"]);
  assert.equal(exchange.resting("buy"), ["10000x60"]);
  assert.equal(exchange.resting("sell"), []);
  assert.is(summary.commands, 4);
  assert.is(summary.hidden, 1);
  assert.is(summary.crosses, 1);
  assert.is(summary.halts, 1);
  assert.is(summary.used, 7);
});

test("an execution is an immediate-or-cancel order of the other side from another account", async () => {
  const { summary, exchange } = await run(["1,1,11,100,10000,-1", "2,4,11,30,10000,-1"]);
  const [entry, execution] = exchange.actions;
  assert.ok(entry?.kind === "place" && execution?.kind === "place");
  assert.is(execution.side, "buy");
  assert.is(execution.timeInForce, "ioc");
  assert.is(execution.price, 10_000);
  assert.is(execution.quantity, 30);
  assert.is.not(execution.account, entry.account);
  assert.is(summary.executions.same, 1);
  assert.equal(exchange.resting("sell"), ["10000x70"]);
});

test("an order from outside the file is seeded with its later sizes before the next newer order", async () => {
  const { summary, exchange } = await run([
    "1,1,20,10,10000,1",
    "2,1,40,10,9900,1",
    "3,2,30,5,9800,1",
    "4,4,10,7,10000,1",
    "5,3,30,6,9800,1",
    "6,3,10,1,10000,1",
  ]);
  const sent = exchange.actions.slice(0, 4).map((action) => {
    assert.ok(action.kind === "place");
    return [action.price, action.quantity];
  });
  assert.equal(sent, [
    [10_000, 8],
    [10_000, 10],
    [9_800, 11],
    [9_900, 10],
  ]);
  assert.equal(summary.seeds, { beforeFirstRow: 1, later: 1 });
  assert.is(summary.executions.same, 1, "the seed was there first");
  assert.equal(exchange.resting("buy"), ["10000x10", "9900x10"]);
});

test("a file that starts mid-session seeds an order at its own row when nothing newer came", async () => {
  const { summary, exchange } = await run(["1,4,90,5,10000,1", "2,3,90,2,10000,1"]);
  assert.equal(kinds(exchange.actions), ["place", "place", "cancel"]);
  assert.equal(summary.seeds, { beforeFirstRow: 1, later: 0 });
  assert.is(summary.executions.same, 1);
  assert.is(summary.resting, 0);
});

test("when an older order is hit, it gets its size back at the end of its level", async () => {
  const { summary, exchange } = await run([
    "1,1,11,100,10000,1",
    "2,1,12,60,10000,1",
    "3,4,12,30,10000,1",
    "4,3,11,100,10000,1",
    "5,4,12,30,10000,1",
  ]);
  assert.is(summary.executions.visible, 2);
  assert.is(summary.executions.same, 1);
  assert.is(summary.executions.others.older_order_first, 1);
  assert.equal(summary.corrections, { cancels: 1, entries: 1, reductions: 1 });
  assert.is(summary.deletionsOfAnotherSize, 0);
  assert.is(summary.resting, 0);
  assert.equal(exchange.resting("buy"), []);
});

test("an order filled wrongly and entirely is entered again without a cancel", async () => {
  const { summary, exchange } = await run([
    "1,1,11,20,10000,1",
    "2,1,12,60,10000,1",
    "3,4,12,30,10000,1",
  ]);
  assert.is(summary.executions.others.older_order_first, 1);
  // 20 of order 11 and 10 of order 12 were hit: 11 comes back, 12 loses 20 more.
  assert.equal(summary.corrections, { cancels: 0, entries: 1, reductions: 1 });
  assert.equal(exchange.resting("buy"), ["10000x30", "10000x20"]);
});

test("an execution larger than what is left of its order is told apart", async () => {
  const { summary, exchange } = await run([
    "1,1,11,20,10000,1",
    "2,1,12,60,10000,1",
    "3,4,11,25,10000,1",
  ]);
  assert.is(summary.executions.others.larger_than_rest, 1);
  assert.equal(exchange.resting("buy"), ["10000x60"]);
  const alone = await run(["1,1,11,20,10000,1", "3,4,11,25,10000,1"]);
  assert.is(alone.summary.executions.others.unfilled, 1);
});

test("an execution of an order that is not in the book sends nothing", async () => {
  const { summary, exchange } = await run([
    "1,1,11,20,10000,1",
    "2,3,11,20,10000,1",
    "3,1,12,20,10000,1",
    "4,4,11,20,10000,1",
  ]);
  assert.is(summary.executions.others.not_resting, 1);
  assert.is(summary.skipped.not_resting, 1);
  assert.equal(exchange.resting("buy"), ["10000x20"]);
});

test("orders better priced than an execution on their side are gone and cancelled first", async () => {
  const { summary, exchange } = await run([
    "1,1,11,20,10100,1",
    "2,1,12,20,10000,1",
    "3,4,12,20,10000,1",
    "4,3,11,20,10100,1",
  ]);
  assert.is(summary.provenGone, 1);
  assert.is(summary.executions.same, 1);
  assert.is(summary.skipped.not_resting, 1);
  assert.is(exchange.actions.length, 4);
});

test("orders at or through a new order of the other side are gone and cancelled first", async () => {
  const { summary, exchange } = await run([
    "1,1,11,20,10100,-1",
    "2,1,12,20,10000,-1",
    "3,1,13,20,10200,-1",
    "4,1,14,20,10100,1",
  ]);
  assert.is(summary.provenGone, 2);
  assert.is(summary.trades, 0);
  assert.equal(exchange.resting("sell"), ["10200x20"]);
  assert.equal(exchange.resting("buy"), ["10100x20"]);
});

test("orders at or through a seeded order are gone too", async () => {
  const { summary, exchange } = await run([
    "1,1,11,20,10000,-1",
    "2,1,30,5,9000,1",
    "3,4,20,5,10000,1",
  ]);
  assert.is(summary.provenGone, 1);
  assert.is(summary.executions.same, 1);
  assert.equal(exchange.resting("sell"), []);
});

test("in a file of one level, orders better priced than any row of their side are gone", async () => {
  const rows = ["1,1,11,20,10100,1", "2,1,12,20,10000,1", "3,2,12,5,10000,1"];
  const one = await run(rows, { levels: 1 });
  assert.is(one.summary.provenGone, 1);
  assert.equal(one.exchange.resting("buy"), ["10000x15"]);
  const many = await run(rows, { levels: 5 });
  assert.is(many.summary.provenGone, 0);
  assert.equal(many.exchange.resting("buy"), ["10100x20", "10000x15"]);
});

test("an order executed at a better price than its limit is not gone, and is what is hit", async () => {
  const { summary, exchange } = await run(["1,1,11,20,10100,1", "2,4,11,5,10000,1"]);
  assert.is(summary.provenGone, 0);
  assert.is(summary.executions.same, 1);
  assert.equal(exchange.resting("buy"), ["10100x15"]);
});

test("an order proven gone that a later row is about enters again before that row", async () => {
  const { summary, exchange } = await run(
    ["1,1,11,20,10100,1", "2,1,12,20,10000,1", "3,4,11,5,10100,1"],
    { levels: 1 },
  );
  assert.equal([summary.provenGone, summary.cameBack], [1, 1]);
  assert.is(summary.executions.same, 1);
  assert.equal(exchange.resting("buy"), ["10100x15", "10000x20"]);
});

test("a deletion of an order proven gone sends nothing", async () => {
  const { summary, exchange } = await run(
    ["1,1,11,20,10100,1", "2,1,12,20,10000,1", "3,3,11,20,10100,1"],
    { levels: 1 },
  );
  assert.equal([summary.provenGone, summary.cameBack], [1, 0]);
  assert.is(summary.skipped.not_resting, 1);
  assert.equal(exchange.resting("buy"), ["10000x20"]);
});

test("a row of a file of two levels proves better orders gone when another one fills its room", async () => {
  const rows = [
    "1,1,11,20,10300,1",
    "2,1,12,20,10200,1",
    "3,1,13,20,10100,1",
    // 13 is among two levels: only one of 11 and 12 can be better, and 12 has a row to come.
    "4,2,13,5,10100,1",
    "5,3,12,20,10200,1",
  ];
  const two = await run(rows, { levels: 2 });
  assert.is(two.summary.provenGone, 1);
  assert.equal(two.exchange.resting("buy"), ["10100x15"]);
  const three = await run(rows, { levels: 3 });
  assert.is(three.summary.provenGone, 0);
  // Nothing says which of the two is gone.
  const silent = await run(rows.slice(0, 4), { levels: 2 });
  assert.is(silent.summary.provenGone, 0);
});

test("an order that a later row proves gone leaves when it is out of the file's range", async () => {
  const rows = [
    "1,1,11,20,10100,1",
    "2,1,12,20,10200,1",
    "3,3,12,20,10200,1",
    "4,1,13,7,10000,1",
    "5,2,13,2,10000,1",
  ];
  const { summary } = await run(rows, {
    levels: 1,
    book: [
      "9999999999,0,10100,20",
      "9999999999,0,10200,20",
      "9999999999,0,-9999999999,0",
      "9999999999,0,10000,7",
      "9999999999,0,10000,5",
    ],
  });
  assert.is(summary.book?.found, 5);
  assert.is(summary.provenGone, 1);
});

test("older orders from outside are seeded with one whose own row comes first", async () => {
  const { summary, exchange } = await run([
    "1,2,20,5,10000,1",
    "2,1,30,10,10000,1",
    "3,4,10,7,10000,1",
    "4,4,20,7,10000,1",
  ]);
  assert.equal(summary.seeds, { beforeFirstRow: 2, later: 0 });
  assert.is(summary.executions.same, 2, "the older one stands first");
  assert.equal(exchange.resting("buy"), ["10000x10"]);
});

/** A complete record of bids at three prices, the best one untouched, and its best bid row by row. */
const lowest = Array.from({ length: 60 }, (_, index) => {
  const row = index + 3;
  return index % 2 === 0 ? `${row},1,${row},5,10000,1` : `${row},3,${row - 1},5,10000,1`;
});
const completeRows = ["1,1,1,20,10200,1", "2,1,2,20,10100,1", ...lowest, "99,4,1,20,10200,1"];
const completeBook = completeRows.map((_, index) =>
  index < completeRows.length - 1 ? "9999999999,0,10200,20" : "9999999999,0,10100,20",
);

test("a number of levels that the rows contradict is not believed", async () => {
  // Twelve orders come one above the other and go from the best on: one level could not show that.
  const prices = Array.from({ length: 12 }, (_, index) => 10_000 + index * 100);
  const enter = prices.map((price, index) => `1,1,${index + 1},20,${price},1`).reverse();
  const leave = prices.map((price, index) => `2,3,${index + 1},20,${price},1`).reverse();
  const { summary } = await run([...enter, ...leave], { levels: 1 });
  assert.is(summary.provenGone, 0);
  assert.equal(summary.skipped, { duplicate_id: 0, not_resting: 0, unknown_order: 0 });
});

test("a best bid and offer for each row of a complete record is not a file of one level", async () => {
  for (const how of [{}, { levels: 1 }]) {
    const { summary } = await run(completeRows, { ...how, book: completeBook });
    assert.is(summary.provenGone, 0);
    assert.is(summary.book?.method, "row by row");
    assert.is(summary.book?.found, completeRows.length);
  }
});

test("a book of few levels with a row for each of the session tells the session's levels", async () => {
  const rows = ["1,1,11,20,10100,1", "2,1,12,20,10000,1", "3,1,13,20,9900,1"];
  const empty = "9999999999,0";
  const one = [`${empty},10100,20`, `${empty},10000,20`, `${empty},9900,20`];
  assert.is((await run(rows, { book: one })).summary.provenGone, 2);
  // The same rows with a second level: nothing says that the first order is gone.
  const two = [
    `${empty},10100,20,${empty},-${empty}`,
    `${empty},10100,20,${empty},10000,20`,
    `${empty},10000,20,${empty},9900,20`,
  ];
  const { summary } = await run(rows, { book: two });
  assert.is(summary.provenGone, 0);
});

test("a duplicate id is skipped and counted, and the first order keeps its place", async () => {
  const { summary, exchange } = await run(["1,1,11,20,10000,1", "2,1,11,90,10000,1"]);
  assert.is(summary.skipped.duplicate_id, 1);
  assert.equal(exchange.resting("buy"), ["10000x20"]);
});

test("a deletion of another size is counted and deletes", async () => {
  const { summary, exchange } = await run(["1,1,11,20,10000,1", "2,3,11,10,10000,1"]);
  assert.is(summary.deletionsOfAnotherSize, 1);
  assert.equal(exchange.resting("buy"), []);
});

test("malformed rows are skipped with their line number, or stop a strict replay", async () => {
  const rows = ["1,1,11,20,10000,1", "garbage", "3,1,12,20,9900,1"];
  const lenient = await run(rows);
  assert.is(lenient.summary.malformed, 1);
  assert.is(lenient.summary.faults[0]?.position, 2);
  assert.is(lenient.summary.resting, 2);
  assert.is(lenient.stopped, null);
  const strict = await run(rows, { strict: true });
  assert.is(strict.stopped?.code, "malformed_row");
  assert.match(strict.stopped?.reason ?? "", /^at 2:/);
  assert.is(strict.summary.resting, 1);
});

test("states are compared row by row when both files have as many rows", async () => {
  const rows = ["1,1,11,20,10000,1", "2,1,12,30,10100,-1", "3,4,11,20,10000,1"];
  const book = ["9999999999,0,10000,20", "10100,30,10000,20", "10100,30,-9999999999,0"];
  const right = await run(rows, { book });
  assert.equal(right.summary.book, {
    method: "row by row",
    states: 3,
    found: 3,
    malformed: 0,
    unknown: 0,
  });
  const wrong = await run(rows, { book: [book[0] ?? "", book[1] ?? "", "10100,30,10000,20"] });
  assert.is(wrong.summary.book?.found, 2);
});

test("else distinct states are looked for in order among the next 30 of the file", async () => {
  const rows = ["1,1,11,20,10000,1", "2,1,12,30,9900,1", "3,1,13,5,10000,1"];
  const filler = (count: number): string[] =>
    Array.from({ length: count }, (_, index) => `9999999999,0,20000,${index + 1}`);
  const near = await run(rows, {
    book: ["9999999999,0,10000,20", ...filler(29), "9999999999,0,10000,25"],
  });
  assert.equal(near.summary.book, {
    method: "distinct states in order",
    states: 2,
    found: 2,
    malformed: 0,
    unknown: 0,
  });
  const far = await run(rows, {
    book: ["9999999999,0,10000,20", ...filler(30), "9999999999,0,10000,25"],
  });
  assert.is(far.summary.book?.found, 1);
  const swapped = await run(rows, {
    book: ["9999999999,0,10000,25", "9999999999,0,10000,20"],
  });
  assert.is(swapped.summary.book?.found, 1, "a state before the last one found does not count");
});

test("the state after a row is the exchange's own, corrections included", async () => {
  const rows = ["1,1,11,100,10000,1", "2,1,12,60,10000,1", "3,4,12,30,10000,1"];
  const { summary } = await run(rows, {
    book: ["9999999999,0,10000,100", "9999999999,0,10000,160", "9999999999,0,10000,130"],
  });
  assert.is(summary.book?.found, 3);
});

test("commands are gathered into requests of at most 1,024", async () => {
  const rows = Array.from({ length: 2500 }, (_, index) => `1,1,${index + 1},10,10000,1`);
  const { exchange } = await run(rows);
  assert.equal(exchange.requests, [1024, 1024, 452]);
});

test("a refused command is counted and the replay goes on", async () => {
  const rows = lobsterText(["1,1,11,100,10000,1", "2,1,12,100,20000,1", "3,3,12,100,20000,1"]);
  const { summary, stopped } = await rehearse(rows, {
    exchange: (limits) => new TwinExchange({ ...limits, bandHigh: 15_000 }),
  });
  assert.is(stopped, null);
  assert.equal(summary.refusals, { price_out_of_band: 1 });
  assert.is(summary.skipped.not_resting, 1);
  assert.is(summary.resting, 1);
});

test("an exchange that gives no outcomes ends the replay with its reason", async () => {
  const failure = { code: "outcome_unknown", reason: "no reply came", next: "look" };
  const { stopped } = await rehearse(lobsterText(["1,1,11,100,10000,1"]), {
    exchange: () => ({ submit: async () => ({ ok: false, failure }) }),
  });
  assert.equal(stopped, failure);
});

test("the repeated outcome of a lost execution is taken as filled by time priority", async () => {
  let twin: TwinExchange | undefined;
  const { summary } = await rehearse(
    lobsterText([
      "1,1,11,40,10000,1",
      "2,1,12,60,10000,1",
      "3,4,12,50,10000,1",
      "4,3,12,10,10000,1",
    ]),
    {
      book: await readBook(textBytes("9999999999,0,10000,40\n9999999999,0,10000,100\n1,1,1,1\n")),
      exchange: (limits) => {
        twin = new TwinExchange(limits);
        const exchange = twin;
        return {
          submit: async (actions) => {
            const answer = await exchange.submit(actions);
            if (!answer.ok) return answer;
            const outcomes = answer.value.outcomes.map(
              (outcome): Outcome =>
                outcome.executed > 0
                  ? { ...outcome, fills: [], repeated: true, touch: null }
                  : outcome,
            );
            return { ok: true, value: { outcomes } };
          },
        };
      },
    },
  );
  assert.is(summary.executions.others.older_order_first, 1);
  assert.equal(summary.refusals, {});
  assert.is(summary.deletionsOfAnotherSize, 0);
  assert.equal(
    twin?.market.restingOrders("buy", 9).map((order) => order.remaining),
    [40],
  );
});

test("a replay that is stopped says so and leaves what it sent", async () => {
  const source = lobsterText(["1,1,11,100,10000,1"]);
  const limits = {
    tick: 100,
    bandLow: 100,
    bandHigh: 20_000,
    maximumQuantity: 1000,
    orderCapacity: 10,
  };
  const { survey } = await import("./survey.ts");
  const { stopped, summary } = await replay({
    source,
    survey: await survey(source),
    exchange: new TwinExchange(limits),
    participants: 1,
    aggressor: 2,
    range: null,
    check: null,
    strict: false,
    pace: null,
    isStopped: () => true,
  });
  assert.is(stopped?.code, "interrupted");
  assert.is(summary.rows, 0);
});

test.run();
