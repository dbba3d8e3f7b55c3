import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../../test/support/seed.ts";
import { certain, type ModelResult } from "../numerics/failure.ts";
import { fillStandardNormal } from "../random/distributions.ts";
import { modelRandomness } from "../random/generator.ts";
import { jumpTest, leeMyklandConstants, gumbelThreshold, leeMyklandJumps } from "./jumps.ts";

const test = suite("jumps");
const SEED = seed(20_080_101);
const code = (result: ModelResult<unknown>): string => (result.ok ? "ok" : result.failure.code);

test("B4.3 without jumps Lee and Mykland's test at 1 % rejects between 0.4 % and 2 % of samples", () => {
  const random = modelRandomness(SEED);
  const returns = new Float64Array(1000);
  let rejected = 0;
  const runs = 2000;
  for (let run = 0; run < runs; run += 1) {
    fillStandardNormal(random, returns);
    if (certain(leeMyklandJumps(returns, { window: 156 })).length > 0) rejected += 1;
  }
  // The standard error of the share is 0.22 %.
  assert.ok(
    rejected >= 0.004 * runs && rejected <= 0.02 * runs,
    `SEED=${SEED} ${rejected}/${runs}`,
  );
});

test("B4.3 with a window of 16 the same test rejects half of the samples: the window matters", () => {
  const random = modelRandomness(SEED);
  const returns = new Float64Array(1000);
  let rejected = 0;
  for (let run = 0; run < 200; run += 1) {
    fillStandardNormal(random, returns);
    if (certain(leeMyklandJumps(returns, { window: 16 })).length > 0) rejected += 1;
  }
  assert.ok(rejected > 70 && rejected < 140, `SEED=${SEED} ${rejected}/200`);
});

test("B4.3 a jump of ten deviations is found where it is, with its sign, in 99 % of samples", () => {
  const random = modelRandomness(SEED);
  const returns = new Float64Array(1000);
  let found = 0;
  for (let run = 0; run < 300; run += 1) {
    fillStandardNormal(random, returns);
    const at = 156 + random.below(844);
    const sign = run % 2 === 0 ? 1 : -1;
    returns[at] = returns[at]! * 0.5 + sign * 10;
    const jumps = certain(leeMyklandJumps(returns, { window: 156 }));
    if (jumps.some(({ index, statistic }) => index === at && statistic * sign > 0)) found += 1;
  }
  assert.ok(found >= 297, `SEED=${SEED} ${found}/300`);
});

test("B4.3 running sums of local volatility equal the definition", () => {
  const random = modelRandomness(SEED);
  const returns = new Float64Array(120);
  fillStandardNormal(random, returns);
  // What a running sum keeps of this one, after it has left the window, would hide every later jump.
  returns[40] = 1e16;
  const window = 9;
  const jumps = certain(leeMyklandJumps(returns, { window, level: 0.5 }));
  const { centre, scale } = leeMyklandConstants(120);
  const expected: { index: number; statistic: number }[] = [];
  for (let i = window - 1; i < 120; i += 1) {
    let sum = 0;
    for (let j = i - window + 2; j <= i - 1; j += 1) sum += Math.abs(returns[j]! * returns[j - 1]!);
    const statistic = returns[i]! / Math.sqrt(sum / (window - 2));
    if ((Math.abs(statistic) - centre) / scale > gumbelThreshold(0.5)) {
      expected.push({ index: i, statistic });
    }
  }
  assert.equal(
    jumps.map(({ index }) => index),
    expected.map(({ index }) => index),
  );
  assert.ok(expected.length > 0);
  jumps.forEach(({ statistic }, k) => {
    assert.ok(Math.abs(statistic / expected[k]!.statistic - 1) < 1e-6);
  });
});

test("B4.3 the ratio test rejects its nominal shares without jumps, and jumps with certainty", () => {
  const random = modelRandomness(SEED);
  const returns = new Float64Array(390);
  const runs = 3000;
  let [five, one, caught] = [0, 0, 0];
  for (let run = 0; run < runs; run += 1) {
    fillStandardNormal(random, returns);
    const { pValue } = certain(jumpTest(returns));
    if (pValue < 0.05) five += 1;
    if (pValue < 0.01) one += 1;
    if (run % 10 === 0) {
      returns[200]! += 20;
      const jumped = certain(jumpTest(returns));
      if (jumped.pValue < 0.001 && jumped.jumpShare > 0.1) caught += 1;
    }
  }
  // 5.2 % and 1.07 % are the sizes at n = 390; standard errors 0.41 % and 0.19 %.
  assert.ok(Math.abs(five / runs - 0.052) < 4 * 0.0041, `SEED=${SEED} ${five}`);
  assert.ok(Math.abs(one / runs - 0.0107) < 4 * 0.0019, `SEED=${SEED} ${one}`);
  assert.ok(caught >= 297, `SEED=${SEED} ${caught}`);
});

test("B4.3 the jump tests ignore the scale and the sign of returns", () => {
  const random = modelRandomness(SEED);
  const returns = new Float64Array(400);
  fillStandardNormal(random, returns);
  returns[300]! += 9;
  const plain = certain(jumpTest(returns));
  const scaled = certain(jumpTest(returns.map((r) => -0.001 * r)));
  assert.ok(Math.abs(plain.statistic - scaled.statistic) < 1e-9);
  const jumps = certain(leeMyklandJumps(returns, { window: 110 }));
  const mirrored = certain(
    leeMyklandJumps(
      returns.map((r) => -0.001 * r),
      { window: 110 },
    ),
  );
  assert.equal(
    mirrored.map(({ index }) => index),
    jumps.map(({ index }) => index),
  );
});

test("B4.3 too short, still or broken samples are refused", () => {
  assert.is(code(jumpTest([1, 2])), "too_short");
  assert.is(code(jumpTest([1, 0, 1, 0, 1])), "undefined");
  assert.is(code(jumpTest([1, 2, Number.NaN])), "not_finite");
  const huge = [1e200, -1e200, 1e200, -1e200, 1e200];
  assert.is(code(jumpTest(huge)), "not_finite");
  assert.is(code(leeMyklandJumps(huge, { window: 3 })), "not_finite");
  assert.is(code(leeMyklandJumps([1, 2, 3], { window: 2 })), "out_of_range");
  assert.is(code(leeMyklandJumps([1, 2, 3], { window: 4 })), "too_short");
  assert.is(code(leeMyklandJumps([0, 0, 0, 0, 1], { window: 4 })), "undefined");
  assert.is(code(leeMyklandJumps([1, 2, 3, 4], { window: 3, level: 1 })), "out_of_range");
});

test.run();
