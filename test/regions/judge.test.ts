import { suite } from "uvu";
import * as assert from "uvu/assert";

import type { StoredMessage } from "../../actors/kernel/ports/bus.ts";
import { wire } from "../../schemas/messages.ts";
import { journalStream, journalSubject } from "../../schemas/subjects.ts";
import { MarketCell, testDefinition } from "../support/market-cell.ts";
import { judge, type Standing } from "./judge.ts";
import type { Acknowledgement, Execution, Ledger, OuchAnswer } from "./ledger.ts";

const test = suite("the judge of drills");
const market = testDefinition.market;
const { Side, OrderType, TimeInForce } = wire.market.v1;

interface Played {
  readonly ledger: readonly Acknowledgement[];
  readonly journal: readonly StoredMessage[];
  readonly standing: Standing;
}

/** Two requests to a real market, the second one sent twice. */
async function played(): Promise<Played> {
  const cell = await MarketCell.open({ definition: { tick: 1, lot: 1 } });
  const ledger: Acknowledgement[] = [];
  for (const [at, first] of [1, 5, 5].entries()) {
    const commands = [0, 1, 2, 3].map((index) => ({
      number: first + index,
      account: 7 + index,
      place: {
        side: index % 2 === 0 ? Side.SIDE_BUY : Side.SIDE_SELL,
        orderType: OrderType.ORDER_TYPE_LIMIT,
        timeInForce: TimeInForce.TIME_IN_FORCE_DAY,
        price: 500,
        quantity: 3 + first + index,
      },
    }));
    const reply = await cell.submit({ session: 9, commands });
    for (const outcome of reply.outcomes) {
      ledger.push({
        client: "eu",
        market,
        session: 9,
        durability: "replicated",
        sentAt: at,
        at,
        number: outcome.number ?? 0,
        sequence: outcome.sequence ?? 0,
        orderId: outcome.orderId ?? 0,
        executed: outcome.executed ?? 0,
        refusal: outcome.refusal?.code ?? "",
        repeated: outcome.repeated ?? false,
        epoch: reply.epoch,
      });
    }
  }
  const { matched, digest } = await cell.until((status) => status.committed === status.matched);
  const stream = journalStream(testDefinition.group, testDefinition.shard);
  const journal = [...cell.broker.messages(stream, journalSubject(market))];
  await cell.end();
  return { ledger, journal, standing: { matched, digest } };
}

const { ledger, journal, standing } = await played();
const changed = (index: number, change: Partial<Acknowledgement>): readonly Acknowledgement[] =>
  ledger.map((ack, at) => (at === index ? { ...ack, ...change } : ack));
const byNats = (acknowledged: readonly Acknowledgement[]): Ledger => ({
  acknowledged,
  answered: [],
  executed: [],
});
const told = (
  acks: readonly Acknowledgement[],
  stored: readonly StoredMessage[] = journal,
  owner: Standing | null = standing,
): readonly string[] => judge(market, byNats(acks), stored, owner).violations;

test("B8.3 what a client was told and the chain says the same of is no violation", () => {
  const verdict = judge(market, byNats(ledger), journal, standing);
  assert.equal(verdict.violations, []);
  assert.equal(
    [verdict.acknowledged, verdict.repeated, verdict.ownerChanges, verdict.ofOldEpoch],
    [12, 4, 0, 0],
  );
});

test("B8.3 an acknowledged command that the chain does not have is counted by its mode", () => {
  const verdict = judge(market, byNats(changed(2, { number: 99 })), journal, standing);
  assert.is(verdict.lost.replicated, 1);
  assert.match(verdict.violations[0] ?? "", /9:99 .* is not on the chain/);
  // The last block is that of the request that was sent twice: nothing new is in it.
  const cut = judge(market, byNats(ledger), journal.slice(0, -2), null);
  assert.ok(cut.lost.replicated >= 4, "the second request is gone");
});

test("B8.3 a command that was told another sequence, quantity or refusal is a violation", () => {
  assert.match(told(changed(0, { sequence: 77 }))[0] ?? "", /stands on the chain as sequence/);
  assert.match(told(changed(1, { executed: 1_000 }))[0] ?? "", /told 1000 executed/);
  assert.match(told(changed(0, { refusal: "order_unknown" }))[0] ?? "", /was told "order_unknown"/);
});

test("B6.2 one epoch and sequence with two contents is a violation", () => {
  const first = ledger[0] as Acknowledgement;
  const violations = told(changed(1, { sequence: first.sequence, epoch: first.epoch }));
  assert.ok(violations.some((line) => line.includes("were told of 9:1 and of 9:2")));
});

test("B6.2 an epoch that nobody was given, and an owner with another book, are violations", () => {
  assert.ok(told(changed(0, { epoch: 50 })).some((line) => line.includes("nobody was given")));
  const other = { ...standing, digest: "0".repeat(16) };
  assert.ok(told(ledger, journal, other).some((line) => line.includes("its owner has digest")));
});

test("B9.4 acknowledgements of an epoch after one of a higher epoch are counted", () => {
  const late = ledger.map((ack, index) => (index === 0 ? { ...ack, at: -1, epoch: 2 } : ack));
  assert.is(judge(market, byNats(late), journal, null).ofOldEpoch, ledger.length - 1);
});

const first = ledger[0] as Acknowledgement;
const answer: OuchAnswer = {
  client: "eu-ouch",
  market,
  session: first.session,
  number: first.number,
  orderId: first.orderId,
  reason: 0,
  resent: false,
  epoch: first.epoch,
  sentAt: 0,
  at: 1,
};
const byOuch = (change: Partial<OuchAnswer>): readonly string[] =>
  judge(
    market,
    { acknowledged: [], answered: [{ ...answer, ...change }], executed: [] },
    journal,
    null,
  ).violations;

test("B9.4 an order that OUCH accepted is on the chain under the same reference", () => {
  assert.equal(byOuch({}), []);
  assert.match(byOuch({ number: 99 })[0] ?? "", /9:99 .* is not on the chain/);
  assert.match(byOuch({ orderId: 12_345 })[0] ?? "", /was order 12345, the chain has/);
  assert.match(byOuch({ orderId: 0, reason: 7 })[0] ?? "", /a rejection \(7\), the chain accepted/);
  assert.equal(byOuch({ number: 99, orderId: 0, reason: 10 }), [], "the gateway's own");
});

test("B9.4 an execution that OUCH told is on the chain with the same orders, quantity and price", () => {
  // The second order buys nothing: the first two rest on either side of one price and trade.
  const trade: Execution = {
    client: "eu-ouch",
    market,
    session: first.session,
    number: 2,
    sequence: ledger[1]?.sequence ?? 0,
    index: 1,
    quantity: ledger[1]?.executed ?? 0,
    price: 500,
    epoch: 1,
    at: 1,
  };
  const executed = (change: Partial<Execution>): readonly string[] =>
    judge(
      market,
      { acknowledged: [], answered: [], executed: [{ ...trade, ...change }] },
      journal,
      null,
    ).violations;
  assert.ok(trade.quantity > 0, "they traded");
  assert.equal(executed({}), []);
  assert.match(executed({ quantity: 1_000 })[0] ?? "", /of 1000 at 500 .* the chain has/);
  assert.match(executed({ price: 501 })[0] ?? "", /at 501 .* the chain has/);
  assert.match(executed({ sequence: 9_999 })[0] ?? "", /which the chain does not have/);
  assert.match(executed({ index: 0 })[0] ?? "", /which is no execution/);
  assert.match(executed({ number: 4 })[0] ?? "", /the chain has it of orders/);
});

test.run();
