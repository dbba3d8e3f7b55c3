import { certain } from "../numerics/failure.ts";
import { type Oracle, type OracleSource, vectorOracles } from "../oracle.ts";
import { FOUR_THIRDS_MOMENT, gumbelThreshold, jumpTest, leeMyklandConstants } from "./jumps.ts";
import { mertonCall } from "./merton-jump-diffusion.ts";

const leeMykland: OracleSource = {
  model: "Lee-Mykland jump test",
  formula:
    "C_n = sqrt(2 ln n) / c - (ln pi + ln ln n) / (2 c sqrt(2 ln n)), S_n = 1 / (c sqrt(2 ln n))",
  source: "Lee and Mykland 2008, Lemma 1, computed independently",
  provenance: "C",
};

export const oracles: readonly Oracle[] = [
  ...(
    [
      [100, "3.251911944988", ".412973418309"],
      [1000, "4.139639022927", ".337191384064"],
      [23400, "5.139475961309", ".279405754087"],
    ] as const
  ).flatMap(([n, centre, scale]) =>
    vectorOracles(leeMykland, `C_n, S_n, n = ${n}`, [centre, scale], () => {
      const constants = leeMyklandConstants(n);
      return [constants.centre, constants.scale];
    }),
  ),
  {
    ...leeMykland,
    formula: "-ln(-ln(1 - a))",
    quantity: "threshold at 1 %",
    expected: "4.600149226777",
    compute: () => gumbelThreshold(0.01),
  },
  {
    model: "Jump ratio test",
    formula: "2^(2/3) Gamma(7/6) / Gamma(1/2)",
    source: "Barndorff-Nielsen and Shephard 2006, computed independently",
    provenance: "C",
    quantity: "mu_(4/3)",
    expected: ".8308609250",
    compute: () => FOUR_THIRDS_MOMENT,
  },
  ...(
    [
      [
        "a jump of 4",
        [0.3, -0.5, 0.2, 4, -0.4, 0.1, -0.2, 0.6, -0.3, 0.2, 0.5, -0.1],
        3.0264547209529318,
      ],
      // Here TQ exceeds BV^2 and enters the scale.
      [
        "three large in a row",
        [0.1, -0.1, 0.1, 3, 2.5, -2.8, 0.1, 0.1, -0.1, 0.1, 0.1, -0.1],
        -0.3926589244594458,
      ],
    ] as const
  ).map(
    ([quantity, returns, expected]): Oracle => ({
      model: "Jump ratio test",
      formula:
        "(1 - BV / RV) / sqrt((pi^2 / 4 + pi - 5) / n max(1, TQ / BV^2)), BV with n / (n - 1)",
      source: "Huang and Tauchen 2005, computed with numpy",
      provenance: "C",
      quantity: `statistic, twelve returns, ${quantity}`,
      expected,
      compute: () => certain(jumpTest(returns)).statistic,
    }),
  ),
  {
    model: "Merton jump diffusion",
    formula: "Poisson mixture of Black-Scholes prices",
    source: "Merton 1976, eq. 19, computed independently",
    provenance: "C",
    quantity:
      "call, S = K = 100, T = 1, sigma = .2, r = .05, lambda = 1, mu_J = -.1, delta_J = .15",
    expected: "12.761288593629",
    compute: () =>
      certain(
        mertonCall(
          { spot: 100, strike: 100, expiry: 1, rate: 0.05 },
          { volatility: 0.2, intensity: 1, jumpMean: -0.1, jumpDeviation: 0.15 },
        ),
      ),
  },
];
