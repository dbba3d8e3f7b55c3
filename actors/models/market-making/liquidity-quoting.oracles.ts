import { certain } from "../numerics/failure.ts";
import type { Oracle } from "../oracle.ts";
import { compositeLiquidityFactor } from "./composite-liquidity.ts";
import { slippage } from "./reference-agreement.ts";

const prices = [17_500, 17_499.5, 17_499, 17_498, 17_497.5];
const quantities = [150, 300, 75, 500, 50];

export const oracles: readonly Oracle[] = [
  ...[
    "5.702238352133736e-06",
    "9.353768869881306e-06",
    "1.8247641392722306e-05",
    "2.0608499356247555e-05",
  ].map((expected, index) => ({
    model: "Composite liquidity factor",
    formula: "CLF_i = ln(p_1/p_{i+1}) / ln(sum_{j<=i} q_j)",
    source: "arXiv 2507.05749 v1, by a third party's transcription; computed in another language",
    provenance: "C" as const,
    quantity: `CLF_${index + 1} of a bid side of five levels`,
    expected,
    compute: () =>
      certain(compositeLiquidityFactor("bid", prices, quantities, index + 1)) ?? Number.NaN,
  })),
  ...(
    [
      [56.2, "2.3"],
      [58.0, "0.5"],
    ] as const
  ).map(([realised, expected]) => ({
    model: "Slippage of a spread",
    formula: "realised less target spread, signed by the side",
    source: "arXiv 2507.05749, worked example",
    provenance: "R" as const,
    quantity: `target 58.5, sold at ${realised}`,
    expected,
    compute: () => slippage(-1, 58.5, realised),
  })),
];
