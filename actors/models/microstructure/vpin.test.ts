import { suite } from "uvu";
import * as assert from "uvu/assert";

import { certain } from "../numerics/failure.ts";
import { volumeBuckets, vpinOfBars } from "./vpin.ts";

const test = suite("VPIN");

test("B5.6 flow that is all bought has a VPIN of one, flow that is balanced of zero", () => {
  const bars = { volumes: [50, 70, 80, 100, 300], bucketVolume: 100, buckets: 2 };
  const bought = certain(
    vpinOfBars({ ...bars, priceChanges: [1, 1, 1, 1, 1], standardDeviation: 0.01 }),
  );
  assert.is(bought.length, 5);
  for (const value of bought) assert.is(value, 1);
  const balanced = certain(
    vpinOfBars({ ...bars, priceChanges: [0, 0, 0, 0, 0], standardDeviation: 0.01 }),
  );
  for (const value of balanced) assert.ok(Math.abs(value) < 1e-15);
});

test("B5.6 VPIN does not depend on the unit of volume, nor on which side is which", () => {
  const priceChanges = [0.3, -0.2, 0.5, -0.7, 0.1, 0.2, -0.4];
  const volumes = [12, 30, 7, 22, 41, 18, 30];
  const of = (sign: number, unit: number): Float64Array =>
    certain(
      vpinOfBars({
        priceChanges: priceChanges.map((change) => sign * change),
        volumes: volumes.map((volume) => unit * volume),
        bucketVolume: 25 * unit,
        buckets: 3,
        standardDeviation: 0.4,
      }),
    );
  const base = of(1, 1);
  assert.is(base.length, 4);
  of(-1, 8).forEach((value, at) => assert.ok(Math.abs(value - base[at]!) < 1e-14));
});

test("one huge trade is the same as its lots one by one", () => {
  const make = (): ReturnType<typeof volumeBuckets> =>
    volumeBuckets({ bucketVolume: 10, buckets: 4 });
  const [whole, single] = [certain(make()), certain(make())];
  whole.takeSide(7, false);
  whole.takeSide(1005, true);
  single.takeSide(7, false);
  for (let lot = 0; lot < 1005; lot += 1) single.takeSide(1, true);
  assert.is(whole.closed, single.closed);
  assert.is(whole.value, single.value);
  for (const buckets of [whole, single]) buckets.takeSide(8, false);
  assert.is(whole.closed, single.closed);
  assert.is(whole.value, single.value);
  assert.ok(whole.value < 1);
});

test("bars without volume, and a deviation of zero, are refused", () => {
  const bars = {
    volumes: [5],
    priceChanges: [1],
    bucketVolume: 10,
    buckets: 1,
    standardDeviation: 1,
  };
  const code = (given: typeof bars): string => {
    const result = vpinOfBars(given);
    return result.ok ? "ok" : result.failure.code;
  };
  assert.is(code(bars), "ok");
  assert.is(code({ ...bars, volumes: [0] }), "out_of_range");
  assert.is(code({ ...bars, volumes: [], priceChanges: [] }), "empty");
  assert.is(code({ ...bars, standardDeviation: 0 }), "out_of_range");
  assert.is(code({ ...bars, bucketVolume: Number.NaN }), "not_finite");
  assert.is(code({ ...bars, buckets: 0 }), "out_of_range");
});

test.run();
