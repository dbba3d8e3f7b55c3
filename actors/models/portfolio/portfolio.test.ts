import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../../test/support/seed.ts";
import { certain } from "../numerics/failure.ts";
import { choleskyFactor, Matrix, solve } from "../numerics/linear-algebra.ts";
import { standardNormal } from "../random/distributions.ts";
import { modelRandomness, type ModelRandomness } from "../random/generator.ts";
import { blackLitterman } from "./black-litterman.ts";
import { ledoitWolf, ledoitWolfConstantCorrelation } from "./ledoit-wolf.ts";
import { largeMeanVariance, meanVariance, type MeanVarianceProblem } from "./mean-variance.ts";
import { heLitterman, heLittermanCovariance, marketWeights } from "./portfolio.oracles.ts";
import { riskParity } from "./risk-parity.ts";

const test = suite("portfolios");
const SEED = seed(1_952_077);
const code = (result: { ok: boolean; failure?: { code: string } }): string =>
  result.failure?.code ?? "answered";

/** B B' + diagonal of n assets. */
function covarianceOf(n: number, random: ModelRandomness): Float64Array {
  const factor = Float64Array.from({ length: n * n }, () => random.unit() - 0.3);
  const covariance = new Float64Array(n * n);
  for (let i = 0; i < n; i += 1) {
    for (let j = 0; j < n; j += 1) {
      let sum = i === j ? 0.05 : 0;
      for (let k = 0; k < n; k += 1) sum += factor[i * n + k]! * factor[j * n + k]!;
      covariance[i * n + j] = sum;
    }
  }
  return covariance;
}

const utility = (problem: MeanVarianceProblem, weights: Float64Array): number => {
  const n = weights.length;
  let value = 0;
  for (let i = 0; i < n; i += 1) {
    value += weights[i]! * problem.expectedReturns[i]!;
    value -= (problem.costs?.[i] ?? 0) * Math.abs(weights[i]! - (problem.held?.[i] ?? 0));
    for (let j = 0; j < n; j += 1) {
      value -=
        (problem.riskAversion / 2) * weights[i]! * problem.covariance[i * n + j]! * weights[j]!;
    }
  }
  return value;
};

test("B5.4 random portfolios under every constraint meet the optimality conditions below 1e-8", () => {
  const random = modelRandomness(SEED);
  for (let round = 0; round < 30; round += 1) {
    const n = 3 + random.below(8);
    const draw = (): Float64Array => Float64Array.from({ length: n }, () => random.unit());
    const held = new Float64Array(n).fill(1 / n);
    const problem: MeanVarianceProblem = {
      expectedReturns: draw().map((value) => 0.2 * value),
      covariance: covarianceOf(n, random),
      riskAversion: 1 + 4 * random.unit(),
      budget: 1,
      lower: new Float64Array(n).fill(-0.1),
      upper: new Float64Array(n).fill(0.6),
      atLeast: {
        matrix: Float64Array.from({ length: n }, (_, i) => (i < 2 ? 1 : 0)),
        right: Float64Array.of(0.2),
      },
      ...(round % 3 === 0 ? {} : { held }),
      ...(round % 3 === 1 ? { turnover: 0.3 } : {}),
      ...(round % 3 === 2 ? { costs: draw().map((value) => 0.05 * value) } : {}),
    };
    const found = certain(meanVariance(problem));
    const { weights, residual, turnover } = found;
    assert.ok(residual.largest < 1e-8, `round ${round} ${residual.largest} SEED=${SEED}`);
    assert.ok(Math.abs(weights.reduce((a, b) => a + b, 0) - 1) < 1e-9, `SEED=${SEED}`);
    if (problem.turnover !== undefined) assert.ok(turnover <= 0.3 + 1e-9, `SEED=${SEED}`);
    const best = utility(problem, weights);
    for (let tried = 0; tried < 200; tried += 1) {
      const other = Float64Array.from(weights);
      const [i, j] = [random.below(n), random.below(n)];
      const step = (random.unit() - 0.5) * 0.1;
      other[i]! += step;
      other[j]! -= step;
      const moved = other.reduce((sum, value, at) => sum + Math.abs(value - held[at]!), 0);
      const feasible =
        other.every((value) => value >= -0.1 && value <= 0.6) &&
        other[0]! + other[1]! >= 0.2 &&
        (problem.turnover === undefined || moved <= 0.3);
      if (feasible)
        assert.ok(utility(problem, other) <= best + 1e-9, `round ${round} SEED=${SEED}`);
    }
  }
});

