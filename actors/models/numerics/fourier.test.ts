import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../../test/support/seed.ts";
import { modelRandomness } from "../random/generator.ts";
import { circulantEigenvalues, convolve, fourier, periodogram, powerOfTwo } from "./fourier.ts";

const test = suite("fourier");
const SEED = seed(31_415_926);

function numbers(random: { unit(): number }, length: number): Float64Array {
  return Float64Array.from({ length }, () => 2 * random.unit() - 1);
}

test("B7.4 the transform is the sum that defines it, and the inverse undoes it", () => {
  const random = modelRandomness(SEED);
  const n = 16;
  const data = numbers(random, 2 * n);
  const out = new Float64Array(2 * n);
  const back = new Float64Array(2 * n);
  const transform = fourier(n);
  transform.forward(data, out);
  for (let k = 0; k < n; k += 1) {
    let re = 0;
    let im = 0;
    for (let j = 0; j < n; j += 1) {
      const [c, s] = [Math.cos((-2 * Math.PI * j * k) / n), Math.sin((-2 * Math.PI * j * k) / n)];
      re += data[2 * j]! * c - data[2 * j + 1]! * s;
      im += data[2 * j]! * s + data[2 * j + 1]! * c;
    }
    assert.ok(Math.abs(re - out[2 * k]!) < 1e-13 && Math.abs(im - out[2 * k + 1]!) < 1e-13);
  }
  transform.inverse(out, back);
  data.forEach((one, i) => assert.ok(Math.abs(one - back[i]!) < 1e-15));
});

test("B7.4 a convolution equals its double sum for every pair of lengths", () => {
  const random = modelRandomness(SEED);
  for (const [n, m] of [
    [1, 1],
    [3, 5],
    [17, 4],
    [64, 64],
    [100, 1],
  ] as const) {
    const [a, b] = [numbers(random, n), numbers(random, m)];
    const fast = convolve(a, b);
    assert.is(fast.length, n + m - 1);
    fast.forEach((one, k) => {
      let sum = 0;
      for (let j = 0; j < n; j += 1) if (k - j >= 0 && k - j < m) sum += a[j]! * b[k - j]!;
      assert.ok(Math.abs(one - sum) < 1e-13, `SEED=${SEED} ${n} x ${m} at ${k}`);
    });
  }
  assert.is(convolve(new Float64Array(0), Float64Array.of(1)).length, 0);
});

test("B7.4 a periodogram of any number of values equals the sum that defines it", () => {
  const random = modelRandomness(SEED);
  for (const n of [3, 8, 13, 100, 257]) {
    const x = numbers(random, n);
    const found = periodogram(x);
    assert.is(found.length, Math.floor((n - 1) / 2));
    found.forEach((one, at) => {
      let [re, im] = [0, 0];
      x.forEach((value, t) => {
        re += value * Math.cos((2 * Math.PI * (at + 1) * t) / n);
        im += value * Math.sin((2 * Math.PI * (at + 1) * t) / n);
      });
      const sum = (re * re + im * im) / (2 * Math.PI * n);
      assert.ok(Math.abs(one - sum) < 1e-12, `SEED=${SEED} ${n}, ${at}: ${one} is not ${sum}`);
    });
  }
});

test("B7.4 eigenvalues of a circulant sum to its trace and to its squares", () => {
  const half = [2, 0.7, -0.2, 0.1, 0.05];
  const row = Float64Array.from({ length: 8 }, (_, k) => half[Math.min(k, 8 - k)]!);
  const values = circulantEigenvalues(row);
  const sum = values.reduce((a, b) => a + b, 0);
  const squares = values.reduce((a, b) => a + b * b, 0);
  const rowSquares = row.reduce((a, b) => a + b * b, 0);
  assert.ok(Math.abs(sum - 8 * 2) < 1e-13);
  assert.ok(Math.abs(squares - 8 * rowSquares) < 1e-12);
});

test("B7.4 a size that is no power of two, or arrays that do not fit, are refused", () => {
  assert.is(powerOfTwo(1), 2);
  assert.is(powerOfTwo(1025), 2048);
  for (const size of [0, 1, 3, 12, 2.5, Number.NaN])
    assert.throws(() => fourier(size), /power of two/);
  const eight = new Float64Array(8);
  assert.throws(() => fourier(4).forward(eight, new Float64Array(7)), /two arrays/);
  assert.throws(() => fourier(4).forward(eight, eight), /two arrays/);
});

test.run();
