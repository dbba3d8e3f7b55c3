import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { loadNativeEngine } from "../../native/index.ts";
import { PortableEngine } from "../../native/portable/engine.ts";
import { TwinExchange } from "../../test/support/engine-exchange.ts";
import {
  fileBytes,
  readBook,
  type Rehearsal,
  rehearse,
  textBytes,
} from "../../test/support/recorded-session.ts";
import { cutToLevels } from "../../test/support/level-cut.ts";
import { sharedData } from "../../test/support/shared-data.ts";
import { testUnless } from "../../test/support/skip.ts";
import type { MatchingEngine } from "../kernel/ports/matching-engine.ts";
import { systemClock } from "../kernel/system-clock.ts";
import { epoch } from "../kernel/units.ts";
import { EngineExchange } from "./engine-exchange.ts";
import { lobsterSession, parseLobsterName } from "./lobster.ts";

const messages = sharedData("lobster/AAPL_2012-06-21_34200000_37800000_message_deep.csv");
const book = sharedData("lobster/AAPL_2012-06-21_34200000_57600000_orderbook_1.csv");
const missing =
  messages === null || book === null ? "needs the recorded AAPL hour beside the checkout" : null;

const test = suite("the recorded AAPL hour");

async function staysInStep(exchange: NonNullable<Rehearsal["exchange"]>): Promise<void> {
  const { summary, stopped } = await rehearse(lobsterSession(fileBytes(messages ?? "")), {
    book: await readBook(fileBytes(book ?? "")),
    exchange,
  });
  assert.is(stopped, null);
  assert.is(summary.rows, 91_997);
  assert.is(summary.used, 91_997);
  assert.is(summary.commands, 89_796);
  assert.is(summary.hidden, 2_201);
  assert.equal(summary.seeds, { beforeFirstRow: 36, later: 44 });
  assert.equal(summary.refusals, {});
  assert.equal(summary.skipped, { duplicate_id: 0, not_resting: 0, unknown_order: 0 });
  assert.is(summary.provenGone, 0);
  assert.is(summary.deletionsOfAnotherSize, 0);
  assert.equal(summary.executions, {
    visible: 4_067,
    same: 4_058,
    others: {
      older_order_first: 9,
      larger_than_rest: 0,
      unfilled: 0,
      foreign_order: 0,
      not_resting: 0,
    },
  });
  assert.equal(summary.book, {
    method: "distinct states in order",
    states: 23_439,
    found: 23_422,
    malformed: 0,
    unknown: 0,
  });
}

testUnless(test, missing, "every row is used and the twin stays in step with it", () =>
  staysInStep((limits) => new TwinExchange(limits)),
);

/** Through the engine port, with the log on disk that cells write. */
async function throughPort(host: MatchingEngine): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "meridian-test-"));
  try {
    const market = await host.open({ market: "AAPL", directory, epoch: epoch(1) });
    await staysInStep((limits) => EngineExchange.create(market, limits));
    await market.close();
  } finally {
    await host.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

testUnless(test, missing, "so does the portable engine", () =>
  throughPort(new PortableEngine({ clock: systemClock() })),
);

const native = loadNativeEngine();
const noNative = native.ok ? missing : `${native.failure.reason}; ${native.failure.next}`;
testUnless(test, noNative, "so does the native engine", async () => {
  if (native.ok) await throughPort(native.value);
});

testUnless(
  test,
  missing,
  "the book file is not matched by a session that is out of step",
  async () => {
    // Every 1,000th row is taken away: the comparison must notice.
    const source = lobsterSession(fileBytes(messages ?? ""));
    let row = 0;
    const thinned = async function* read() {
      row = 0;
      for await (const events of source()) {
        yield events.filter(() => {
          row += 1;
          return row % 1000 !== 0;
        });
      }
    };
    const { summary } = await rehearse(thinned, { book: await readBook(fileBytes(book ?? "")) });
    assert.ok(summary.book !== null && summary.book.found < summary.book.states * 0.95);
  },
);

testUnless(test, missing, "cut to few levels, it is followed by what the rows prove", async () => {
  const file = messages ?? "";
  const lines = readFileSync(file, "latin1").split("\n");
  const expected: Readonly<Record<number, { rows: number; gone: number; states: number }>> = {
    1: { rows: 25_640, gone: 4_729, states: 0.72 },
    2: { rows: 38_239, gone: 4_091, states: 0.87 },
    5: { rows: 60_295, gone: 2_303, states: 0.95 },
    10: { rows: 72_909, gone: 1_125, states: 0.98 },
  };
  const counts = Object.keys(expected).map(Number);
  for (const cut of await cutToLevels(lobsterSession(fileBytes(file)), lines, counts)) {
    const { rows = 0, gone = 0, states = 0 } = expected[cut.levels] ?? {};
    const { summary } = await rehearse(lobsterSession(textBytes(cut.messages.join("\n"))), {
      levels: cut.levels,
      book: await readBook(textBytes(cut.book.join("\n"))),
    });
    assert.is(summary.rows, rows);
    assert.is(summary.commands + summary.hidden, rows);
    assert.equal(summary.refusals, {});
    assert.is(summary.provenGone, gone);
    const { visible, same } = summary.executions;
    assert.ok(visible === 4_067 && same >= 4_050, `${cut.levels} levels: ${same} of ${visible}`);
    const found = summary.book?.found ?? 0;
    assert.ok(found >= states * rows, `${cut.levels} levels: ${found} of ${rows} states`);
  }
});

test("the name of a file tells symbol, day and levels", () => {
  assert.equal(parseLobsterName("AAPL_2012-06-21_34200000_37800000_message_deep.csv"), {
    symbol: "AAPL",
    date: "2012-06-21",
    levels: null,
  });
  assert.equal(parseLobsterName("MSFT_2012-06-21_34200000_57600000_message_5.csv"), {
    symbol: "MSFT",
    date: "2012-06-21",
    levels: 5,
  });
  assert.is(parseLobsterName("trades.csv"), null);
});

test.run();
