import { certain } from "../numerics/failure.ts";
import type { Oracle } from "../oracle.ts";
import type { Heston } from "./heston.ts";
import { hestonCall } from "./heston-fourier.ts";

const model = (
  reversion: number,
  variance: number,
  volatilityOfVariance: number,
  correlation: number,
): Heston => ({
  spot: 100,
  rate: 0,
  variance,
  meanVariance: variance,
  reversion,
  volatilityOfVariance,
  correlation,
});

export interface HestonCase {
  readonly name: string;
  readonly model: Heston;
  readonly horizon: number;
  /** Call prices at strikes 60, 100, 140. */
  readonly prices: readonly [string, string, string];
  /** Standard errors of the quadratic-exponential scheme at a million paths. */
  readonly errors: readonly [number, number, number];
}

/** Andersen 2008, table 1; S = 100, r = 0. */
export const hestonCases: readonly HestonCase[] = [
  {
    name: "I",
    model: model(0.5, 0.04, 1, -0.9),
    horizon: 10,
    prices: ["44.32997507", "13.08467014", ".29577444"],
    errors: [0.025, 0.013, 0.003],
  },
  {
    name: "II",
    model: model(0.3, 0.04, 0.9, -0.5),
    horizon: 15,
    prices: ["45.28686397", "16.64922292", "5.13819049"],
    errors: [0.05, 0.044, 0.037],
  },
  {
    name: "III",
    model: model(1, 0.09, 1, -0.3),
    horizon: 5,
    prices: ["45.99685398", "21.79528774", "9.98306782"],
    errors: [0.061, 0.052, 0.043],
  },
];

export const strikes = [60, 100, 140] as const;

export const oracles: readonly Oracle[] = hestonCases.flatMap((one) =>
  strikes.map((strike, index) => ({
    model: "Heston call by Fourier",
    formula: "S - sqrt(S K) e^(-rT/2) / pi int Re[e^(iuk) phi(u - i/2)] / (u^2 + 1/4) du",
    source: "parameters of Andersen 2008, table 1; computed apart",
    provenance: "C" as const,
    quantity: `case ${one.name}, K = ${strike}`,
    expected: one.prices[index]!,
    compute: () => certain(hestonCall(one.model, strike, one.horizon)),
  })),
);
