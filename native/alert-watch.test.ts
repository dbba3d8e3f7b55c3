import { suite } from "uvu";
import * as assert from "uvu/assert";

import type { MarketAlert } from "./addon.ts";
import { AlertWatch } from "./alert-watch.ts";

const test = suite("alerts of the native engine");

function watched() {
  const told: string[] = [];
  const watch = new AlertWatch();
  watch.listener = ({ market, stands, p50, cause }) =>
    told.push(`${market} ${stands ? "slow" : "over"} ${p50} ${cause}`);
  const state = { isSlow: false, raised: 0, p50: 0, usual: 0, cause: "unknown" as const };
  const market = {
    market: "ALPHA",
    closing: null as Promise<void> | null,
    now: state as MarketAlert,
    alert: () => market.now,
  };
  watch.follow(market);
  const set = (change: Partial<MarketAlert>): readonly string[] => {
    market.now = { ...market.now, ...change };
    told.length = 0;
    watch.look();
    return [...told];
  };
  return { watch, market, told, set };
}

test("A7.2 an alert is told when it begins and when it ends, however often the bell rings", () => {
  const { set } = watched();
  assert.equal(set({}), []);
  assert.equal(set({ isSlow: true, raised: 1, p50: 5_000, cause: "disk" }), [
    "ALPHA slow 5000 disk",
  ]);
  assert.equal(set({}), []);
  assert.equal(set({ isSlow: false, p50: 200 }), ["ALPHA over 200 disk"]);
  assert.equal(set({}), []);
});

test("A7.2 an alert that was over before anybody looked is told all the same", () => {
  const { set } = watched();
  assert.equal(set({ raised: 1, p50: 300 }), ["ALPHA slow 300 unknown", "ALPHA over 300 unknown"]);
  set({ isSlow: true, raised: 2, p50: 4_000 });
  assert.equal(set({ raised: 3, p50: 6_000 }), [
    "ALPHA over 4000 unknown",
    "ALPHA slow 6000 unknown",
  ]);
});

test("A7.2 a market that is closed while it is slow ends its alert, and is not looked at any more", () => {
  const { watch, market, told, set } = watched();
  set({ isSlow: true, raised: 1, p50: 5_000 });
  market.closing = Promise.resolve();
  assert.equal(set({ raised: 2 }), []);
  watch.forget("ALPHA");
  assert.equal(told, ["ALPHA over 5000 unknown"]);
  watch.forget("ALPHA");
  assert.is(told.length, 1);
});

test.run();
