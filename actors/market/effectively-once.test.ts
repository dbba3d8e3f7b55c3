import { suite } from "uvu";
import * as assert from "uvu/assert";

import { wire } from "../../schemas/messages.ts";
import { MarketCell } from "../../test/support/market-cell.ts";
import { seed } from "../../test/support/seed.ts";
import type { Randomness } from "../kernel/ports/randomness.ts";
import { seededRandomness } from "../kernel/seeded-randomness.ts";

const test = suite("market effectively once");

const { SIDE_BUY: buy, SIDE_SELL: sell } = wire.market.v1.Side;
const { ORDER_TYPE_LIMIT: limit } = wire.market.v1.OrderType;
const { TIME_IN_FORCE_DAY: day } = wire.market.v1.TimeInForce;

const sessions = [11, 12];
const perSession = 40;

interface Sent {
  readonly session: number;
  readonly command: wire.market.v1.ICommand & { readonly number: number };
}

function ordersOf(random: Randomness): readonly Sent[] {
  return sessions.flatMap((session) =>
    Array.from({ length: perSession }, (_, index): Sent => {
      const price = 450 + 5 * random.below(20);
      const quantity = 10 * (1 + random.below(5));
      const side = random.below(2) === 0 ? buy : sell;
      const place = { side, orderType: limit, timeInForce: day, price, quantity };
      return { session, command: { number: index + 1, account: session, place } };
    }),
  );
}

/** Each message one to four times, displaced by up to `spread` others: late, early and doubled. */
function deliveriesOf(sent: readonly Sent[], spread: number, random: Randomness): readonly Sent[] {
  return sent
    .toSorted((left, right) => left.command.number - right.command.number)
    .flatMap((message, at) =>
      Array.from({ length: 1 + random.below(4) }, (_, copy) => ({
        message,
        at: at + random.below(copy === 0 ? 4 : spread),
        tie: random.unit(),
      })),
    )
    .sort((left, right) => left.at - right.at || left.tie - right.tie)
    .map(({ message }) => message);
}

const keyOf = ({ session, command }: Sent): string => `${session}/${command.number}`;

async function levels(cell: MarketCell): Promise<unknown> {
  const { bids, asks } = await cell.book(100);
  const plain = (side: readonly wire.market.v1.IBookLevel[] | null | undefined) =>
    (side ?? []).map(({ price, quantity, orders }) => [price, quantity, orders]);
  return [plain(bids), plain(asks)];
}

test("B7.7 B7.8 every order repeated and reordered, over restarts of the market, is matched at most once and answered alike", async () => {
  const start = seed(20_261_133);
  let repeats = 0;
  let late = 0;
  for (let round = 0; round < 4; round += 1) {
    const random = seededRandomness(start + round);
    const sent = ordersOf(random);
    const cell = await MarketCell.open();
    const first = new Map<string, { readonly sequence: number; readonly orderId: number }>();
    const inOrder: (readonly [number, Sent])[] = [];
    try {
      for (const message of deliveriesOf(sent, 40, random)) {
        if (random.below(40) === 0) {
          await cell.system.terminateChild("/markets/TEST");
          await cell.system.restartChild("/markets/TEST");
          await cell.until(({ state }) => state === "open");
        }
        const { session, command } = message;
        const reply = await cell.submit({ session, commands: [command] });
        const [outcome] = reply.outcomes;
        assert.ok(outcome, JSON.stringify(reply.refusal));
        const { refusal, sequence, orderId, repeated } = outcome as wire.market.v1.Outcome;
        const before = first.get(keyOf(message));
        if (refusal) {
          // A number that others have overtaken is never matched: nobody knows whether it was.
          assert.is(refusal.code, "number_stale", `SEED=${start} round ${round}`);
          assert.is(before, undefined, "what was matched is never refused");
          late += 1;
          continue;
        }
        if (before !== undefined) repeats += 1;
        assert.is(repeated, before !== undefined);
        assert.equal({ sequence, orderId }, before ?? { sequence, orderId });
        if (before === undefined) inOrder.push([sequence, message]);
        first.set(keyOf(message), { sequence, orderId });
      }
      const sequences = inOrder.map(([sequence]) => sequence);
      assert.is(new Set(sequences).size, sequences.length, "one sequence, one order");
      // A market that gets each of these orders once, in the order of their sequences.
      const twin = await MarketCell.open();
      try {
        for (const [, { session, command }] of inOrder.toSorted(([a], [b]) => a - b)) {
          await twin.submit({ session, commands: [command] });
        }
        assert.equal(await levels(cell), await levels(twin), `SEED=${start} round ${round}`);
      } finally {
        await twin.end();
      }
    } finally {
      await cell.end();
    }
  }
  assert.ok(repeats > 200 && late > 20, `only ${repeats} repeats, ${late} overtaken`);
});

test.run();
