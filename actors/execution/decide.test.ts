import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seededRandomness } from "../kernel/seeded-randomness.ts";
import type { TimestampNs } from "../kernel/units.ts";
import { emptyLedger, type Ledger, planned, settled } from "../trading/ledger.ts";
import { emptyView, type MarketView } from "../trading/market-view.ts";
import { seed } from "../../test/support/seed.ts";
import { counted, executedOf, executionPlanner } from "./decide.ts";
import type { ExecutionMemo, ExecutionStart, Schedule } from "./messages.ts";

const test = suite("execution decisions");

const second = 1_000_000_000n;
const startOf = (schedule: Schedule, limit: number | null = null): ExecutionStart => ({
  id: "e1",
  region: "eu-central",
  sender: { actor: "eu-central/executions/e1", shard: "act-eu-central-00", incarnation: 1 },
  account: 7,
  risk: "",
  instrument: {
    market: "TEST",
    home: "eu-central",
    tick: 5,
    lot: 10,
    bandLow: 5,
    bandHigh: 1_000_000,
    maximumQuantity: 1_000_000,
  },
  parameters: { side: "buy", quantity: 1_000, limit, schedule, interval: 500 },
});
const twap: Schedule = { kind: "twap", durationSeconds: 10, slices: 10 };
const pov: Schedule = { kind: "pov", share: 1_000, band: 10, maximumChild: 200 };
const view = (volume: number, ask = 5_000): MarketView => ({ ...emptyView, ask, volume });
const at = (seconds: number): TimestampNs =>
  (1_000n * second + BigInt(Math.round(seconds * 1e9))) as TimestampNs;

/** All of a child is executed, or `executed` of it. */
function done(ledger: Ledger, quantity: number, executed = quantity): Ledger {
  const order = { kind: "place", side: "buy", price: 5_000, quantity, timeInForce: "ioc" } as const;
  const value = String(5_000 * executed);
  const canceled = quantity - executed;
  return settled(planned(ledger, 9, [order]), [
    { refusal: null, orderId: 1, executed, value, canceled, remaining: 0 },
  ]);
}

test("B8.4 a TWAP notes when it began, then is never ahead of its slices nor behind by more than a look", () => {
  const planner = executionPlanner(startOf(twap));
  const begun = planner({ ledger: emptyLedger, memo: null, view: view(0), now: at(0) });
  assert.equal(begun?.orders, []);
  const memo = begun?.memo ?? null;
  let ledger = emptyLedger;
  for (let moment = 0.5; moment < 12; moment += 0.5) {
    const plan = planner({ ledger, memo, view: view(0), now: at(moment) });
    if (plan?.done === true) break;
    const [order] = plan?.orders ?? [];
    if (order?.kind === "place") ledger = done(ledger, order.quantity);
    assert.is(executedOf(ledger, "buy"), 100 * Math.min(10, Math.floor(moment) + 1), `${moment} s`);
  }
  assert.is(executedOf(ledger, "buy"), 1_000);
  assert.is(planner({ ledger, memo, view: view(0), now: at(20) })?.done, true);
});

test("a child behind the limit, or with nobody on the other side, is not sent", () => {
  const planner = executionPlanner(startOf(twap, 4_990));
  const memo: ExecutionMemo = { startedAt: String(at(0)), volume: 0, counted: 0 };
  const input = { ledger: emptyLedger, memo, now: at(5) };
  assert.is(planner({ ...input, view: view(0, 5_000) }), null);
  assert.is(planner({ ...input, view: view(0, 0) }), null);
  const [order] = planner({ ...input, view: view(0, 4_990) })?.orders ?? [];
  assert.is(order?.kind === "place" ? order.price : 0, 4_990);
});

test("B7.8 whatever is filled, a POV never trades more than its share of the volume nor than its parent", () => {
  const first = seed(19);
  for (let run = 0; run < 50; run += 1) {
    const random = seededRandomness(first + run);
    const planner = executionPlanner(startOf(pov));
    let ledger = emptyLedger;
    let volume = 10_000;
    let memo = planner({ ledger, memo: null, view: view(volume), now: at(0) })?.memo ?? null;
    const began = volume;
    for (let look = 0; look < 400; look += 1) {
      volume += 10 * random.below(40);
      const plan = planner({ ledger, memo, view: view(volume), now: at(look) });
      if (plan === null || plan.done === true) continue;
      memo = plan.memo;
      const [order] = plan.orders;
      if (order?.kind !== "place") continue;
      const executed = 10 * random.below(order.quantity / 10 + 1);
      ledger = done(ledger, order.quantity, executed);
      volume += executed;
      const own = executedOf(ledger, "buy");
      const why = `SEED=${first + run} look=${look}`;
      assert.ok(own <= 1_000, why);
      assert.ok(own * 10_000 <= 1_000 * (volume - began), why);
    }
  }
});

test("a volume that begins anew is counted on, an unknown one changes nothing", () => {
  const memo: ExecutionMemo = { startedAt: "0", volume: 50, counted: 100 };
  assert.is(counted(memo, view(130)).volume, 80);
  assert.is(counted(memo, view(20)).volume, 70);
  assert.is(counted(memo, emptyView), memo);
});

test.run();
