import { suite } from "uvu";
import * as assert from "uvu/assert";

import { certain } from "./failure.ts";
import { classicalErrors, leastSquares, neweyWestErrors } from "./least-squares.ts";

const test = suite("least squares");

/** Longley's regression, the certified values of the NIST StRD set "Longley". */
const longley = {
  y: [
    60323, 61122, 60171, 61187, 63221, 63639, 64989, 63761, 66019, 67857, 68169, 66513, 68655,
    69564, 69331, 70551,
  ],
  x: [
    [83, 234289, 2356, 1590, 107608, 1947],
    [88.5, 259426, 2325, 1456, 108632, 1948],
    [88.2, 258054, 3682, 1616, 109773, 1949],
    [89.5, 284599, 3351, 1650, 110929, 1950],
    [96.2, 328975, 2099, 3099, 112075, 1951],
    [98.1, 346999, 1932, 3594, 113270, 1952],
    [99, 365385, 1870, 3547, 115094, 1953],
    [100, 363112, 3578, 3350, 116219, 1954],
    [101.2, 397469, 2904, 3048, 117388, 1955],
    [104.6, 419180, 2822, 2857, 118734, 1956],
    [108.4, 442769, 2936, 2798, 120445, 1957],
    [110.8, 444546, 4681, 2637, 121950, 1958],
    [112.6, 482704, 3813, 2552, 123366, 1959],
    [114.2, 502601, 3931, 2514, 125368, 1960],
    [115.7, 518173, 4806, 2572, 127852, 1961],
    [116.9, 554894, 4007, 2827, 130081, 1962],
  ],
  coefficients: [
    -3482258.63459582, 15.0618722713733, -0.035819179292591, -2.02022980381683, -1.03322686717359,
    -0.0511041056535807, 1829.15146461355,
  ],
  errors: [
    890420.383607373, 84.9149257747669, 0.0334910077722432, 0.488399681651699, 0.214274163161675,
    0.22607320006937, 455.478499142212,
  ],
  determination: 0.995479004577296,
};

test("the certified values of an ill-conditioned regression are met to nine digits", () => {
  const design = Float64Array.from(longley.x.flatMap((row) => [1, ...row]));
  const fit = certain(leastSquares(design, Float64Array.from(longley.y)));
  const errors = classicalErrors(fit);
  for (const [index, expected] of longley.coefficients.entries()) {
    assert.ok(Math.abs(fit.coefficients[index]! / expected - 1) < 1e-9, `coefficient ${index}`);
    assert.ok(Math.abs(errors[index]! / longley.errors[index]! - 1) < 1e-9, `error ${index}`);
  }
  assert.ok(Math.abs(fit.determination - longley.determination) < 1e-12);
});

test("consistent errors equal the sandwich written out, and White's at no lag", () => {
  const n = 40;
  const x = Array.from({ length: n }, (_, i) => Math.sin(0.9 * i) + 0.02 * i);
  const y = Float64Array.from(
    x,
    (value, i) => 1 + 2 * value + Math.cos(1.3 * i) * (1 + value ** 2),
  );
  const design = Float64Array.from(x.flatMap((value) => [1, value]));
  const fit = certain(leastSquares(design, y));
  // Independent: the 2 x 2 inverse in closed form, and autocovariance matrices of the scores.
  const sums = { x: 0, xx: 0 };
  for (const value of x) {
    sums.x += value;
    sums.xx += value * value;
  }
  const determinant = n * sums.xx - sums.x ** 2;
  const slope = [-sums.x / determinant, n / determinant] as const;
  for (const lags of [0, 1, 4]) {
    let variance = 0;
    for (let s = 0; s < n; s += 1) {
      for (let t = 0; t < n; t += 1) {
        const weight = Math.max(0, 1 - Math.abs(s - t) / (lags + 1));
        const left = fit.residuals[s]! * (slope[0] + slope[1] * x[s]!);
        const right = fit.residuals[t]! * (slope[0] + slope[1] * x[t]!);
        variance += weight * left * right;
      }
    }
    const errors = certain(neweyWestErrors(design, fit, lags));
    assert.ok(Math.abs(errors[1]! / Math.sqrt(variance) - 1) < 1e-10, `lags ${lags}`);
  }
});

test("residuals are orthogonal to the design, and scaling a regressor scales its coefficient back", () => {
  const n = 25;
  const design = Float64Array.from({ length: n * 3 }, (_, i) =>
    i % 3 === 0 ? 1 : Math.sin(i * i) + (i % 7),
  );
  const y = Float64Array.from({ length: n }, (_, i) => Math.cos(3 * i) + i);
  const fit = certain(leastSquares(design, y));
  for (let j = 0; j < 3; j += 1) {
    let product = 0;
    for (let row = 0; row < n; row += 1) product += design[row * 3 + j]! * fit.residuals[row]!;
    assert.ok(Math.abs(product) < 1e-9, `${product}`);
  }
  const scaled = certain(
    leastSquares(
      design.map((value, i) => (i % 3 === 2 ? value * 1_000 : value)),
      y,
    ),
  );
  assert.ok(Math.abs(scaled.coefficients[2]! * 1_000 - fit.coefficients[2]!) < 1e-10);
});

test("what cannot be regressed is refused by name", () => {
  const code = (design: readonly number[], y: readonly number[]): string => {
    const result = leastSquares(Float64Array.from(design), Float64Array.from(y));
    return result.ok ? "fitted" : result.failure.code;
  };
  assert.is(code([], []), "wrong_shape");
  assert.is(code([1, 2, 3], [1, 2]), "wrong_shape");
  assert.is(code([1, 2], [1]), "too_short");
  assert.is(code([1, Number.NaN], [1, 2]), "not_finite");
  assert.is(code([1, 2, 2, 4, 3, 6], [1, 2, 3]), "not_positive_definite");
  assert.is(code([1, 2, 1, 3], [1, 2]), "fitted");
  const fit = certain(leastSquares(Float64Array.of(1, 1, 1), Float64Array.of(1, 2, 4)));
  for (const lags of [-1, 0.5, 3]) {
    const result = neweyWestErrors(Float64Array.of(1, 1, 1), fit, lags);
    assert.is(result.ok ? "answered" : result.failure.code, "out_of_range");
  }
});

test.run();
