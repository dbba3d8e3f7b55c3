import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../../test/support/seed.ts";
import { certain } from "../numerics/failure.ts";
import { modelRandomness, type ModelRandomness } from "../random/generator.ts";
import { explainLinear, explainTree, predictTree, type TreeNode } from "./shapley.ts";

const test = suite("Shapley values");
const SEED = seed(1_953);

function grown(random: ModelRandomness, features: number, depth: number, cover: number): TreeNode {
  if (depth === 0 || cover < 2 || random.unit() < 0.15)
    return { cover, value: random.unit() * 10 - 5 };
  const left = 1 + random.below(cover - 1);
  return {
    cover,
    feature: random.below(features),
    threshold: random.unit(),
    left: grown(random, features, depth - 1, left),
    right: grown(random, features, depth - 1, cover - left),
  };
}

/** Expectation along the tree when only the features of the set are known. */
function expected(node: TreeNode, x: readonly number[], known: number): number {
  if (!("feature" in node)) return node.value;
  const { feature, threshold, left, right, cover } = node;
  if ((known >> feature) & 1) return expected(x[feature]! <= threshold ? left : right, x, known);
  return (left.cover * expected(left, x, known) + right.cover * expected(right, x, known)) / cover;
}

/** Shapley values by their definition, over all subsets. */
function bruteForce(tree: TreeNode, x: readonly number[]): number[] {
  const count = x.length;
  const factorial = (n: number): number => (n <= 1 ? 1 : n * factorial(n - 1));
  return x.map((_, feature) => {
    let sum = 0;
    for (let set = 0; set < 2 ** count; set += 1) {
      if ((set >> feature) & 1) continue;
      const size = set.toString(2).replaceAll("0", "").length;
      const weight = (factorial(size) * factorial(count - size - 1)) / factorial(count);
      sum += weight * (expected(tree, x, set | (1 << feature)) - expected(tree, x, set));
    }
    return sum;
  });
}

test("TreeSHAP is the definition over all subsets, for trees that split on a feature again and again", () => {
  const random = modelRandomness(SEED);
  for (let run = 0; run < 120; run += 1) {
    const features = 1 + random.below(8);
    const tree = grown(random, features, 1 + random.below(6), 200);
    const x = Array.from({ length: features }, () => random.unit());
    const { values, base } = certain(explainTree(tree, x));
    bruteForce(tree, x).forEach((value, at) =>
      assert.ok(Math.abs(value - values[at]!) < 1e-10, `SEED=${SEED} run ${run} feature ${at}`),
    );
    const sum = values.reduce((total, value) => total + value, 0);
    assert.ok(Math.abs(sum - (predictTree(tree, x) - base)) < 1e-10, `SEED=${SEED} run ${run}`);
  }
});

test("a linear model's values add up to its prediction less the expected one", () => {
  const [weights, x, means] = [
    [0.5, -2, 3],
    [1, 4, -1],
    [0.2, 3, 0],
  ];
  const { values, base } = certain(explainLinear(weights, 0.7, x, means));
  const prediction = 0.7 + weights.reduce((sum, weight, at) => sum + weight * x[at]!, 0);
  assert.ok(Math.abs(base + values.reduce((a, b) => a + b, 0) - prediction) < 1e-14);
  assert.equal([...certain(explainLinear(weights, 0, means, means)).values], [0, -0, 0]);
});

test("a tree that cannot have been trained is refused", () => {
  const leaf = { cover: 1, value: 2 };
  const code = (tree: TreeNode, x: readonly number[] = [1]): string => {
    const result = explainTree(tree, x);
    return result.ok ? "ok" : result.failure.code;
  };
  const split = { cover: 2, feature: 0, threshold: 0.5, left: leaf, right: leaf };
  assert.is(code(split), "ok");
  assert.is(code({ ...split, cover: 3 }), "out_of_range");
  assert.is(code({ ...split, feature: 1 }), "out_of_range");
  assert.is(code({ cover: 0, value: 1 }), "out_of_range");
  assert.is(code({ cover: 1, value: Number.NaN }), "not_finite");
  assert.is(code(split, [Number.NaN]), "not_finite");
});

test.run();