test("B5.4 without bounds the portfolio of least variance is S^-1 1 scaled, whatever the scale of S", () => {
  const n = 7;
  const ones = Matrix.ones(n, 1);
  const direct = certain(solve("S", Matrix.from1DArray(n, n, heLittermanCovariance), ones));
  const problem = {
    expectedReturns: new Float64Array(n),
    covariance: heLittermanCovariance,
    riskAversion: 1,
    budget: 1,
  };
  const first = certain(meanVariance(problem));
  for (let i = 0; i < n; i += 1) {
    assert.ok(Math.abs(first.weights[i]! - direct.get(i, 0) / direct.sum()) < 1e-12);
  }
  const scaled = certain(
    meanVariance({ ...problem, covariance: heLittermanCovariance.map((value) => 1e4 * value) }),
  );
  for (let i = 0; i < n; i += 1) {
    assert.ok(Math.abs(first.weights[i]! - scaled.weights[i]!) < 1e-9);
  }
  assert.ok(Math.abs(scaled.deviation / first.deviation - 100) < 1e-6);
});

test("B5.4 both solvers give one portfolio, proved below 1e-8 by each", async () => {
  const random = modelRandomness(SEED + 4);
  const n = 60;
  const problem: MeanVarianceProblem = {
    expectedReturns: Float64Array.from({ length: n }, () => 0.1 * random.unit()),
    covariance: covarianceOf(n, random).map((value) => value / n),
    riskAversion: 3,
    budget: 1,
    lower: new Float64Array(n),
    upper: new Float64Array(n).fill(0.1),
    held: new Float64Array(n).fill(1 / n),
    costs: new Float64Array(n).fill(0.004),
  };
  const [small, large] = [meanVariance(problem), await largeMeanVariance(problem)].map(certain);
  for (const one of [small!, large!]) {
    assert.ok(one.residual.largest < 1e-8, `${one.residual.largest} SEED=${SEED}`);
  }
  for (const [i, weight] of small!.weights.entries()) {
    assert.ok(Math.abs(weight - large!.weights[i]!) < 1e-7, `SEED=${SEED}`);
  }
});

test("B5.4 a turnover of nothing keeps what is held, and a large one binds no more", () => {
  const held = Float64Array.of(0.1, 0.2, 0.1, 0.1, 0.2, 0.2, 0.1);
  const problem = {
    expectedReturns: certain(blackLittermanPi()),
    covariance: heLittermanCovariance,
    riskAversion: 2.5,
    budget: 1,
    held,
  };
  const still = certain(meanVariance({ ...problem, turnover: 0 }));
  for (const [i, weight] of still.weights.entries()) assert.ok(Math.abs(weight - held[i]!) < 1e-8);
  const free = certain(meanVariance(problem));
  const loose = certain(meanVariance({ ...problem, turnover: 100 }));
  const tight = certain(meanVariance({ ...problem, turnover: free.turnover / 2 }));
  for (const [i, weight] of free.weights.entries()) {
    assert.ok(Math.abs(weight - loose.weights[i]!) < 1e-7);
    // Reverse optimisation: the equilibrium returns give the market back.
    assert.ok(Math.abs(weight - marketWeights[i]! / 1.001) < 1e-3);
  }
  assert.ok(Math.abs(tight.turnover - free.turnover / 2) < 1e-8);
});

function blackLittermanPi() {
  const value = heLitterman(4).equilibriumReturns;
  return { ok: true as const, value };
}

test("B5.4 sure views are met, doubted views change nothing, and a view that is implied weighs nothing", () => {
  const inputs = {
    covariance: heLittermanCovariance,
    marketWeights,
    riskAversion: 2.5,
    tau: 0.05,
    views: Float64Array.of(0, 0, -0.295, 1, 0, -0.705, 0, 0, 1, 0, 0, 0, 0, -1),
    viewReturns: Float64Array.of(0.05, 0.03),
  };
  const sure = certain(blackLitterman({ ...inputs, viewVariances: Float64Array.of(1e-14, 1e-14) }));
  const doubted = certain(blackLitterman({ ...inputs, viewVariances: Float64Array.of(1e9, 1e9) }));
  for (const view of [0, 1]) {
    let value = 0;
    for (let i = 0; i < 7; i += 1) value += inputs.views[view * 7 + i]! * sure.expectedReturns[i]!;
    assert.ok(Math.abs(value - inputs.viewReturns[view]!) < 1e-9);
    assert.ok(Math.abs(doubted.viewWeights[view]!) < 1e-9);
  }
  for (const [i, value] of doubted.expectedReturns.entries()) {
    assert.ok(Math.abs(value - doubted.equilibriumReturns[i]!) < 1e-10);
  }
  // Table 8's remark: the return of the second view that the portfolio without it implies.
  const one = {
    ...inputs,
    views: inputs.views.slice(0, 7),
    viewReturns: inputs.viewReturns.slice(0, 1),
  };
  const without = certain(blackLitterman(one));
  let implied = 0;
  for (let i = 0; i < 7; i += 1) {
    const slope = heLittermanCovariance[7 + i]! - heLittermanCovariance[42 + i]!;
    implied += 2.5 * slope * without.weights[i]!;
  }
  const both = certain(blackLitterman({ ...inputs, viewReturns: Float64Array.of(0.05, implied) }));
  assert.ok(Math.abs(both.viewWeights[1]!) < 1e-12);
  assert.ok(Math.abs(both.viewWeights[0]! - without.viewWeights[0]!) < 1e-12);
  // A view said twice is two views.
  const twice = certain(
    blackLitterman({
      ...one,
      views: Float64Array.of(...one.views, ...one.views),
      viewReturns: Float64Array.of(0.05, 0.05),
    }),
  );
  assert.ok(Math.abs(twice.viewWeights[0]! - twice.viewWeights[1]!) < 1e-12);
  assert.ok(2 * twice.viewWeights[0]! > without.viewWeights[0]!);
});

