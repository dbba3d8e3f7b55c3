import { suite } from "uvu";
import * as assert from "uvu/assert";

import { certain } from "../numerics/failure.ts";
import { baselHorizons, liquidityShortfall, stressedShortfall } from "./liquidity-horizons.ts";

const test = suite("liquidity horizons");
const code = (result: { ok: boolean; failure?: { code: string } }): string =>
  result.failure?.code ?? "answered";

test("B5.3 factors that all last to the longest horizon scale by the root of time, the liquid do not", () => {
  assert.ok(Math.abs(certain(liquidityShortfall([3, 3, 3, 3, 3])) - 3 * Math.sqrt(12)) < 1e-12);
  assert.is(certain(liquidityShortfall([3, 0, 0, 0, 0])), 3);
  // Worked by hand: 100^2 + 60^2 + 2 * 30^2 + 2 * 10^2 + 6 * 5^2 = 15,750.
  const mixed = certain(liquidityShortfall([100, 60, 30, 10, 5]));
  assert.ok(Math.abs(mixed - Math.sqrt(15_750)) < 1e-12);
  // In other units of time nothing changes.
  const hours = baselHorizons.map((days) => days * 24);
  assert.ok(Math.abs(certain(liquidityShortfall([100, 60, 30, 10, 5], hours)) - mixed) < 1e-12);
});

test("B5.3 a stressed reduced set is scaled up, never down, and must explain three quarters", () => {
  assert.is(certain(stressedShortfall(50, 12, 10)), 60);
  assert.is(certain(stressedShortfall(50, 10, 12)), 50);
  assert.is(code(stressedShortfall(50, 12, 8)), "undefined");
  assert.is(code(stressedShortfall(50, 0, 0)), "undefined");
  assert.is(code(stressedShortfall(-1, 1, 1)), "out_of_range");
});

test("B5.3 horizons and shortfalls that do not belong together are refused by name", () => {
  assert.is(code(liquidityShortfall([], [])), "empty");
  assert.is(code(liquidityShortfall([1, 2])), "wrong_shape");
  assert.is(code(liquidityShortfall([1, 2], [20, 10])), "unsorted");
  assert.is(code(liquidityShortfall([1, -2], [10, 20])), "out_of_range");
  assert.is(code(liquidityShortfall([1, Number.NaN], [10, 20])), "not_finite");
});

test.run();
