import { certain } from "../numerics/failure.ts";
import { type Oracle, vectorOracles } from "../oracle.ts";
import { type BlackLitterman, blackLitterman } from "./black-litterman.ts";
import { ledoitWolf, ledoitWolfConstantCorrelation } from "./ledoit-wolf.ts";
import { meanVariance } from "./mean-variance.ts";
import { riskParity } from "./risk-parity.ts";

/** He & Litterman 1999, tables 1 and 2: AU CA FR DE JP UK US. */
const volatilities = [0.16, 0.203, 0.248, 0.271, 0.21, 0.2, 0.187] as const;
const correlations = [
  [0.488, 0.478, 0.515, 0.439, 0.512, 0.491],
  [0.664, 0.655, 0.31, 0.608, 0.779],
  [0.861, 0.355, 0.783, 0.668],
  [0.354, 0.777, 0.653],
  [0.405, 0.306],
  [0.652],
] as const;

export const marketWeights = Float64Array.of(0.016, 0.022, 0.052, 0.055, 0.116, 0.124, 0.615);

export const heLittermanCovariance = Float64Array.from({ length: 49 }, (_, index) => {
  const [i, j] = [Math.floor(index / 7), index % 7];
  const correlation = i === j ? 1 : correlations[Math.min(i, j)]![Math.abs(i - j) - 1]!;
  return correlation * volatilities[i]! * volatilities[j]!;
});

const germany = [0, 0, -0.295, 1, 0, -0.705, 0];
const canada = [0, 1, 0, 0, 0, 0, -1];

/** Table 4: one view; 5: a second one of 3 %; 6: of 4 %; 7: the first half as sure. */
export function heLitterman(table: 4 | 5 | 6 | 7): BlackLitterman {
  const inputs = {
    covariance: heLittermanCovariance,
    marketWeights,
    riskAversion: 2.5,
    tau: 0.05,
    views: Float64Array.from(table === 4 ? germany : [...germany, ...canada]),
    viewReturns: Float64Array.from(table === 4 ? [0.05] : [0.05, table === 5 ? 0.03 : 0.04]),
  };
  const plain = certain(blackLitterman(inputs));
  if (table !== 7) return plain;
  const [first, second] = plain.viewVariances;
  return certain(
    blackLitterman({ ...inputs, viewVariances: Float64Array.of(2 * first!, second!) }),
  );
}

const source = {
  model: "Black-Litterman",
  source: "inputs of He, Litterman 1999; computed apart",
  provenance: "C",
} as const;

const tables = [
  [
    4,
    "4.3280 7.5757 9.2877 11.0367 4.5062 6.9527 8.0693",
    "1.5238 2.0952 -3.9485 35.4105 11.0476 -9.4620 58.5714",
    ".316810",
  ],
  [
    5,
    "4.4221 8.7299 9.4797 11.2099 4.6163 6.9717 7.4816",
    "1.5238 41.8636 -3.4093 33.5828 11.0476 -8.1735 18.8031",
    ".297620 .417567498345",
  ],
  [
    6,
    "4.4491 9.0602 9.5347 11.2595 4.6479 6.9771 7.3133",
    "1.5238 53.3483 -3.2536 33.0551 11.0476 -7.8014 7.3184",
    ".292078 .538157",
  ],
  [
    7,
    "4.3311 8.8737 9.2533 10.6480 4.5872 6.9208 7.1500",
    "1.5238 53.8908 -.4693 23.6167 11.0476 -1.1474 6.7759",
    ".192975 .543853",
  ],
] as const;

const percent = (values: Float64Array): Float64Array => values.map((value) => 100 * value);

const least = (lower?: Float64Array): Float64Array =>
  certain(
    meanVariance({
      expectedReturns: new Float64Array(7),
      covariance: heLittermanCovariance,
      riskAversion: 1,
      budget: 1,
      ...(lower === undefined ? {} : { lower }),
    }),
  ).weights;

const variance = {
  model: "Mean-variance",
  formula: "max w'mu - (d/2) w'Sw, sum w = 1",
  source: "He-Litterman covariance; computed apart",
  provenance: "C",
} as const;

const shrinkage = {
  model: "Ledoit-Wolf, identity target",
  formula: "shrinkage = b^2 / d^2",
  source: "Ledoit, Wolf 2004; computed apart",
  provenance: "C",
} as const;
const shrunk = () =>
  certain(
    ledoitWolf(Float64Array.of(1, 2, 0, 2, 1, 1, 0, -1, 2, 3, 4, -1, -1, 0, 1, 1, 1, 1.5), 3),
  );

/** Four assets of unlike variance, twelve observations; no structure but repeatability. */
const dozen = Float64Array.from({ length: 48 }, (_, index) => {
  const [i, j] = [Math.floor(index / 4), index % 4];
  const trend = j === 0 ? 0.2 * i : 0;
  return Math.sin(3 * i + j) * (1 + j) + 0.3 * Math.cos(i * i) + trend;
});