test("B5.4 the weights are the market and the views' portfolios, held by the view weights", () => {
  for (const table of [4, 5, 6, 7] as const) {
    const { weights, viewWeights } = heLitterman(table);
    const views = [
      [0, 0, -0.295, 1, 0, -0.705, 0],
      [0, 1, 0, 0, 0, 0, -1],
    ];
    for (let i = 0; i < 7; i += 1) {
      let value = marketWeights[i]!;
      for (const [k, lambda] of viewWeights.entries()) value += views[k]![i]! * lambda;
      assert.ok(Math.abs(value / 1.05 - weights[i]!) < 1e-12);
    }
  }
});

test("B5.4 risk shares are the budgets, and the portfolios of theory come out", () => {
  const random = modelRandomness(SEED + 1);
  for (let round = 0; round < 40; round += 1) {
    const n = 1 + random.below(15);
    const budgets = Float64Array.from({ length: n }, () => 0.05 + random.unit());
    const total = budgets.reduce((a, b) => a + b, 0);
    const { weights, riskShares } = certain(riskParity(covarianceOf(n, random), budgets));
    for (const [i, share] of riskShares.entries()) {
      assert.ok(Math.abs(share - budgets[i]! / total) < 1e-10, `round ${round} SEED=${SEED}`);
      assert.ok(weights[i]! > 0);
    }
  }
  // Equal correlations, and two assets whatever their correlation: weights are inverse volatilities.
  const volatilities = [0.01, 0.2, 3];
  for (const [n, correlation] of [
    [3, 0.4],
    [2, -0.9],
    [2, 0.99],
  ] as const) {
    const covariance = Float64Array.from({ length: n * n }, (_, index) => {
      const [i, j] = [Math.floor(index / n), index % n];
      return volatilities[i]! * volatilities[j]! * (i === j ? 1 : correlation);
    });
    const { weights } = certain(riskParity(covariance));
    let sum = 0;
    for (let i = 0; i < n; i += 1) sum += 1 / volatilities[i]!;
    for (let i = 0; i < n; i += 1) {
      assert.ok(Math.abs(weights[i]! * volatilities[i]! * sum - 1) < 1e-10);
    }
  }
});

test("B5.4 shrunk covariances are nearer to the truth than the sample, and positive definite", () => {
  const random = modelRandomness(SEED + 2);
  const [n, t] = [12, 20];
  // One correlation for all pairs, unlike variances.
  const truth = Float64Array.from({ length: n * n }, (_, index) => {
    const [i, j] = [Math.floor(index / n), index % n];
    return (1 + 0.1 * i) * (1 + 0.1 * j) * (i === j ? 1 : 0.4);
  });
  const lower = certain(choleskyFactor("truth", Matrix.from1DArray(n, n, truth)));
  const distance = (other: Float64Array): number =>
    other.reduce((sum, value, index) => sum + (value - truth[index]!) ** 2, 0);
  let [sample, identity, constant] = [0, 0, 0];
  for (let round = 0; round < 100; round += 1) {
    const observations = new Float64Array(t * n);
    for (let row = 0; row < t; row += 1) {
      const z = Float64Array.from({ length: n }, () => standardNormal(random));
      for (let i = 0; i < n; i += 1) {
        for (let k = 0; k <= i; k += 1) observations[row * n + i]! += lower.get(i, k) * z[k]!;
      }
    }
    const first = certain(ledoitWolf(observations, n));
    const second = certain(ledoitWolfConstantCorrelation(observations, n));
    assert.ok(first.shrinkage > 0 && first.shrinkage < 1 && second.shrinkage > 0, `SEED=${SEED}`);
    certain(choleskyFactor("shrunk", Matrix.from1DArray(n, n, first.covariance)));
    identity += distance(first.covariance);
    constant += distance(second.covariance);
    sample += distance(
      first.covariance.map((value, index) => {
        const target = Math.floor(index / n) === index % n ? first.meanVariance : 0;
        return (value - first.shrinkage * target) / (1 - first.shrinkage);
      }),
    );
  }
  assert.ok(identity < 0.95 * sample, `${identity} ${sample} SEED=${SEED}`);
  assert.ok(constant < 0.8 * identity, `${constant} ${identity} SEED=${SEED}`);
});

