import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../../test/support/seed.ts";
import { certain } from "../numerics/failure.ts";
import { standardNormal } from "../random/distributions.ts";
import { modelRandomness, type ModelRandomness } from "../random/generator.ts";
import {
  type CoxIngersollRoss,
  coxIngersollRossCheck,
  coxIngersollRossMean,
  coxIngersollRossStep,
  coxIngersollRossVariance,
  geometricBrownianStep,
  ornsteinUhlenbeckStep,
} from "./exact-transitions.ts";
import { integrateJumpPath, jumpAdaptedGrid, poissonTimes } from "./jumps.ts";
import { integratePath, type Scheme, step, type StochasticEquation } from "./schemes.ts";

const test = suite("stochastic schemes");
const SEED = seed(2_010_48);

const gbm = { drift: 1.5, volatility: 0.8 };
const equation: Required<StochasticEquation> = {
  drift: (x) => gbm.drift * x,
  diffusion: (x) => gbm.volatility * x,
  diffusionSlope: () => gbm.volatility,
};

/** Least squares slope of log error against log step. */
function slope(steps: readonly number[], errors: readonly number[]): number {
  const x = steps.map(Math.log);
  const y = errors.map(Math.log);
  const mean = (values: readonly number[]): number =>
    values.reduce((a, b) => a + b, 0) / values.length;
  const [mx, my] = [mean(x), mean(y)];
  let [xy, xx] = [0, 0];
  for (const [i, one] of x.entries()) {
    xy += (one - mx) * (y[i]! - my);
    xx += (one - mx) ** 2;
  }
  return xy / xx;
}

const grid = (intervals: number): Float64Array =>
  Float64Array.from({ length: intervals + 1 }, (_, k) => k / intervals);

/** Mean |error| and mean error at 1 against the exact solution on the same Brownian path. */
function errorsOf(scheme: Scheme, intervals: number, paths: number, random: ModelRandomness) {
  const times = grid(intervals);
  const [out, brownian] = [new Float64Array(times.length), new Float64Array(times.length)];
  let [absolute, signed] = [0, 0];
  for (let path = 0; path < paths; path += 1) {
    certain(integratePath(equation, scheme, 1, times, random, out, brownian));
    const error = out[intervals]! - geometricBrownianStep(gbm, 1, 1, brownian[intervals]!);
    absolute += Math.abs(error) / paths;
    signed += error / paths;
  }
  return { absolute, signed };
}

test("B4.8 strong orders are 0.5, 1, 1 and 1.5", () => {
  const accepted = [
    ["euler", 0.4, 0.7],
    ["milstein", 0.85, 1.1],
    ["runge-kutta-milstein", 0.85, 1.1],
    ["sri1w1", 1.3, 1.6],
  ] as const;
  const intervals = [8, 16, 32, 64];
  for (const [scheme, low, high] of accepted) {
    const random = modelRandomness(SEED);
    // At 4,000 paths the slope of a scheme has a standard error of about 0.03.
    const errors = intervals.map((count) => errorsOf(scheme, count, 4_000, random).absolute);
    const order = slope(
      intervals.map((count) => 1 / count),
      errors,
    );
    assert.ok(order > low && order < high, `${scheme}: ${order} SEED=${SEED}`);
  }
});

test("B4.8 the weak order of Euler is 1, and its mean is told from the exact one", () => {
  const intervals = [4, 8, 16, 32];
  const random = modelRandomness(SEED + 1);
  const errors = intervals.map((count) => -errorsOf("euler", count, 8_000, random).signed);
  const order = slope(
    intervals.map((count) => 1 / count),
    errors,
  );
  assert.ok(order > 0.75 && order < 1.25, `${order} SEED=${SEED}`);
  // For this linear equation the scheme's own mean is (1 + mu h)^n.
  for (const [index, count] of intervals.entries()) {
    const bias = Math.exp(1.5) - (1 + 1.5 / count) ** count;
    assert.ok(Math.abs(errors[index]! / bias - 1) < 0.15, `${count} SEED=${SEED}`);
  }
});

