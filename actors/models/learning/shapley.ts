/**
 * What each feature added to a prediction: Shapley values. Linear models with independent features:
 * phi_i = w_i (x_i - E x_i). Decision trees: Lundberg, Erion and Lee, "Consistent individualized feature
 * attribution for tree ensembles" (2018), algorithm 2, with expectations along the paths of the training
 * data (covers).
 */
import { ok } from "../../kernel/result.ts";
import {
  allFinite,
  type Check,
  failure,
  firstFailure,
  type ModelResult,
  refused,
  sameLength,
} from "../numerics/failure.ts";

export interface Explanation {
  /** One a feature; they add up to the prediction less `base`. */
  readonly values: Float64Array;
  /** Prediction expected without knowing any feature. */
  readonly base: number;
}

/** O(features). Failure codes: wrong_shape, not_finite. */
export function explainLinear(
  weights: ArrayLike<number>,
  intercept: number,
  features: ArrayLike<number>,
  means: ArrayLike<number>,
): ModelResult<Explanation> {
  const wrong = firstFailure(
    sameLength("features", features, "weights", weights),
    sameLength("means", means, "weights", weights),
    allFinite("weights", weights),
    allFinite("features", features),
    allFinite("means", means),
  );
  if (wrong !== null) return refused(wrong);
  let base = intercept;
  const values = Float64Array.from({ length: weights.length }, (_, at) => {
    base += weights[at]! * means[at]!;
    return weights[at]! * (features[at]! - means[at]!);
  });
  return ok({ values, base });
}

/** A leaf has `value`; an inner node sends x[feature] <= threshold to the left. */
export type TreeNode =
  | { readonly cover: number; readonly value: number }
  | {
      readonly cover: number;
      readonly feature: number;
      readonly threshold: number;
      readonly left: TreeNode;
      readonly right: TreeNode;
    };

/** O(leaves depth^2). Failure codes: not_finite, out_of_range (a cover, or a feature that is not there). */
export function explainTree(root: TreeNode, features: ArrayLike<number>): ModelResult<Explanation> {
  const wrong = allFinite("features", features) ?? treeFault(root, features.length);
  if (wrong !== null) return refused(wrong);
  const values = new Float64Array(features.length);
  descend(root, features, [], 1, 1, -1, values);
  return ok({ values, base: expectation(root) });
}

export function predictTree(root: TreeNode, features: ArrayLike<number>): number {
  let node = root;
  while ("feature" in node)
    node = features[node.feature]! <= node.threshold ? node.left : node.right;
  return node.value;
}

function expectation(node: TreeNode): number {
  if (!("feature" in node)) return node.value;
  const { left, right, cover } = node;
  return (left.cover * expectation(left) + right.cover * expectation(right)) / cover;
}

/** A feature on the path: shares of the subsets that go on without and with it, and their weights. */
interface Step {
  readonly feature: number;
  readonly zero: number;
  readonly one: number;
  readonly weight: number;
}

function descend(
  node: TreeNode,
  features: ArrayLike<number>,
  path: readonly Step[],
  zero: number,
  one: number,
  from: number,
  values: Float64Array,
): void {
  const longer = extend(path, zero, one, from);
  if (!("feature" in node)) {
    for (let at = 1; at < longer.length; at += 1) {
      const step = longer[at]!;
      const sum = unwind(longer, at).reduce((total, { weight }) => total + weight, 0);
      values[step.feature]! += sum * (step.one - step.zero) * node.value;
    }
    return;
  }
  const isLeft = features[node.feature]! <= node.threshold;
  const [hot, cold] = isLeft ? [node.left, node.right] : [node.right, node.left];
  const before = longer.findIndex(({ feature }, at) => at > 0 && feature === node.feature);
  const step = before < 0 ? { zero: 1, one: 1 } : longer[before]!;
  const rest = before < 0 ? longer : unwind(longer, before);
  const share = (child: TreeNode): number => (step.zero * child.cover) / node.cover;
  descend(hot, features, rest, share(hot), step.one, node.feature, values);
  descend(cold, features, rest, share(cold), 0, node.feature, values);
}

/** The path with one more feature: each subset either has it or has it not. */
function extend(
  path: readonly Step[],
  zero: number,
  one: number,
  feature: number,
): readonly Step[] {
  const length = path.length;
  const weights = path.map(({ weight }) => weight);
  weights.push(length === 0 ? 1 : 0);
  for (let at = length - 1; at >= 0; at -= 1) {
    weights[at + 1]! += (one * weights[at]! * (at + 1)) / (length + 1);
    weights[at] = (zero * weights[at]! * (length - at)) / (length + 1);
  }
  return [...path, { feature, zero, one, weight: 0 }].map((step, at) => ({
    ...step,
    weight: weights[at]!,
  }));
}

/** The path as if that feature had not been put on it. */
function unwind(path: readonly Step[], index: number): readonly Step[] {
  const last = path.length - 1;
  const { zero, one } = path[index]!;
  const weights = path.map(({ weight }) => weight);
  let carried = weights[last]!;
  for (let at = last - 1; at >= 0; at -= 1) {
    if (one !== 0) {
      const before = weights[at]!;
      weights[at] = (carried * (last + 1)) / ((at + 1) * one);
      carried = before - (weights[at]! * zero * (last - at)) / (last + 1);
    } else {
      weights[at] = (weights[at]! * (last + 1)) / (zero * (last - at));
    }
  }
  return path
    .filter((_, at) => at !== index)
    .map((step, at) => ({ ...step, weight: weights[at]! }));
}

function treeFault(node: TreeNode, features: number): Check {
  if (!(node.cover > 0) || !Number.isFinite(node.cover)) {
    return failure(
      "out_of_range",
      `a cover of ${node.cover}`,
      "it counts the training examples that reached the node",
      "leave nodes out that none reached",
    );
  }
  if (!("feature" in node)) return allFinite("leaf", [node.value]);
  const { feature, left, right, cover, threshold } = node;
  if (!Number.isInteger(feature) || feature < 0 || feature >= features) {
    return failure(
      "out_of_range",
      `feature ${feature}`,
      `there are ${features} features`,
      "explain with the features that the tree was trained on",
    );
  }
  if (Math.abs(left.cover + right.cover - cover) > 1e-9 * cover) {
    return failure(
      "out_of_range",
      `covers ${left.cover} and ${right.cover} below one of ${cover}`,
      "what reaches a node reaches one of its children",
      "count the covers again",
    );
  }
  return (
    allFinite("threshold", [threshold]) ?? treeFault(left, features) ?? treeFault(right, features)
  );
}