test("B5.4 shrinkage follows units, and equal correlations in the sample are kept as they are", () => {
  const random = modelRandomness(SEED + 3);
  const observations = Float64Array.from({ length: 60 }, () => standardNormal(random));
  const first = certain(ledoitWolf(observations, 3));
  const scaled = certain(
    ledoitWolf(
      observations.map((value) => value * 50 + 7),
      3,
    ),
  );
  assert.ok(Math.abs(first.shrinkage - scaled.shrinkage) < 1e-9, `SEED=${SEED}`);
  const one = certain(ledoitWolfConstantCorrelation(observations, 3));
  const units = certain(
    ledoitWolfConstantCorrelation(
      observations.map((value, index) => value * 10 ** (index % 3)),
      3,
    ),
  );
  assert.ok(Math.abs(one.correlation - units.correlation) < 1e-12, `SEED=${SEED}`);
  // Two assets have one correlation: the target is the sample.
  const pair = certain(ledoitWolfConstantCorrelation(observations, 2));
  assert.ok(
    Math.abs(pair.covariance[1]! - certain(sampleCovariance(observations, 2))) < 1e-12,
    `SEED=${SEED}`,
  );
});

/** s_01 by its definition. */
function sampleCovariance(values: Float64Array, n: number) {
  const t = values.length / n;
  let [x, y, xy] = [0, 0, 0];
  for (let row = 0; row < t; row += 1) {
    x += values[row * n]! / t;
    y += values[row * n + 1]! / t;
    xy += (values[row * n]! * values[row * n + 1]!) / t;
  }
  return { ok: true as const, value: xy - x * y };
}

test("B5.4 portfolios without an answer are refused by name", () => {
  const good: MeanVarianceProblem = {
    expectedReturns: Float64Array.of(0.1, 0.2),
    covariance: Float64Array.of(1, 0, 0, 1),
    riskAversion: 1,
    budget: 1,
  };
  const answer = (change: Partial<MeanVarianceProblem>): string =>
    code(meanVariance({ ...good, ...change }));
  assert.is(answer({}), "answered");
  assert.is(answer({ covariance: new Float64Array(3) }), "wrong_shape");
  assert.is(answer({ turnover: 1 }), "wrong_shape");
  assert.is(answer({ riskAversion: -1 }), "out_of_range");
  assert.is(answer({ budget: Number.NaN }), "not_finite");
  assert.is(answer({ upper: Float64Array.of(0.3, 0.3) }), "infeasible");
  assert.is(answer({ covariance: Float64Array.of(1, 2, 2, 1) }), "not_positive_definite");
  assert.is(answer({ riskAversion: 0 }), "not_converged");
  assert.is(answer({ riskAversion: 0, lower: new Float64Array(2) }), "answered");
  assert.is(code(riskParity(Float64Array.of(1, 0, 0, 0))), "not_positive_definite");
  assert.is(code(riskParity(Float64Array.of(1, 0, 0))), "wrong_shape");
  assert.is(code(riskParity(good.covariance, Float64Array.of(1, 0))), "out_of_range");
  assert.is(code(ledoitWolf(Float64Array.of(1, 2), 2)), "too_short");
  assert.is(code(ledoitWolf(Float64Array.of(1, 2, 3), 2)), "wrong_shape");
  assert.is(code(ledoitWolf(Float64Array.of(1, 1, 1, 1), 2)), "undefined");
  const views = {
    covariance: good.covariance,
    marketWeights: Float64Array.of(0.5, 0.5),
    riskAversion: 2,
    tau: 0.1,
    views: Float64Array.of(1, -1),
    viewReturns: Float64Array.of(0.1),
  };
  assert.is(code(blackLitterman(views)), "answered");
  assert.is(code(blackLitterman({ ...views, views: Float64Array.of(1) })), "wrong_shape");
  assert.is(code(blackLitterman({ ...views, tau: 0 })), "out_of_range");
  assert.is(code(blackLitterman({ ...views, viewVariances: Float64Array.of(0) })), "out_of_range");
});

test.run();
