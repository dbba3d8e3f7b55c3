import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../../test/support/seed.ts";
import { certain } from "../numerics/failure.ts";
import { standardNormal } from "../random/distributions.ts";
import { modelRandomness } from "../random/generator.ts";
import { blockedFolds, outOfFold, stackingWeights, type Trainer } from "./stacking.ts";

const test = suite("stacking");
const SEED = seed(1_992);

test("every row is held out once, never trained on, and the gap keeps its neighbours out", () => {
  for (const [rows, folds, gap] of [
    [10, 3, 0],
    [101, 7, 4],
    [6, 6, 1],
  ] as const) {
    const seen = new Set<number>();
    for (const { training, held } of certain(blockedFolds(rows, folds, gap))) {
      for (const row of held) {
        assert.not(seen.has(row));
        seen.add(row);
        assert.ok(training.every((other) => Math.abs(other - row) > gap));
      }
    }
    assert.is(seen.size, rows);
  }
});

/** y = 2 x + noise; one model fits the slope, the other remembers what it was shown. */
function experiment(rows: number) {
  const random = modelRandomness(SEED);
  const x = Float64Array.from({ length: rows }, () => standardNormal(random));
  const y = x.map((value) => 2 * value + standardNormal(random));
  const slope: Trainer = (training, held) => {
    let [xx, xy] = [0, 0];
    for (const row of training) {
      xx += x[row]! * x[row]!;
      xy += x[row]! * y[row]!;
    }
    return Array.from(held, (row) => (xy / xx) * x[row]!);
  };
  const memory: Trainer = (training, held) => {
    const shown = new Set(training);
    return Array.from(held, (row) => (shown.has(row) ? y[row]! : 0));
  };
  return { y, slope, memory };
}

test("a model that only remembers gets no weight out of fold, and all of it in fold", () => {
  const rows = 300;
  const { y, slope, memory } = experiment(rows);
  const predictions = [slope, memory].map((trainer) => certain(outOfFold(trainer, rows, 5)));
  const weights = certain(stackingWeights(predictions, y));
  assert.ok(weights[1]! < 0.05, `SEED=${SEED} ${weights[1]}`);
  const all = Int32Array.from({ length: rows }, (_, row) => row);
  const inFold = certain(stackingWeights([slope(all, all), memory(all, all)], y));
  assert.ok(inFold[1]! > 0.999, `SEED=${SEED} ${inFold[1]}`);
});

test("the weights are a point of the simplex that no other one beats", () => {
  const random = modelRandomness(SEED);
  const rows = 80;
  const y = Array.from({ length: rows }, () => standardNormal(random));
  const predictions = Array.from({ length: 4 }, (_, model) =>
    y.map((value) => value + (0.5 + model) * standardNormal(random)),
  );
  const weights = certain(stackingWeights(predictions, y));
  const error = (w: ArrayLike<number>): number =>
    y.reduce((sum, value, row) => {
      const mixed = predictions.reduce((total, one, model) => total + w[model]! * one[row]!, 0);
      return sum + (value - mixed) ** 2;
    }, 0);
  assert.ok(Math.abs(weights.reduce((sum, weight) => sum + weight, 0) - 1) < 1e-9);
  assert.ok(weights.every((weight) => weight > -1e-9));
  const least = error(weights);
  for (let trial = 0; trial < 300; trial += 1) {
    const other = Array.from({ length: 4 }, () => -Math.log(1 - random.unit()));
    const sum = other.reduce((total, one) => total + one, 0);
    assert.ok(error(other.map((one) => one / sum)) >= least - 1e-9, `SEED=${SEED} trial ${trial}`);
  }
});

test("a trainer that answers for other rows, and shapes that do not fit, are refused", () => {
  const code = (result: { readonly ok: boolean; readonly failure?: { readonly code: string } }) =>
    result.failure?.code ?? "ok";
  assert.is(code(outOfFold(() => [1], 10, 2)), "wrong_shape");
  assert.is(code(outOfFold((_, held) => Array.from(held, () => Number.NaN), 10, 2)), "not_finite");
  assert.is(code(blockedFolds(10, 1, 0)), "out_of_range");
  assert.is(code(stackingWeights([], [1, 2])), "empty");
  assert.is(code(stackingWeights([[1]], [1, 2])), "wrong_shape");
});

test.run();
