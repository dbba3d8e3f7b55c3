import { certain } from "../numerics/failure.ts";
import type { Oracle, OracleSource } from "../oracle.ts";
import {
  bipowerVariation,
  parzenBandwidth,
  preAveragedVariance,
  realisedKernel,
  realisedVariance,
  twoScaleVariance,
} from "./realised-measures.ts";
import { prices } from "./spread.oracles.ts";

const returns = prices.slice(1).map((price, i) => Math.log(price) - Math.log(prices[i]!));

const source: OracleSource = {
  model: "Realised measures",
  formula: "variance over the span",
  source: "twelve log prices, computed independently",
  provenance: "C",
};

export const oracles: readonly Oracle[] = [
  {
    ...source,
    formula: "RV = sum r^2",
    quantity: "realised variance",
    expected: "4.099090381459e-7",
    compute: () => certain(realisedVariance(returns)),
  },
  {
    ...source,
    formula: "BV = (pi / 2) sum |r_i||r_(i-1)|",
    quantity: "bipower variation",
    expected: "5.653673453336e-7",
    compute: () => certain(bipowerVariation(returns)),
  },
  {
    ...source,
    formula: "TSRV = mean of subsampled RV - (nbar / n) RV (Zhang, Mykland, Aït-Sahalia 2005)",
    quantity: "two scales, 3 grids",
    expected: "1.481553127040e-7",
    compute: () => certain(twoScaleVariance(returns, 3)),
  },
  {
    ...source,
    formula: "TSRV / (1 - nbar / n)",
    quantity: "two scales, 3 grids, adjusted",
    expected: "2.037135549680e-7",
    compute: () => certain(twoScaleVariance(returns, 3, { adjusted: true })),
  },
  {
    ...source,
    formula: "RK = sum k(h / (H + 1)) gamma_h, Parzen",
    quantity: "realised kernel, H = 3",
    expected: "3.011864617382e-7",
    compute: () => certain(realisedKernel(returns, 3)),
  },
  ...(
    [
      [1, 1.57971812514489e-7],
      [1.3, 2.1570244116197572e-7],
    ] as const
  ).map(
    ([theta, expected]): Oracle => ({
      ...source,
      formula:
        "PAV = n / ((n - kn + 2) psi2 kn) sum Y^2 - psi1 / (2 psi2 kn^2) RV (Jacod et al. 2009)",
      source: "twelve log prices, computed with numpy",
      quantity: `pre-averaged, theta = ${theta}`,
      expected,
      compute: () => certain(preAveragedVariance(returns, theta)),
    }),
  ),
  {
    ...source,
    formula: "3.5134 xi^(4/5) n^(3/5)",
    source: "Barndorff-Nielsen, Hansen, Lunde, Shephard 2009",
    quantity: "rule of thumb for the bandwidth, n = 23,400, noise to signal .001",
    expected: "93",
    compute: () => certain(parzenBandwidth(23_400, 0.001)),
  },
];