test("B4.8 without noise each scheme is a method for ordinary equations, without drift a martingale", () => {
  const still: Required<StochasticEquation> = {
    drift: (x, t) => -x + t,
    diffusion: () => 0,
    diffusionSlope: () => 0,
  };
  // x' = -x + t from 1: 2 e^-t + t - 1.
  const exact = 2 * Math.exp(-1);
  for (const scheme of ["euler", "milstein", "runge-kutta-milstein"] as const) {
    const out = new Float64Array(65);
    certain(integratePath(still, scheme, 1, grid(64), modelRandomness(1), out));
    assert.ok(Math.abs(out[64]! - exact) < 0.01);
  }
  const out = new Float64Array(65);
  certain(integratePath(still, "sri1w1", 1, grid(64), modelRandomness(1), out));
  assert.ok(Math.abs(out[64]! - exact) < 1e-4, "of second order in h without noise");
  const noise: StochasticEquation = { drift: () => 0, diffusion: (x) => 0.5 * Math.cos(x) };
  const random = modelRandomness(SEED + 2);
  let sum = 0;
  for (let path = 0; path < 4_000; path += 1) {
    const ends = new Float64Array(9);
    sum += certain(integratePath(noise, "sri1w1", 0.3, grid(8), random, ends))[8]!;
  }
  assert.ok(Math.abs(sum / 4_000 - 0.3) < (4 * 0.5) / Math.sqrt(4_000), `SEED=${SEED}`);
});

/** Central moments and whether they are within `z` standard errors. */
function momentsNear(values: Float64Array, mean: number, variance: number, what: string): void {
  const n = values.length;
  let [m, v, fourth] = [0, 0, 0];
  for (const value of values) m += value / n;
  for (const value of values) {
    v += (value - m) ** 2 / (n - 1);
    fourth += (value - m) ** 4 / n;
  }
  assert.ok(Math.abs(m - mean) < 4 * Math.sqrt(v / n), `${what} mean ${m} ${mean} SEED=${SEED}`);
  const error = Math.sqrt((fourth - v * v) / n);
  assert.ok(Math.abs(v - variance) < 4 * error, `${what} variance ${v} ${variance} SEED=${SEED}`);
}

test("B4.8 exact transitions have the moments of their laws, in one step or in many", () => {
  const random = modelRandomness(SEED + 3);
  const ou = { reversion: 1.3, mean: 0.5, volatility: 0.7 };
  const cirs: readonly CoxIngersollRoss[] = [
    { reversion: 1.3, mean: 0.5, volatility: 0.7 },
    // Touches 0: fewer than one degree of freedom.
    { reversion: 0.4, mean: 0.1, volatility: 0.6 },
  ];
  for (const steps of [1, 5]) {
    const h = 0.8 / steps;
    const repeat = (x: number, advance: (at: number) => number): Float64Array =>
      Float64Array.from({ length: 20_000 }, () => {
        let at = x;
        for (let k = 0; k < steps; k += 1) at = advance(at);
        return at;
      });
    momentsNear(
      repeat(2, (x) => ornsteinUhlenbeckStep(ou, x, h, standardNormal(random))),
      0.5 + 1.5 * Math.exp(-1.3 * 0.8),
      (0.49 * (1 - Math.exp(-2 * 1.3 * 0.8))) / 2.6,
      `OU ${steps}`,
    );
    momentsNear(
      repeat(2, (x) =>
        Math.log(geometricBrownianStep(gbm, Math.exp(x), h, Math.sqrt(h) * standardNormal(random))),
      ),
      2 + (1.5 - 0.32) * 0.8,
      0.64 * 0.8,
      `GBM ${steps}`,
    );
    for (const cir of cirs) {
      assert.is(coxIngersollRossCheck(cir), null);
      momentsNear(
        repeat(0.3, (x) => coxIngersollRossStep(cir, x, h, random)),
        coxIngersollRossMean(cir, 0.3, 0.8),
        coxIngersollRossVariance(cir, 0.3, 0.8),
        `CIR ${steps} ${cir.mean}`,
      );
    }
  }
  // No reversion is a Brownian motion, to the last digit.
  assert.is(ornsteinUhlenbeckStep({ ...ou, reversion: 0 }, 2, 0.25, 1.5), 2 + 0.7 * 0.5 * 1.5);
});

