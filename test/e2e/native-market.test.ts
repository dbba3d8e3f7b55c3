import { setTimeout as sleep } from "node:timers/promises";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import type { MarketEngine, MatchingEngine } from "../../actors/kernel/ports/matching-engine.ts";
import { loadNativeEngine, type NativeEngineOptions } from "../../native/index.ts";
import { wire } from "../../schemas/messages.ts";
import { journalStream, journalSubject } from "../../schemas/subjects.ts";
import { readChain } from "../support/chain.ts";
import { MarketCell, type CellOptions } from "../support/market-cell.ts";
import { missingAddon, testUnless } from "../support/skip.ts";

/** What the market actor's own tests prove over the portable engine, where the native one differs. */

const test = suite("market actor on the native engine");
const { Side, OrderType, TimeInForce } = wire.market.v1;

function native(options: NativeEngineOptions = {}): MatchingEngine {
  const engine = loadNativeEngine(options);
  if (!engine.ok) throw new Error(engine.failure.reason);
  return engine.value;
}

async function withCell(
  options: CellOptions,
  body: (cell: MarketCell) => Promise<void>,
): Promise<void> {
  const cell = await MarketCell.open(options);
  try {
    await body(cell);
  } finally {
    await cell.end();
  }
}

function place(number: number, side: wire.market.v1.Side, price: number, quantity: number) {
  return {
    number,
    account: side === Side.SIDE_BUY ? 1 : 2,
    place: {
      side,
      orderType: OrderType.ORDER_TYPE_LIMIT,
      timeInForce: TimeInForce.TIME_IN_FORCE_DAY,
      price,
      quantity,
    },
  };
}
const buy = Side.SIDE_BUY;
const bids = (count: number, first = 1): wire.market.v1.ICommand[] =>
  Array.from({ length: count }, (_, index) => place(first + index, buy, 500, 10));
const codes = (reply: wire.market.v1.SubmitReply): string[] =>
  reply.outcomes.map(({ refusal }) => refusal?.code ?? "");

testUnless(
  test,
  missingAddon,
  "a full command ring refuses what does not fit, and serves it later",
  () =>
    withCell({ engine: native({ commandSlots: 16 }) }, async (cell) => {
      const reply = await cell.submit({ session: 3, commands: bids(40) });
      const refused = codes(reply).filter((code) => code === "ring_full").length;
      assert.equal(codes(reply), [
        ...Array(40 - refused).fill(""),
        ...Array(refused).fill("ring_full"),
      ]);
      assert.ok(refused >= 1, "40 commands do not fit into 16 slots at once");
      assert.is((await cell.status()).refusals["ring_full"], refused);
      const rest = bids(40).slice(40 - refused);
      for (let from = 0; from < rest.length; from += 16) {
        const again = await cell.submit({ session: 3, commands: rest.slice(from, from + 16) });
        assert.ok(codes(again).every((code) => code === ""));
      }
      assert.is((await cell.status()).restingOrders, 40);
    }),
);

testUnless(test, missingAddon, "a full event ring holds the engine up and loses nothing", () =>
  withCell({ engine: native({ eventSlots: 16, recordSlots: 16 }) }, async (cell) => {
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        cell.submit({ session: 100 + index, commands: bids(50) }),
      ),
    );
    assert.ok(replies.every((reply) => codes(reply).every((code) => code === "")));
    assert.is((await cell.status()).restingOrders, 1_000);
  }),
);

testUnless(test, missingAddon, "a crashed actor finds its book and its sessions again", () =>
  withCell({ engine: native() }, async (cell) => {
    await cell.submit({ session: 1, commands: bids(25) });
    const before = await cell.status();
    let crashes = 1;
    cell.broker.appendFault = () => {
      if (crashes === 0) return null;
      crashes -= 1;
      throw new Error("the actor dies here");
    };
    const lost = cell.submit({ session: 8, commands: bids(1) });
    await lost.then(
      () => assert.unreachable("a reply without an ack"),
      () => {},
    );
    const after = await cell.until(({ state, restarts }) => state === "open" && restarts === 1);
    assert.is(after.restingOrders, 26);
    assert.is(after.epoch, before.epoch + 1);
    const again = await cell.submit({ session: 8, commands: bids(1) });
    assert.ok(again.outcomes[0]?.repeated);
    const first = await cell.submit({ session: 1, commands: bids(25) });
    assert.ok(first.outcomes.every(({ repeated }) => repeated));
    assert.is((await cell.status()).restingOrders, 26);
  }),
);

/** An engine that shows the market it opened. */
function watched(engine: MatchingEngine): { engine: MatchingEngine; market: () => MarketEngine } {
  let opened: MarketEngine | null = null;
  return {
    engine: {
      implementation: engine.implementation,
      open: async (request) => (opened = await engine.open(request)),
      stop: () => engine.stop(),
    },
    market: () => {
      if (opened === null) throw new Error("nothing is open");
      return opened;
    },
  };
}

testUnless(
  test,
  missingAddon,
  "B6.3 the shadow stands on the accepted chain, and the market starts again from its snapshot",
  async () => {
    const first = watched(native({ snapshotInterval: 20 }));
    const cell = await MarketCell.open({ engine: first.engine });
    await cell.submit({ session: 1, commands: bids(30) });
    const { digest, matched } = await cell.until((status) => status.committed === status.matched);
    const isReached = (): boolean => {
      const reached = first.market().shadow();
      return reached?.sequence === matched && reached.snapshot > 20;
    };
    while (!isReached()) await sleep(5);
    const chain = readChain(
      cell.broker,
      journalStream(cell.definition.group, cell.definition.shard),
      journalSubject(cell.definition.market),
    );
    const shadow = first.market().shadow();
    assert.is(shadow?.digest, digest);
    assert.is(shadow?.failure, null);
    assert.is(
      Buffer.from(shadow?.hash ?? []).toString("hex"),
      Buffer.from(chain.hash).toString("hex"),
    );
    assert.is(shadow?.epoch, chain.epoch);
    await cell.stop();

    const second = watched(native());
    const { broker, directory, ownership } = cell;
    const again = await MarketCell.open({ engine: second.engine, broker, directory, ownership });
    const { recovery } = second.market();
    assert.is(recovery.snapshot?.sequence, shadow?.snapshot);
    assert.is(recovery.replayed, matched - (shadow?.snapshot ?? 0));
    assert.equal(recovery.faults, []);
    assert.is((await again.status()).digest, digest);
    const repeated = await again.submit({ session: 1, commands: bids(30) });
    assert.ok(repeated.outcomes.every((outcome) => outcome.repeated));
    await again.end();
    await cell.end();
  },
);

testUnless(
  test,
  missingAddon,
  "an empty disk is filled from the journal, with the same digest",
  async () => {
    const first = await MarketCell.open({ engine: native() });
    await first.submit({ session: 1, commands: [...bids(30), place(31, Side.SIDE_SELL, 500, 40)] });
    const { digest, matched } = await first.until((status) => status.committed === status.matched);
    await first.stop();
    await withCell({ engine: native(), broker: first.broker }, async (second) => {
      const status = await second.status();
      assert.equal([status.digest, status.matched], [digest, matched]);
      assert.is.not(second.directory, first.directory);
    });
    await first.end();
  },
);

test.run();