const traded = {
  expectedReturns: Float64Array.of(0.05, 0.08, 0.1, 0.12),
  covariance: Float64Array.of(
    0.04,
    0.01,
    0.02,
    0,
    0.01,
    0.09,
    0.01,
    0.02,
    0.02,
    0.01,
    0.16,
    0.03,
    0,
    0.02,
    0.03,
    0.25,
  ),
  riskAversion: 3,
  budget: 1,
  lower: new Float64Array(4),
  upper: new Float64Array(4).fill(0.6),
  held: Float64Array.of(0.4, 0.3, 0.2, 0.1),
} as const;

const solver = {
  model: "Mean-variance",
  source: "CVXPY 1.9.3 with Clarabel 0.11.1, tolerances 1e-13",
  provenance: "C",
} as const;

export const oracles: readonly Oracle[] = [
  ...vectorOracles(
    { ...solver, formula: "sum |w - held| <= 0.2", tolerance: 1e-8 },
    "four assets, turnover",
    [0.43417176523824247, 0.2700355011713799, 0.14978472694352563, 0.14600800664685215],
    () => certain(meanVariance({ ...traded, turnover: 0.2 })).weights,
  ),
  ...vectorOracles(
    { ...solver, formula: "- 0.01 sum |w - held|", tolerance: 1e-8 },
    "four assets, costs",
    [0.3999999999999995, 0.2999999999997793, 0.1742857142858368, 0.1257142857143847],
    () => certain(meanVariance({ ...traded, costs: new Float64Array(4).fill(0.01) })).weights,
  ),
  {
    ...shrinkage,
    source: "scikit-learn 1.9.1, ledoit_wolf",
    quantity: "shrinkage of twelve rows of four assets",
    expected: 0.05242500578715497,
    compute: () => certain(ledoitWolf(dozen, 4)).shrinkage,
  },
  {
    ...shrinkage,
    model: "Ledoit-Wolf, constant correlation",
    formula: "shrinkage = (pi - rho) / gamma / t",
    source: "Ledoit, Wolf 2004b, appendix B; the matrix form of the authors' program, in numpy",
    quantity: "shrinkage of twelve rows of four assets",
    expected: 0.043033758635245785,
    compute: () => certain(ledoitWolfConstantCorrelation(dozen, 4)).shrinkage,
  },
  ...vectorOracles(
    { ...source, formula: "Pi = delta Sigma w_eq" },
    "equilibrium returns, %",
    "3.9376 6.9152 8.3581 9.0272 4.3028 6.7677 7.5600".split(" "),
    () => percent(heLitterman(4).equilibriumReturns),
  ),
  ...vectorOracles(
    {
      ...source,
      formula: "Pi = delta Sigma w_eq",
      source: "He, Litterman 1999, Table 2",
      provenance: "R",
    },
    "equilibrium returns as printed, %",
    "3.9 6.9 8.4 9.0 4.3 6.8 7.6".split(" "),
    () => percent(heLitterman(4).equilibriumReturns),
  ),
  ...tables.flatMap(([table, mu, weights, lambda]) => [
    ...vectorOracles(
      { ...source, formula: "mu = Pi + tau S P' (P tau S P' + Omega)^-1 (Q - P Pi)" },
      `Table ${table}, mu, %`,
      mu.split(" "),
      () => percent(heLitterman(table).expectedReturns),
    ),
    ...vectorOracles(
      { ...source, formula: "w = (delta (S + M))^-1 mu" },
      `Table ${table}, w, %`,
      weights.split(" "),
      () => percent(heLitterman(table).weights),
    ),
    ...vectorOracles(
      { ...source, formula: "w = (w_eq + P' lambda) / (1 + tau)" },
      `Table ${table}, lambda`,
      lambda.split(" "),
      () => heLitterman(table).viewWeights,
    ),
  ]),
  ...vectorOracles(
    { ...source, formula: "Omega / tau = diag(P S P')" },
    "omega / tau",
    [".021308", ".017035"],
    () => heLitterman(5).viewVariances.map((value) => value / 0.05),
  ),
  ...vectorOracles(
    variance,
    "least variance",
    [
      ".4747241636",
      ".1016742336",
      "-.0114254081",
      "-.2227046950",
      ".1857126344",
      ".2236883248",
      ".2483307468",
    ],
    () => least(),
  ),
  ...vectorOracles(
    variance,
    "least variance, long only",
    [".47358517", ".03909416", "0", "0", ".19864642", ".05544412", ".23323013"].map((text) =>
      text === "0" ? 0 : text,
    ),
    () => least(new Float64Array(7)),
  ),
  ...vectorOracles(
    {
      model: "Risk parity",
      formula: "min x'Sx/2 - sum b ln x, w = x / sum x",
      source: "He-Litterman covariance; computed apart",
      provenance: "C",
    },
    "equal shares",
    [
      ".196086472",
      ".1389873203",
      ".1071923388",
      ".0978920171",
      ".1760902663",
      ".1341867678",
      ".1495648178",
    ],
    () => certain(riskParity(heLittermanCovariance)).weights,
  ),
  {
    ...shrinkage,
    quantity: "shrinkage of six rows",
    expected: 0.4209784331181257,
    compute: () => shrunk().shrinkage,
  },
  {
    ...shrinkage,
    formula: "m = trace S / n",
    quantity: "mean variance of six rows",
    expected: 1.7060185185185188,
    compute: () => shrunk().meanVariance,
  },
];
