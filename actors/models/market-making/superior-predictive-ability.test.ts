import { suite } from "uvu";
import * as assert from "uvu/assert";

import { near, refusalOf } from "../../../test/models/closeness.ts";
import { seed } from "../../../test/support/seed.ts";
import { certain } from "../numerics/failure.ts";
import { standardNormal } from "../random/distributions.ts";
import { modelRandomness } from "../random/generator.ts";
import { benchmarkLosses, forecastLosses } from "./superior-predictive-ability.oracles.ts";
import { superiorPredictiveAbility } from "./superior-predictive-ability.ts";

const test = suite("superior predictive ability");
const SEED = seed(8_214_690_731);

test("B4.4 the probabilities are those of another program's bootstrap, within their errors", () => {
  // 0.0716 from 200,000 resamples in numpy; each forecast recentred, independent losses.
  const resamples = 20_000;
  const result = certain(
    superiorPredictiveAbility(
      benchmarkLosses,
      forecastLosses,
      { blockLength: 1, resamples },
      modelRandomness(SEED),
    ),
  );
  const error = Math.sqrt((0.0716 * 0.93) / resamples);
  assert.ok(Math.abs(result.upper - 0.0716) < 4.5 * error, `${result.upper} SEED=${SEED}`);
  assert.ok(result.lower <= result.consistent && result.consistent <= result.upper);
  assert.ok(result.lower < result.upper, "clearly worse forecasts count in the upper one only");
});

/** Losses of a benchmark and three others; the first of them better by `gain`. */
function drawn(from: number, periods: number, gain: number) {
  const random = modelRandomness(from);
  const noise = (): Float64Array =>
    Float64Array.from({ length: periods }, () => standardNormal(random));
  return { benchmark: noise(), others: [noise().map((loss) => loss - gain), noise(), noise()] };
}

test("B4.4 equal forecasts are rarely rejected, a better one nearly always found", () => {
  const rejected = (gain: number, trials: number): number => {
    let count = 0;
    for (let trial = 0; trial < trials; trial += 1) {
      const { benchmark, others } = drawn(SEED + trial, 100, gain);
      const { consistent } = certain(
        superiorPredictiveAbility(
          benchmark,
          others,
          { blockLength: 2, resamples: 200 },
          modelRandomness(SEED + 10_000 + trial),
        ),
      );
      if (consistent < 0.05) count += 1;
    }
    return count;
  };
  const falsely = rejected(0, 200);
  // 5 % nominal; blocks and 200 resamples add a little.
  assert.ok(falsely <= 24, `${falsely} of 200 equal benchmarks rejected, SEED=${SEED}`);
  const found = rejected(0.6, 40);
  assert.ok(found >= 34, `${found} of 40 better forecasts found, SEED=${SEED}`);
});

test("B4.4 losses in another unit change nothing", () => {
  const options = { blockLength: 4, resamples: 500 };
  const one = certain(
    superiorPredictiveAbility(benchmarkLosses, forecastLosses, options, modelRandomness(SEED)),
  );
  const other = certain(
    superiorPredictiveAbility(
      benchmarkLosses.map((loss) => 1_000 * loss + 7),
      forecastLosses.map((losses) => losses.map((loss) => 1_000 * loss + 7)),
      options,
      modelRandomness(SEED),
    ),
  );
  near(other.statistic, one.statistic, 1e-9);
  assert.is(other.upper, one.upper);
});

test("B4.4 losses that cannot be compared are refused", () => {
  const code = (
    benchmark: Float64Array,
    losses: readonly Float64Array[],
    options = { blockLength: 2, resamples: 10 },
  ): string => refusalOf(superiorPredictiveAbility(benchmark, losses, options, modelRandomness(1)));
  assert.match(code(new Float64Array(3), [new Float64Array(3)]), "too_short");
  assert.match(code(benchmarkLosses, []), "too_short");
  assert.match(code(benchmarkLosses, [new Float64Array(9)]), "wrong_shape");
  assert.match(code(benchmarkLosses, [benchmarkLosses]), "undefined losses[0]");
  assert.match(code(benchmarkLosses, [benchmarkLosses.map(() => Number.NaN)]), "not_finite");
  assert.match(
    code(benchmarkLosses, forecastLosses, { blockLength: 0, resamples: 1 }),
    "out_of_range",
  );
});

test.run();
