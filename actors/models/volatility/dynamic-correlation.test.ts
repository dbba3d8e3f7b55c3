import { determinant, inverse } from "ml-matrix";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { correlatedShocks } from "../../../test/models/market-samples.ts";
import { seed } from "../../../test/support/seed.ts";
import { certain, type ModelResult } from "../numerics/failure.ts";
import { choleskyFactor, Matrix, symmetricEigen } from "../numerics/linear-algebra.ts";
import { standardNormal } from "../random/distributions.ts";
import { modelRandomness } from "../random/generator.ts";
import {
  correlationOf,
  dccPath,
  ewmaCovariance,
  fitDcc,
  fitDccShocks,
} from "./dynamic-correlation.ts";
import { returns, shocks, startCovariance } from "./dynamic-correlation.oracles.ts";

const test = suite("dynamic correlation");
const SEED = seed(2002);
const code = (result: ModelResult<unknown>): string => (result.ok ? "ok" : result.failure.code);
const near = (a: number, b: number, error: number, what = ""): void =>
  assert.ok(Math.abs(a - b) <= error, `${what}: ${a} is not ${b}`);

const simulatedShocks = (n: number, a: number, b: number, mean: number): number[][] =>
  correlatedShocks(modelRandomness(SEED), n, { a, b, mean });

test("B4.2 a and b of a simulated moving correlation are recovered", () => {
  const found = certain(fitDccShocks(simulatedShocks(2500, 0.06, 0.9, 0.4)));
  near(found.parameters.a, 0.06, 0.025, `SEED=${SEED} a`);
  near(found.parameters.b, 0.9, 0.05, `SEED=${SEED} b`);
  const still = certain(dccPath(simulatedShocks(2500, 0.06, 0.9, 0.4), { a: 0, b: 0 }));
  assert.ok(found.path.logLikelihood > still.logLikelihood + 20);
});

test("B4.2 without weights the correlation is the constant one", () => {
  const { correlations, next } = certain(dccPath(shocks, { a: 0, b: 0 }));
  const e = new Matrix(shocks);
  const constant = certain(correlationOf(e.transpose().mmul(e).div(shocks.length)));
  for (const one of [...correlations, next]) near(one.get(0, 1), constant.get(0, 1), 1e-14);
});

test("B4.2 swapping assets swaps the path, and a sign turns its correlation", () => {
  const parameters = { a: 0.05, b: 0.9 };
  const plain = certain(dccPath(shocks, parameters));
  const swapped = certain(
    dccPath(
      shocks.map(([x, y]) => [y!, x!]),
      parameters,
    ),
  );
  const turned = certain(
    dccPath(
      shocks.map(([x, y]) => [x!, -y!]),
      parameters,
    ),
  );
  near(swapped.logLikelihood, plain.logLikelihood, 1e-12, "swapped");
  near(turned.logLikelihood, plain.logLikelihood, 1e-12, "turned");
  near(turned.next.get(0, 1), -plain.next.get(0, 1), 1e-14, "sign");
});

test("B4.2 every matrix is a correlation: ones on the diagonal, positive definite", () => {
  const random = modelRandomness(SEED);
  const e = Array.from({ length: 60 }, () =>
    Array.from({ length: 4 }, () => standardNormal(random)),
  );
  for (const one of certain(dccPath(e, { a: 0.3, b: 0.5 })).correlations) {
    assert.equal(one.diagonal(), [1, 1, 1, 1]);
    assert.ok(choleskyFactor("a correlation", one).ok);
  }
});

test("B4.2 the likelihood of four assets is the one by a determinant and an inverse", () => {
  const random = modelRandomness(SEED);
  const e = Array.from({ length: 30 }, () =>
    Array.from({ length: 4 }, () => standardNormal(random)),
  );
  const { correlations, logLikelihood } = certain(dccPath(e, { a: 0.2, b: 0.6 }));
  let sum = 0;
  correlations.forEach((r, t) => {
    const shock = Matrix.columnVector(e[t]!);
    const weighted = shock.transpose().mmul(inverse(r)).mmul(shock).get(0, 0);
    sum += Math.log(determinant(r)) + weighted - shock.norm() ** 2;
  });
  near(logLikelihood, -0.5 * sum, 1e-11, `SEED=${SEED}`);
});

test("B4.2 an asset held twice is lifted off singularity, not refused and not NaN", () => {
  const random = modelRandomness(SEED);
  const doubled = Array.from({ length: 60 }, () => {
    const x = standardNormal(random);
    return [x, x, standardNormal(random)];
  });
  const covariance = certain(
    ewmaCovariance(doubled, [
      [1, 1, 0],
      [1, 1, 0],
      [0, 0, 1],
    ]),
  );
  const { values } = certain(symmetricEigen("covariance", covariance));
  assert.ok(values[0]! > 0 && values[0]! < 1e-10 * covariance.trace(), `${values[0]}`);
  const path = certain(dccPath(doubled, { a: 0.05, b: 0.9 }));
  assert.ok(Number.isFinite(path.logLikelihood));
});

test("B4.2 EWMA of a constant row is its outer product, and it is linear in the start", () => {
  const row = [0.02, -0.01];
  const many = Array.from({ length: 600 }, () => row);
  const limit = certain(ewmaCovariance(many, startCovariance));
  near(limit.get(0, 1), -2e-4, 1e-12, "limit");
  const once = certain(ewmaCovariance(returns.slice(0, 2), startCovariance, 0.9));
  const stepped = certain(
    ewmaCovariance(
      returns.slice(1, 2),
      certain(ewmaCovariance(returns.slice(0, 1), startCovariance, 0.9)).to2DArray(),
      0.9,
    ),
  );
  near(Matrix.sub(once, stepped).norm(), 0, 1e-18, "two steps are two single steps");
});

test("B4.2 both steps together forecast a covariance of the right size", () => {
  const e = simulatedShocks(1500, 0.05, 0.9, 0.5);
  const rows = e.map(([x, y]) => [0.01 * x!, 0.02 * y!]);
  const { garch, parameters, nextCovariance } = certain(fitDcc(rows));
  assert.is(garch.length, 2);
  assert.ok(parameters.a >= 0 && parameters.b >= 0 && parameters.a + parameters.b < 1);
  near(Math.sqrt(nextCovariance.get(0, 0)), 0.01, 0.003, `SEED=${SEED} first`);
  near(Math.sqrt(nextCovariance.get(1, 1)), 0.02, 0.006, `SEED=${SEED} second`);
  assert.ok(choleskyFactor("covariance", nextCovariance).ok);
});

test("B4.2 weights, shapes and numbers out of range are refused", () => {
  assert.is(code(ewmaCovariance(returns, startCovariance, 1)), "out_of_range");
  assert.is(code(ewmaCovariance(returns, [[1]])), "wrong_shape");
  assert.is(code(ewmaCovariance([[1, Number.NaN]], startCovariance)), "not_finite");
  assert.is(code(dccPath(shocks, { a: 0.5, b: 0.5 })), "out_of_range");
  assert.is(code(dccPath(shocks, { a: -0.1, b: 0.5 })), "out_of_range");
  assert.is(code(dccPath([[1, 2]], { a: 0.1, b: 0.5 })), "too_short");
  assert.is(
    code(
      dccPath(
        [
          [0, 1],
          [0, 2],
          [0, 3],
        ],
        { a: 0.1, b: 0.5 },
      ),
    ),
    "ok",
  );
  assert.is(
    code(
      correlationOf(
        new Matrix([
          [1, 0],
          [0, 0],
        ]),
      ),
    ),
    "not_positive_definite",
  );
});

test.run();