test("B4.8 jumps put into the grid keep the order that jumps moved to the grid lose", () => {
  const random = modelRandomness(SEED + 4);
  const intervals = [8, 16, 32, 64];
  const errors = { adapted: [] as number[], moved: [] as number[] };
  const paths = 3_000;
  const slow = { drift: 0.2, volatility: 0.6 };
  const growth: Required<StochasticEquation> = {
    drift: (x) => slow.drift * x,
    diffusion: (x) => slow.volatility * x,
    diffusionSlope: () => slow.volatility,
  };
  for (const count of intervals) {
    let [adapted, moved] = [0, 0];
    for (let path = 0; path < paths; path += 1) {
      const jumps = certain(poissonTimes(3, 1, random));
      const { grid: times, jumpAt } = certain(jumpAdaptedGrid(1, count, jumps));
      // A jump of the level by 1 does not commute with growth: its time matters.
      let [x, y, exact, pending] = [1, 1, 1, 0];
      for (let k = 1; k < times.length; k += 1) {
        const h = times[k]! - times[k - 1]!;
        const increment = Math.sqrt(h) * standardNormal(random);
        x = step(growth, "milstein", x, times[k - 1]!, h, increment, 0) + jumpAt[k]!;
        exact = geometricBrownianStep(slow, exact, h, increment) + jumpAt[k]!;
        // The same path with jumps at the end of their interval of the regular grid.
        y = step(growth, "milstein", y, times[k - 1]!, h, increment, 0);
        pending += jumpAt[k]!;
        if (Math.abs(times[k]! * count - Math.round(times[k]! * count)) < 1e-12) {
          y += pending;
          pending = 0;
        }
      }
      adapted += Math.abs(x - exact) / paths;
      moved += Math.abs(y - exact) / paths;
    }
    errors.adapted.push(adapted);
    errors.moved.push(moved);
  }
  const steps = intervals.map((count) => 1 / count);
  const order = slope(steps, errors.adapted);
  assert.ok(order > 0.85 && order < 1.1, `${order} SEED=${SEED}`);
  const lost = slope(steps, errors.moved);
  assert.ok(lost > 0.35 && lost < 0.7, `${lost} ${order} SEED=${SEED}`);
});

test("B4.8 a jump diffusion has the mean of its law", () => {
  const random = modelRandomness(SEED + 5);
  const flat: StochasticEquation = { drift: (x) => 0.1 * x, diffusion: (x) => 0.2 * x };
  const paths = 4_000;
  let [sum, squares] = [0, 0];
  for (let path = 0; path < paths; path += 1) {
    const jumps = certain(poissonTimes(2, 1, random));
    const adapted = certain(jumpAdaptedGrid(1, 8, jumps));
    const out = new Float64Array(adapted.grid.length);
    const end = certain(
      integrateJumpPath(
        flat,
        "runge-kutta-milstein",
        1,
        adapted,
        (x, mark) => x * Math.exp(mark),
        (from) => -0.1 + 0.15 * standardNormal(from),
        random,
        out,
      ),
    ).at(-1)!;
    sum += end;
    squares += end * end;
  }
  const mean = sum / paths;
  const error = Math.sqrt((squares / paths - mean * mean) / paths);
  const expected = Math.exp(0.1 + 2 * (Math.exp(-0.1 + 0.15 ** 2 / 2) - 1));
  // Eight steps of a drift of 0.1 have a bias of 0.0006.
  assert.ok(Math.abs(mean - expected) < 4 * error + 0.001, `${mean} ${expected} SEED=${SEED}`);
});

test("B4.8 what cannot be integrated is refused by name", () => {
  const code = (result: { ok: boolean; failure?: { code: string } }): string =>
    result.failure?.code ?? "answered";
  const random = modelRandomness(1);
  const run = (
    scheme: Scheme,
    start: number,
    times: Float64Array,
    out: Float64Array,
    of: StochasticEquation = equation,
  ): string => code(integratePath(of, scheme, start, times, random, out));
  const two = Float64Array.of(0, 1);
  assert.is(run("euler", 1, two, new Float64Array(2)), "answered");
  assert.is(run("euler", Number.NaN, two, new Float64Array(2)), "not_finite");
  assert.is(run("euler", 1, Float64Array.of(1, 0), new Float64Array(2)), "unsorted");
  assert.is(run("euler", 1, two, new Float64Array(1)), "wrong_shape");
  const bare = { drift: equation.drift, diffusion: equation.diffusion };
  assert.is(run("milstein", 1, two, new Float64Array(2), bare), "wrong_shape");
  const cubic = { drift: (x: number) => x ** 3, diffusion: () => 0 };
  const long = Float64Array.from({ length: 50 }, (_, k) => k);
  assert.is(run("euler", 9, long, new Float64Array(50), cubic), "not_finite");
  assert.is(code(jumpAdaptedGrid(1, 4, Float64Array.of(0.5, 0.2))), "unsorted");
  assert.is(code(jumpAdaptedGrid(1, 4, Float64Array.of(1.5))), "out_of_range");
  assert.is(code(poissonTimes(-1, 1, random)), "out_of_range");
  assert.is(coxIngersollRossCheck({ reversion: 0, mean: 1, volatility: 1 })?.code, "out_of_range");
  const tied = certain(jumpAdaptedGrid(1, 2, Float64Array.of(0.25, 0.25, 0.5)));
  assert.equal(Array.from(tied.grid), [0, 0.25, 0.5, 1]);
  assert.equal(Array.from(tied.jumpAt), [0, 2, 1, 0]);
});

test.run();
