import { suite } from "uvu";
import * as assert from "uvu/assert";

import type { DurationNs } from "../kernel/units.ts";
import { createMarketView, emptyView, midOf, type Seen, seen } from "./market-view.ts";

const test = suite("market view");

const at = (seconds: number, bid: number, ask: number, change: Partial<Seen> = {}): Seen => ({
  type: "seen",
  bid,
  bidQuantity: 1,
  ask,
  askQuantity: 1,
  sequence: seconds,
  last: 0,
  volume: null,
  at: (seconds * 1e9) as DurationNs,
  ...change,
});

test("a mid that moves by one unit each second has a variance of one per second", () => {
  let view = emptyView;
  for (let second = 1; second <= 600; second += 1) {
    view = seen(view, at(second, 1_000 + second, 1_002 + second));
  }
  assert.ok(Math.abs(view.variance - 1) < 1e-6, String(view.variance));
  for (let second = 601; second <= 1_200; second += 1) view = seen(view, at(second, 1_600, 1_602));
  assert.ok(view.variance < 1e-6 && view.variance >= 0, "it forgets");
});

test("an older message changes nothing, and the last price stands in for an empty side", () => {
  const view = seen(emptyView, at(5, 10, 12, { last: 11, volume: 7 }));
  assert.is(seen(view, at(4, 1, 2)), view);
  assert.is(midOf(view), 11);
  const empty = seen(view, at(6, 0, 12));
  assert.equal([midOf(empty), empty.volume], [11, 7]);
});

test("a stopped view keeps what it has seen", () => {
  const actor = createMarketView();
  actor.send(at(1, 10, 12));
  actor.stop();
  assert.equal(actor.getSnapshot().context.bid, 10);
});

test.run();
