import { type Oracle, type OracleSource, vectorOracles } from "../oracle.ts";
import { adaptiveWindow } from "./adaptive-window.ts";
import { linearBandit } from "./bandits.ts";
import { adjustByCovariate, mixtureLogRatio } from "./experiments.ts";
import { hedge } from "./hedge.ts";
import { ftrlProximal, passiveAggressive } from "./online-linear.ts";
import { pageHinkley } from "./page-hinkley.ts";
import { explainTree, type TreeNode } from "./shapley.ts";
import { switchingStream } from "./switching-stream.ts";
import { kolmogorovSmirnov, populationStability, welchTest } from "./two-samples.ts";
import { certain } from "../numerics/failure.ts";

/** Index of the first alarm on the switching stream; -1 for none. */
const firstAlarm = (detector: { update(value: number): boolean }): number =>
  switchingStream.findIndex((value) => detector.update(value));

const drift: readonly Oracle[] = [
  {
    model: "ADWIN",
    formula: "|mean0 - mean1| > sqrt(2/m s^2 ln(2 ln W/delta)) + 2/(3m) ln(2 ln W/delta)",
    source: "Bifet, Gavaldà 2007; example of the river library",
    provenance: "R",
    quantity: "index of the alarm, switch at 1000, delta = .002, clock 32",
    expected: 1023,
    compute: () => firstAlarm(certain(adaptiveWindow())),
  },
  {
    model: "ADWIN",
    formula: "as above, tested after every value",
    source: "computed independently",
    provenance: "C",
    quantity: "index of the alarm, clock 1",
    expected: 1002,
    compute: () => firstAlarm(certain(adaptiveWindow({ clock: 1 }))),
  },
  {
    model: "Page-Hinkley",
    formula: "m = lambda m + (x - mean - delta), alarm when m - min m > threshold",
    source: "Page 1954; example of the river library",
    provenance: "R",
    quantity: "index of the alarm, switch at 1000",
    expected: 1006,
    compute: () => firstAlarm(certain(pageHinkley())),
  },
];

const a = [1.1, 0.9, 1.3, 1, 1.2, 0.8];
const b = [1.4, 1.1, 1.6, 1.2, 1.5];
const ks = (): ReturnType<typeof kolmogorovSmirnov> => kolmogorovSmirnov(a, b);
const welch = (): ReturnType<typeof welchTest> => welchTest(a, b);

const kolmogorov = {
  model: "Kolmogorov-Smirnov, exact",
  formula: "share of lattice paths that reach the distance",
  source: "enumeration of all partitions",
  provenance: "C",
} as const satisfies OracleSource;
const welchSource = {
  model: "Welch's t test",
  formula: "t = (m1 - m2) / sqrt(s1^2/n + s2^2/m), Satterthwaite's degrees",
  source: "Welch 1947; scipy",
  provenance: "C",
} as const satisfies OracleSource;

const samples: readonly Oracle[] = [
  {
    model: "Population stability index",
    formula: "sum (q - e) ln(q/e)",
    source: "by hand",
    provenance: "C",
    quantity: "five buckets",
    expected: ".02461835300610902",
    compute: () =>
      certain(populationStability([0.1, 0.2, 0.3, 0.25, 0.15], [0.12, 0.18, 0.35, 0.2, 0.15])),
  },
  { ...kolmogorov, quantity: "D", expected: 0.6, compute: () => certain(ks()).distance },
  {
    ...kolmogorov,
    quantity: "p, continuous null",
    expected: ".23809523809523814",
    compute: () => certain(ks()).continuous,
  },
  {
    ...kolmogorov,
    quantity: "p given the tie at 1.2",
    expected: ".18614718614718614",
    compute: () => certain(ks()).permutation,
  },
  {
    ...welchSource,
    quantity: "t",
    expected: "-2.580348545123",
    compute: () => certain(welch()).statistic,
  },
  {
    ...welchSource,
    quantity: "degrees",
    expected: "8.235482737415",
    compute: () => certain(welch()).degrees,
  },
  {
    ...welchSource,
    quantity: "p",
    expected: ".031840468966",
    compute: () => certain(welch()).pValue,
  },
];

const y = [5, 7, 6, 9, 4, 8];
const x = [4, 6, 6, 8, 3, 7];
const cuped = {
  model: "CUPED",
  formula: "theta = cov(y, x) / var(x); variance ratio 1 - r^2",
  source: "Deng, Xu, Kohavi, Walker 2013; by hand",
  provenance: "C",
} as const satisfies OracleSource;

const experiments: readonly Oracle[] = [
  {
    model: "Mixture SPRT",
    formula: "sqrt(v/(v+t2)) exp(t2 d^2 / (2 v (v+t2)))",
    source: "Johari et al. 2022, eq. (6); by hand",
    provenance: "C",
    quantity: "v = .004, d = .12, t2 = .05",
    expected: "1.440977674655",
    compute: () => Math.exp(certain(mixtureLogRatio(0.12, 0.004, 0.05))),
  },
  {
    ...cuped,
    quantity: "theta",
    expected: ".980769230769",
    compute: () => certain(adjustByCovariate(y, x)).theta,
  },
  {
    ...cuped,
    quantity: "variance ratio",
    expected: ".047252747253",
    compute: () => certain(adjustByCovariate(y, x)).varianceRatio,
  },
];

