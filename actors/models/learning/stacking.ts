/**
 * Weights of a convex combination of models: Wolpert, "Stacked generalization", Neural Networks 5 (1992);
 * Breiman, "Stacked regressions", Machine Learning 24 (1996). Fitted on predictions of rows that the model had not
 * been trained on; blocks keep neighbours in time together, and a gap keeps their overlap out.
 */
import { ok } from "../../kernel/result.ts";
import {
  allFinite,
  atLeast,
  firstFailure,
  integerWithin,
  type ModelResult,
  notEmpty,
  refused,
  sameLength,
} from "../numerics/failure.ts";
import { solveQuadraticProgram } from "../numerics/quadratic-program.ts";

export interface Fold {
  /** Rows to train on. */
  readonly training: Int32Array;
  /** Rows to predict, none of them in `training`. */
  readonly held: Int32Array;
}

/**
 * Blocks of rows in their order, each held out once; rows nearer than `gap` to the held block are left out
 * of its training as well. O(folds rows). Failure codes: not_finite, out_of_range.
 */
export function blockedFolds(
  rows: number,
  folds: number,
  gap: number,
): ModelResult<readonly Fold[]> {
  const wrong = firstFailure(
    integerWithin("rows", rows, 2, 2 ** 31),
    integerWithin("folds", folds, 2, rows),
    integerWithin("gap", gap, 0, rows),
  );
  if (wrong !== null) return refused(wrong);
  return ok(
    Array.from({ length: folds }, (_, fold) => {
      const start = Math.floor((fold * rows) / folds);
      const end = Math.floor(((fold + 1) * rows) / folds);
      const training: number[] = [];
      for (let row = 0; row < rows; row += 1)
        if (row < start - gap || row >= end + gap) training.push(row);
      return {
        training: Int32Array.from(training),
        held: Int32Array.from({ length: end - start }, (__, at) => start + at),
      };
    }),
  );
}

/** Trains on some rows and predicts others, in their order. */
export type Trainer = (training: Int32Array, held: Int32Array) => ArrayLike<number>;

/**
 * Each row predicted by a model that was not trained on it. Failure codes: as blockedFolds, wrong_shape (a
 * trainer that answers for other rows), not_finite.
 */
export function outOfFold(
  trainer: Trainer,
  rows: number,
  folds: number,
  gap = 0,
): ModelResult<Float64Array> {
  const parted = blockedFolds(rows, folds, gap);
  if (!parted.ok) return parted;
  const predictions = new Float64Array(rows);
  for (const { training, held } of parted.value) {
    const answers = trainer(training, held);
    const wrong =
      sameLength("predictions", answers, "held", held) ?? allFinite("predictions", answers);
    if (wrong !== null) return refused(wrong);
    held.forEach((row, at) => {
      predictions[row] = answers[at]!;
    });
  }
  return ok(predictions);
}

/**
 * w >= 0 of sum 1 with the least squared error of sum_m w_m predictions_m. O(rows models^2 + models^3).
 * Failure codes: empty, too_short, wrong_shape, not_finite, and those of the quadratic program.
 */
export function stackingWeights(
  predictions: readonly ArrayLike<number>[],
  target: ArrayLike<number>,
): ModelResult<Float64Array> {
  const wrong = firstFailure(
    notEmpty("predictions", { length: predictions.length }),
    atLeast("target", target, 2),
    allFinite("target", target),
    ...predictions.flatMap((one, at) => [
      sameLength(`predictions[${at}]`, one, "target", target),
      allFinite(`predictions[${at}]`, one),
    ]),
  );
  if (wrong !== null) return refused(wrong);
  const models = predictions.length;
  const quadratic = new Float64Array(models * models);
  const linear = new Float64Array(models);
  for (let row = 0; row < target.length; row += 1) {
    for (let i = 0; i < models; i += 1) {
      const value = predictions[i]![row]!;
      linear[i]! -= (value * target[row]!) / target.length;
      for (let j = 0; j < models; j += 1)
        quadratic[i * models + j]! += (value * predictions[j]![row]!) / target.length;
    }
  }
  const solved = solveQuadraticProgram({
    quadratic,
    linear,
    equalities: { matrix: new Float64Array(models).fill(1), right: Float64Array.of(1) },
    lower: new Float64Array(models),
  });
  return solved.ok ? ok(solved.value.point) : solved;
}
