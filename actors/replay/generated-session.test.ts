import { suite } from "uvu";
import * as assert from "uvu/assert";

import { readBook, rehearse, textBytes } from "../../test/support/recorded-session.ts";
import { seed } from "../../test/support/seed.ts";
import {
  asItch,
  asLobsterBook,
  asLobsterMessages,
  type GeneratorOptions,
  generateSession,
} from "../../test/support/session-generator.ts";
import { seededRandomness } from "../kernel/seeded-randomness.ts";
import { itchSession } from "./itch-session.ts";
import { lobsterSession } from "./lobster.ts";

const test = suite("replay of sessions that a simulated venue recorded");
const sessionSeed = seed(20_120_621);

type Venue = Partial<Omit<GeneratorOptions, "random">>;

function generate(venue: Venue) {
  const random = seededRandomness(sessionSeed);
  return generateSession({ random, steps: 8_000, levels: null, outOfOrderPerMille: 0, ...venue });
}

async function rehearseLobster(venue: Venue) {
  const session = generate(venue);
  const { summary, stopped } = await rehearse(
    lobsterSession(textBytes(asLobsterMessages(session), 1_000)),
    {
      ...(typeof venue.levels === "number" ? { levels: venue.levels } : {}),
      book: await readBook(textBytes(asLobsterBook(session))),
    },
  );
  assert.is(stopped, null);
  assert.is(summary.rows, session.rows.length);
  assert.equal(summary.refusals, {}, `SEED=${sessionSeed}`);
  assert.is(summary.book?.method, "row by row");
  return { session, summary };
}

const completeRecords: Readonly<Record<string, Venue>> = {
  "a stock at 100 dollars": {},
  "a penny stock in steps of 0.0001": { tick: 1, middle: 1_500 },
  "a stock at a tenth of a cent": { tick: 1, middle: 20 },
  "a stock at 3,000 dollars": { middle: 30_000_000 },
  "a stock at 200,000 dollars": { middle: 2_000_000_000 },
  "a tick of five cents": { tick: 500, middle: 2_000_000 },
  "very deep queues": { reach: 2, steps: 12_000 },
  "orders far from the market": { reach: 300 },
  "halts and crosses": { interruptionsPerMille: 20 },
  "ids that do not rise": { olderIdsPerMille: 200 },
};
for (const [name, venue] of Object.entries(completeRecords)) {
  test(`a complete record is followed state by state: ${name}`, async () => {
    const { summary } = await rehearseLobster(venue);
    assert.ok(summary.executions.visible > 1_000);
    assert.is(summary.executions.same, summary.executions.visible, `SEED=${sessionSeed}`);
    assert.is(summary.book?.found, summary.rows, `SEED=${sessionSeed}`);
    assert.is(summary.provenGone, 0);
    assert.is(summary.deletionsOfAnotherSize, 0);
    assert.is(summary.commands + summary.hidden + summary.crosses + summary.halts, summary.rows);
  });
}

test("halts and crosses send nothing and are counted", async () => {
  const { session, summary } = await rehearseLobster({ interruptionsPerMille: 20 });
  const count = (type: string) => session.rows.filter((row) => row.event.type === type).length;
  assert.ok(summary.halts > 50 && summary.crosses > 50);
  assert.equal([summary.halts, summary.crosses], [count("halt"), count("cross")]);
});

test("a venue that fills younger orders is followed state by state all the same", async () => {
  const { session, summary } = await rehearseLobster({ outOfOrderPerMille: 30 });
  assert.ok(session.outOfOrder > 20);
  assert.ok(summary.executions.others.older_order_first >= session.outOfOrder);
  assert.is(summary.book?.found, summary.rows, `SEED=${sessionSeed}`);
  assert.is(summary.deletionsOfAnotherSize, 0);
  assert.equal(summary.skipped, { duplicate_id: 0, not_resting: 0, unknown_order: 0 });
});

test("orders from before the record are seeded with what the file says of them", async () => {
  const { session, summary } = await rehearseLobster({ unrecordedSteps: 3_000 });
  const born = new Set<number>();
  const outside = new Set<number>();
  for (const { event } of session.rows) {
    if (event.type === "add") born.add(event.id);
    else if ("id" in event && !born.has(event.id)) outside.add(event.id);
  }
  assert.ok(outside.size > 100);
  assert.is(summary.seeds.beforeFirstRow + summary.seeds.later, outside.size);
  assert.is(summary.executions.same, summary.executions.visible, `SEED=${sessionSeed}`);
  assert.is(summary.deletionsOfAnotherSize, 0);
  // An order that no row is about cannot be known: the deepest ones, of which few come to the best.
  assert.ok((summary.book?.found ?? 0) >= 0.99 * summary.rows, `SEED=${sessionSeed}`);
});

for (const [levels, gone, same, states] of [
  [1, 1, 0.96, 0.38],
  [2, 1, 0.96, 0.45],
  [5, 1, 0.97, 0.65],
  [10, 0, 0.98, 0.85],
] as const) {
  test(`a record of ${levels} level(s) loses orders silently and leads to no refusal`, async () => {
    const { summary } = await rehearseLobster({ levels });
    const { executions, provenGone, book, seeds } = summary;
    assert.ok(provenGone >= gone, "orders must have left the range unseen");
    assert.ok(seeds.later > 0, "orders must have entered it unseen");
    const { visible } = executions;
    assert.ok(executions.same >= same * visible, `SEED=${sessionSeed} ${executions.same}`);
    const found = (book?.found ?? 0) / (book?.states ?? 1);
    assert.ok(found > states, `SEED=${sessionSeed}: ${found} of the states`);
  });
}

test("the same session as ITCH gives the same book and executions", async () => {
  const session = generate({ outOfOrderPerMille: 30 });
  const lobster = await rehearse(lobsterSession(textBytes(asLobsterMessages(session))));
  const itch = await rehearse(itchSession(textBytes(asItch(session, "TEST"), 997), "TEST"), {
    book: await readBook(textBytes(asLobsterBook(session))),
  });
  assert.is(itch.summary.malformed, 0);
  assert.is(itch.summary.commands, lobster.summary.commands);
  assert.equal(itch.summary.executions, lobster.summary.executions);
  assert.is(itch.summary.resting, lobster.summary.resting);
  assert.is(itch.summary.book?.found, itch.summary.book?.states);
});

test("a session that starts in the middle is followed without a refusal", async () => {
  const lines = asLobsterMessages(generate({})).split("\n").slice(4_000).join("\r\n");
  const { summary } = await rehearse(lobsterSession(textBytes(lines)));
  assert.ok(summary.seeds.beforeFirstRow + summary.seeds.later > 50);
  assert.equal(summary.refusals, {}, `SEED=${sessionSeed}`);
  assert.is(summary.malformed, 0);
  assert.ok(summary.executions.same >= 0.95 * summary.executions.visible);
});

test.run();
