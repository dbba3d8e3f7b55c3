import { suite } from "uvu";
import * as assert from "uvu/assert";

import {
  type Histogram,
  bootstrapRatio,
  groupedQuantileOf,
  merge,
  quantileOf,
  share,
  total,
} from "./histogram.ts";
import { latencyPlot } from "./plot.ts";

const test = suite("histograms of benches");

const hundred: Histogram = Array.from({ length: 100 }, (_, at) => [at + 1, 1] as const);

test("A7.1 a quantile is the value that this share does not exceed", () => {
  assert.is(quantileOf(hundred, 0.5), 51);
  assert.is(quantileOf(hundred, 0.99), 100);
  assert.is(quantileOf(hundred, 1), 100);
  assert.is(quantileOf([[7, 1_000]], 0.999), 7);
  assert.ok(Number.isNaN(quantileOf([], 0.5)));
});

test("A7.1 merged histograms count every value once", () => {
  const merged = merge([
    [
      [1, 2],
      [5, 1],
    ],
    [[5, 4]],
  ]);
  assert.equal(merged, [
    [1, 2],
    [5, 5],
  ]);
  assert.is(total(merged), 7);
  assert.is(share(merged, 1), 5 / 7);
});

test("A1.1 the bootstrap interval holds the ratio, and narrows with agreement", () => {
  const base = [100, 101, 99, 100, 102, 98, 100, 100, 101, 99];
  const values = base.map((value) => value * 1.5);
  const tight = bootstrapRatio(values, base);
  assert.ok(Math.abs(tight.ratio - 1.5) < 1e-9);
  assert.ok(tight.low <= 1.5 && tight.high >= 1.5);
  const loose = bootstrapRatio([100, 200, 300, 150, 250, 120, 280, 90, 310, 170], base);
  assert.ok(loose.high - loose.low > tight.high - tight.low);
  assert.equal(bootstrapRatio(values, base), tight, "the same every time");
  assert.throws(() => bootstrapRatio([1], []));
});

test("A1.1 a plot names each line, escapes its title, and stays in its frame", () => {
  const svg = latencyPlot("a < b", [
    { name: "reactor", histogram: hundred },
    { name: "nothing", histogram: [] },
    { name: "spinner", histogram: [[3_000_000, 4]] },
  ]);
  assert.match(svg, /a &lt; b/);
  assert.match(svg, />reactor</);
  assert.match(svg, />spinner</);
  assert.not.match(svg, />nothing</);
  for (const [, points = ""] of svg.matchAll(/points="([^"]*)"/g)) {
    for (const point of points.split(" ")) {
      const [x = -1, y = -1] = point.split(",").map(Number);
      assert.ok(x >= 79 && x <= 651 && y >= 49 && y <= 461, point);
    }
  }
});

test("a grouped quantile lies within its bucket, as far as the rank lies within its count", () => {
  assert.is(
    groupedQuantileOf(
      [
        [100, 10],
        [110, 10],
      ],
      0.5,
    ),
    100,
  );
  assert.is(
    groupedQuantileOf(
      [
        [100, 5],
        [110, 10],
        [120, 5],
      ],
      0.5,
    ),
    105,
  );
  assert.is(
    groupedQuantileOf(
      [
        [100, 1],
        [110, 9],
      ],
      0.55,
    ),
    105,
  );
  assert.ok(Number.isNaN(groupedQuantileOf([], 0.5)));
});

test.run();
