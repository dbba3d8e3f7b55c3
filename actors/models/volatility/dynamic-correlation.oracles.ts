import { certain } from "../numerics/failure.ts";
import { type Oracle, vectorOracles } from "../oracle.ts";
import { correlationOf, dccPath, ewmaCovariance } from "./dynamic-correlation.ts";

export const returns = [
  [0.01, -0.005],
  [0.02, 0.01],
  [-0.015, -0.01],
  [0.005, 0.012],
  [-0.02, -0.018],
];
export const startCovariance = [
  [1e-4, 0],
  [0, 1e-4],
];
export const shocks = [
  [0.5, 0.2],
  [-1.2, -0.7],
  [0.3, 0.9],
  [2, 1.4],
  [-0.4, 0.1],
  [-1, -1.6],
];

const dcc = {
  model: "DCC",
  source: "Engle 2002, computed independently",
  provenance: "C",
} as const;
const path = () => certain(dccPath(shocks, { a: 0.05, b: 0.9 }));

export const oracles: readonly Oracle[] = [
  ...vectorOracles(
    {
      model: "EWMA covariance",
      formula: "S <- .94 S + .06 r r'",
      source: "RiskMetrics 1996, computed independently",
      provenance: "C",
    },
    "S_11, S_12, S_22, correlation",
    ["1.35347512e-4", "4.056116112e-5", "1.1240822968e-4", "0.3288411711803862"],
    () => {
      const s = certain(ewmaCovariance(returns, startCovariance));
      return [s.get(0, 0), s.get(0, 1), s.get(1, 1), certain(correlationOf(s)).get(0, 1)];
    },
  ),
  ...vectorOracles(
    { ...dcc, formula: "Q_t = (1 - a - b) Qbar + a e e' + b Q_(t-1)" },
    "correlation, a = .05, b = .9",
    [
      ".872682785789",
      ".871743350368",
      ".873531392122",
      ".865652734051",
      ".879675235363",
      ".874114880893",
    ],
    () => path().correlations.map((one) => one.get(0, 1)),
  ),
  {
    ...dcc,
    formula: "-1/2 sum (ln|R| + e'R^-1 e - e'e)",
    quantity: "log-likelihood, a = .05, b = .9",
    expected: "4.229999858863",
    compute: () => path().logLikelihood,
  },
];
