import { suite } from "uvu";
import * as assert from "uvu/assert";

import { readBook, rehearse, textBytes } from "../../test/support/recorded-session.ts";
import { seed } from "../../test/support/seed.ts";
import {
  asItch,
  asLobsterBook,
  asLobsterMessages,
  generateSession,
} from "../../test/support/session-generator.ts";
import { seededRandomness } from "../kernel/seeded-randomness.ts";
import { itchSession } from "./itch-session.ts";
import { lobsterSession } from "./lobster.ts";

const test = suite("replay of sessions that a simulated venue recorded");
const sessionSeed = seed(20_120_621);

function generate(levels: number | null, outOfOrderPerMille: number) {
  const random = seededRandomness(sessionSeed);
  return generateSession({ random, steps: 8_000, levels, outOfOrderPerMille });
}

async function rehearseLobster(levels: number | null, outOfOrderPerMille: number) {
  const session = generate(levels, outOfOrderPerMille);
  const { summary, stopped } = await rehearse(
    lobsterSession(textBytes(asLobsterMessages(session), 1_000)),
    {
      ...(levels === null ? {} : { levels }),
      book: await readBook(textBytes(asLobsterBook(session))),
    },
  );
  assert.is(stopped, null);
  assert.is(summary.rows, session.rows.length);
  assert.equal(summary.refusals, {}, `SEED=${sessionSeed}`);
  assert.is(summary.book?.method, "row by row");
  return { session, summary };
}

test("a complete record of a venue with time priority is followed state by state", async () => {
  const { summary } = await rehearseLobster(null, 0);
  assert.ok(summary.executions.visible > 1_000);
  assert.is(summary.executions.same, summary.executions.visible, `SEED=${sessionSeed}`);
  assert.is(summary.book?.found, summary.rows, `SEED=${sessionSeed}`);
  assert.is(summary.provenGone, 0);
  assert.is(summary.deletionsOfAnotherSize, 0);
});

test("a venue that fills younger orders is followed state by state all the same", async () => {
  const { session, summary } = await rehearseLobster(null, 30);
  assert.ok(session.outOfOrder > 20);
  assert.ok(summary.executions.others.older_order_first >= session.outOfOrder);
  assert.is(summary.book?.found, summary.rows, `SEED=${sessionSeed}`);
  assert.is(summary.deletionsOfAnotherSize, 0);
  assert.equal(summary.skipped, { duplicate_id: 0, not_resting: 0, unknown_order: 0 });
});

for (const [levels, gone, states] of [
  [1, 1, 0.15],
  [5, 1, 0.4],
  [10, 0, 0.7],
] as const) {
  test(`a record of ${levels} level(s) loses orders silently and leads to no refusal`, async () => {
    const { summary } = await rehearseLobster(levels, 0);
    const { executions, provenGone, book, seeds } = summary;
    assert.ok(provenGone >= gone, "orders must have left the range unseen");
    assert.ok(seeds.later > 0, "orders must have entered it unseen");
    assert.ok(executions.same >= 0.95 * executions.visible, `SEED=${sessionSeed}`);
    const found = (book?.found ?? 0) / (book?.states ?? 1);
    assert.ok(found > states, `SEED=${sessionSeed}: ${found} of the states`);
  });
}

test("the same session as ITCH gives the same book and executions", async () => {
  const session = generate(null, 30);
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
  const lines = asLobsterMessages(generate(null, 0)).split("\n").slice(4_000).join("\r\n");
  const { summary } = await rehearse(lobsterSession(textBytes(lines)));
  assert.ok(summary.seeds.beforeFirstRow + summary.seeds.later > 50);
  assert.equal(summary.refusals, {}, `SEED=${sessionSeed}`);
  assert.is(summary.malformed, 0);
  assert.ok(summary.executions.same >= 0.95 * summary.executions.visible);
});

test.run();
