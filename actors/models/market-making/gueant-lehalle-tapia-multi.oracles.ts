import { certain } from "../numerics/failure.ts";
import { Matrix } from "../numerics/linear-algebra.ts";
import { type Oracle, type OracleSource, vectorOracles } from "../oracle.ts";
import {
  type MultiAssetParameters,
  multiAssetQuotes,
  stationaryMultiAsset,
} from "./gueant-lehalle-tapia-multi.ts";
import { solveTwoAssets, twoAssetQuotes, type TwoAssetSolution } from "./two-asset-exact.ts";

export const twoAssets: MultiAssetParameters = {
  riskAversion: 0.01,
  covariance: new Matrix([
    [0.09, 0.7 * 0.3 * 0.2],
    [0.7 * 0.3 * 0.2, 0.04],
  ]),
  arrivalRates: [0.9, 1.2],
  arrivalDecays: [0.3, 0.4],
};

const source: OracleSource = {
  model: "Guéant-Lehalle-Tapia, several assets",
  formula: "M = Dg^-1/2 (Dg^1/2 gamma Sigma/8 Dg^1/2)^1/2 Dg^-1/2; d = c +- 2 (M q) + D M_ii",
  source: "Bergault, Evangelista, Guéant, Vieira, arXiv 1810.04383; computed in another language",
  provenance: "C",
};
const quotes = () => certain(multiAssetQuotes(certain(stationaryMultiAsset(twoAssets)), [1, 0]));

const exactSource: OracleSource = {
  ...source,
  model: "Two assets, exact",
  formula: "dtheta/ds = -gamma q' Sigma q/2 + sum (A/k) C e^(k dtheta) on |q| <= 14",
  source: "Guéant 2017; Runge-Kutta in another language, horizon 1,500 s",
};
let solution: TwoAssetSolution | null = null;
/** [bid1, bid2, ask1, ask2], from the closed form as the end, near which the stationary solution lies. */
const exactQuotes = (first: number, second: number): readonly number[] => {
  const [a, b, , d] = certain(stationaryMultiAsset(twoAssets)).curvature;
  solution ??= certain(
    solveTwoAssets(
      twoAssets,
      14,
      600,
      1_200,
      (x, y) => -(a! * x * x + 2 * b! * x * y + d! * y * y),
    ),
  );
  return certain(twoAssetQuotes(solution, first, second));
};

export const oracles: readonly Oracle[] = [
  {
    ...exactSource,
    quantity: "bid distance of asset 1, q = (1, 0)",
    expected: "3.38288",
    compute: () => exactQuotes(1, 0)[0]!,
  },
  {
    ...exactSource,
    quantity: "bid distance of asset 2, q = (1, 0)",
    expected: "2.50309",
    compute: () => exactQuotes(1, 0)[1]!,
  },
  {
    ...exactSource,
    quantity: "bid distance of asset 1, q = (3, -2)",
    expected: "3.49526",
    compute: () => exactQuotes(3, -2)[0]!,
  },
  ...vectorOracles(
    source,
    "M, rho = 0.7",
    ["0.0317084631437342", "0.00904428368368303", "0.00904428368368303", "0.015519736251266219"],
    () => certain(stationaryMultiAsset(twoAssets)).curvature,
  ),
  ...vectorOracles(
    source,
    "bid distances, q = (1, 0)",
    ["3.3741076717302994", "2.5028695626557735"],
    () => quotes().bids,
  ),
  ...vectorOracles(
    source,
    "ask distances, q = (1, 0)",
    ["3.247273819155363", "2.4666924279210414"],
    () => quotes().asks,
  ),
];
