import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../../test/support/seed.ts";
import { certain } from "../numerics/failure.ts";
import { standardNormal } from "../random/distributions.ts";
import { modelRandomness } from "../random/generator.ts";
import { adaptiveWindow } from "./adaptive-window.ts";
import { pageHinkley } from "./page-hinkley.ts";

const test = suite("drift");
const SEED = seed(5_150);

test("B10.1 the window's mean and variance are those of its values, also after cuts", () => {
  const random = modelRandomness(SEED);
  const window = certain(adaptiveWindow());
  const seen: number[] = [];
  for (let step = 0; step < 6_000; step += 1) {
    const value = standardNormal(random) + (step < 3_000 ? 0 : 3);
    seen.push(value);
    window.update(value);
    if (step % 500 !== 0 || window.width < 2) continue;
    const kept = seen.slice(-window.width);
    const mean = kept.reduce((sum, one) => sum + one, 0) / kept.length;
    const variance = kept.reduce((sum, one) => sum + (one - mean) ** 2, 0) / kept.length;
    assert.ok(Math.abs(window.mean - mean) < 1e-9, `SEED=${SEED} step ${step}`);
    assert.ok(Math.abs(window.variance - variance) < 1e-8, `SEED=${SEED} step ${step}`);
  }
  // One change may be cut off in two steps: the first leaves a part of what was before.
  assert.ok(window.detections >= 1 && window.detections <= 3, `SEED=${SEED}`);
  assert.ok(window.width < 3_100 && window.width > 2_500, `SEED=${SEED} width ${window.width}`);
});

test("a window without drift is hardly ever cut, and grows", () => {
  const random = modelRandomness(SEED);
  let alarms = 0;
  for (let run = 0; run < 40; run += 1) {
    const window = certain(adaptiveWindow({ delta: 0.01 }));
    for (let step = 0; step < 2_000; step += 1) window.update(standardNormal(random));
    alarms += window.detections;
  }
  // The bound is far from tight: 40 runs at 1 % of false alarms allow for none or one.
  assert.ok(alarms <= 1, `SEED=${SEED} ${alarms} alarms`);
});

test("a larger change is found sooner, and the mirror image as soon", () => {
  const delay = (change: number): number => {
    const random = modelRandomness(SEED);
    const window = certain(adaptiveWindow({ clock: 1 }));
    for (let step = 0; step < 1_000; step += 1) window.update(standardNormal(random));
    for (let step = 0; step < 2_000; step += 1)
      if (window.update(standardNormal(random) + change)) return step;
    return 2_000;
  };
  assert.ok(delay(3) < delay(1));
  assert.ok(delay(1) < delay(0.4));
  assert.ok(delay(-3) < delay(-0.4));
});

test("Page-Hinkley hears a rise and not a fall, and starts anew after an alarm", () => {
  const alarms = (change: number): number => {
    const detector = certain(pageHinkley({ threshold: 20 }));
    let count = 0;
    for (let step = 0; step < 400; step += 1)
      if (detector.update(step < 200 ? 0 : change)) count += 1;
    return count;
  };
  assert.is(alarms(1), 1);
  assert.is(alarms(-1), 0);
  assert.is(alarms(0), 0);
});

test("values that are not finite are left out, parameters out of range refused", () => {
  const window = certain(adaptiveWindow());
  window.update(1);
  assert.is(window.update(Number.NaN), false);
  assert.is(window.width, 1);
  const detector = certain(pageHinkley());
  assert.is(detector.update(Number.POSITIVE_INFINITY), false);
  const code = (result: { readonly ok: boolean; readonly failure?: { readonly code: string } }) =>
    result.failure?.code ?? "ok";
  assert.is(code(adaptiveWindow({ delta: 0 })), "out_of_range");
  assert.is(code(adaptiveWindow({ clock: 0 })), "out_of_range");
  assert.is(code(pageHinkley({ threshold: 0 })), "out_of_range");
  assert.is(code(pageHinkley({ forgetting: 1.5 })), "out_of_range");
});

test.run();