const examples: readonly (readonly [readonly number[], 0 | 1])[] = [
  [[1, 0, 1], 1],
  [[1, 1, 0], 0],
  [[0, 1, 1], 1],
  [[1, 1, 1], 0],
];

function learned(): { model: ReturnType<typeof made>; predictions: readonly number[] } {
  const model = made();
  return { model, predictions: examples.map(([features, label]) => model.learn(features, label)) };
}
const made = () =>
  certain(ftrlProximal({ dimension: 3, rate: 0.5, smoothing: 1, l1: 0.1, l2: 0.1 }));
const ftrl = {
  model: "FTRL-Proximal",
  formula: "w = -(z - sign(z) l1) / ((beta + sqrt n)/alpha + l2)",
  source: "McMahan et al. 2013, algorithm 1; by hand",
  provenance: "C",
} as const satisfies OracleSource;

const online: readonly Oracle[] = [
  ...vectorOracles(
    ftrl,
    "z after four examples",
    [".54031661", ".6522939", "-.59646753"],
    () => learned().model.z,
  ),
  ...vectorOracles(
    ftrl,
    "n after four examples",
    [".85533016", ".85722192", ".82397083"],
    () => learned().model.n,
  ),
  ...vectorOracles(ftrl, "w after four examples", ["-.11148156", "-.13976018", ".12679684"], () => {
    const { model } = learned();
    return [0, 1, 2].map((at) => model.weight(at));
  }),
  ...vectorOracles(
    ftrl,
    "predictions",
    [0.5, ".5322133826606", ".4981118114109", ".5675201114104"],
    () => learned().predictions,
  ),
  ...vectorOracles(
    {
      model: "Passive-aggressive I",
      formula: "w += min(C, loss/|x|^2) y x",
      source: "Crammer et al. 2006, eq. (8); by hand",
      provenance: "C",
    },
    "w after three examples, C = 1",
    [0, 0],
    () => {
      const weights = new Float64Array(2);
      passiveAggressive(weights, [1, 0], 1, 1);
      passiveAggressive(weights, [1, 1], -1, 1);
      passiveAggressive(weights, [0, 1], 1, 1);
      return weights;
    },
  ),
];

const contexts = [
  [1, 0],
  [1, 0],
  [1, 0.5],
  [0, 1],
] as const;
const rewards = [
  [0.2, 0.9],
  [0.2, 0.9],
  [0.1, 0.8],
  [0.7, 0.1],
] as const;

/** Arms chosen, and the scores of both at each step. */
function played(): { readonly arms: readonly number[]; readonly scores: readonly number[] } {
  const bandit = certain(linearBandit({ arms: 2, dimension: 2, exploration: 0.5 }));
  const arms: number[] = [];
  const scores: number[] = [];
  contexts.forEach((context, step) => {
    const arm = bandit.choose(context);
    arms.push(arm);
    scores.push(...bandit.scores);
    bandit.learn(arm, context, rewards[step]?.[arm] ?? Number.NaN);
  });
  return { arms, scores };
}
const linUcb = {
  model: "LinUCB",
  formula: "x' theta + a sqrt(x' A^-1 x)",
  source: "Li et al. 2010, algorithm 1; by hand",
  provenance: "C",
} as const satisfies OracleSource;

const bandits: readonly Oracle[] = [
  ...vectorOracles(linUcb, "arms chosen", [0, 1, 1, 1], () => played().arms),
  ...vectorOracles(
    linUcb,
    "scores, two at each step",
    [0.5, 0.5, ".453553390593", 0.5, ".533012701892", ".883012701892", 0.5, ".562910049886"],
    () => played().scores,
  ),
];

const tree: TreeNode = {
  cover: 100,
  feature: 0,
  threshold: 0.5,
  left: {
    cover: 60,
    feature: 1,
    threshold: 0.5,
    left: { cover: 20, value: 1 },
    right: { cover: 40, value: 3 },
  },
  right: { cover: 40, value: 10 },
};
const treeShap = {
  model: "TreeSHAP, path-dependent",
  formula: "Shapley values of the expectation along the tree",
  source: "Lundberg, Erion, Lee 2018, algorithm 2; by hand",
  provenance: "C",
} as const satisfies OracleSource;

const ensembles: readonly Oracle[] = [
  ...vectorOracles(
    {
      model: "Hedge",
      formula: "w_i in proportion to exp(-eta L_i)",
      source: "Freund, Schapire 1997; by hand",
      provenance: "C",
    },
    "eta = .7, three rounds",
    [".41504519", ".29247740", ".29247740"],
    () => {
      const experts = certain(hedge(3, 0.7));
      for (const losses of [
        [0.2, 0.5, 0.9],
        [0.1, 0.8, 0.3],
        [0.6, 0.1, 0.2],
      ])
        experts.learn(losses);
      return experts.weights;
    },
  ),
  ...vectorOracles(
    treeShap,
    "phi of a tree of depth 2, x = (.2, .9)",
    ["-2.933333333333", ".533333333333"],
    () => certain(explainTree(tree, [0.2, 0.9])).values,
  ),
  {
    ...treeShap,
    quantity: "base",
    expected: 5.4,
    compute: () => certain(explainTree(tree, [0.2, 0.9])).base,
  },
];

export const oracles: readonly Oracle[] = [
  ...drift,
  ...samples,
  ...experiments,
  ...online,
  ...bandits,
  ...ensembles,
];
