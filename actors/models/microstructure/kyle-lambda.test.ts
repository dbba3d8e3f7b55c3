import { suite } from "uvu";
import * as assert from "uvu/assert";

import { certain } from "../numerics/failure.ts";
import { kyleLambda } from "./kyle-lambda.ts";

const test = suite("Kyle's lambda");

const volumes = Array.from({ length: 200 }, (_, at) => ((at * 7919) % 101) - 50);

test("B5.6 noiseless prices give lambda back, linear and by square root", () => {
  const linear = certain(
    kyleLambda(
      volumes.map((x) => 0.25 + 0.004 * x),
      volumes,
      5,
    ),
  );
  assert.ok(Math.abs(linear.lambda - 0.004) < 1e-15, String(linear.lambda));
  assert.ok(Math.abs(linear.intercept - 0.25) < 1e-13);
  assert.ok(linear.standardError < 1e-12);
  const root = (x: number): number => Math.sign(x) * Math.sqrt(Math.abs(x));
  const concave = certain(
    kyleLambda(
      volumes.map((x) => 0.03 * root(x)),
      volumes,
      5,
      "square_root",
    ),
  );
  assert.ok(Math.abs(concave.lambda - 0.03) < 1e-15);
  // The other form must not fit: a test that cannot tell them apart proves neither.
  assert.ok(
    Math.abs(
      certain(
        kyleLambda(
          volumes.map((x) => 0.03 * root(x)),
          volumes,
          5,
        ),
      ).lambda - 0.03,
    ) > 0.02,
  );
});

test("B5.6 lambda scales with the price and against the volume", () => {
  const noise = volumes.map((x, at) => 0.004 * x + Math.sin(at * 1.7));
  const base = certain(kyleLambda(noise, volumes, 3));
  const scaled = certain(
    kyleLambda(
      noise.map((y) => 10 * y),
      volumes.map((x) => 2 * x),
      3,
    ),
  );
  assert.ok(Math.abs(scaled.lambda - 5 * base.lambda) < 1e-13);
  assert.ok(Math.abs(scaled.standardError - 5 * base.standardError) < 1e-13);
});

test("flow that never varies and uneven series are refused", () => {
  const code = (...given: Parameters<typeof kyleLambda>): string => {
    const result = kyleLambda(...given);
    return result.ok ? "ok" : result.failure.code;
  };
  assert.is(code([1, 2, 3], [5, 5, 5], 0), "singular");
  assert.is(code([1, 2, 3], [5, 5], 0), "wrong_shape");
  assert.is(code([1, 2], [5, 6], 0), "too_short");
  assert.is(code([1, 2, Number.NaN], [5, 6, 7], 0), "not_finite");
  assert.is(code([1, 2, 3], [5, 6, 7], 3), "out_of_range");
});

test.run();
