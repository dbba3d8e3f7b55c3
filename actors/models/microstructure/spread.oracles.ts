import { certain } from "../numerics/failure.ts";
import { type Oracle, type OracleSource, vectorOracles } from "../oracle.ts";
import { edgeSpread } from "./edge-spread.ts";
import {
  hurstOfMoments,
  noiseCorrelationOfMoments,
  fractionalSpreadOfMoments,
  ornsteinUhlenbeckSpreadOfMoments,
  whiteNoiseSpreadOfMoments,
} from "./noise-spread.ts";
import { changeAutocovariance, rollSpread, spreadOfAutocovariances } from "./roll-spread.ts";

/** Twelve prices a few hundredths apart. */
export const prices = [
  100, 100.02, 100, 100.02, 100.04, 100.02, 100, 99.98, 100, 100.02, 100.01, 100.03,
];

const roll: OracleSource = {
  model: "Roll spread",
  formula: "2 sqrt(-cov(dp_t, dp_(t-1)))",
  source: "Roll 1984, computed independently",
  provenance: "C",
};
const signs: OracleSource = {
  model: "Spread with dependent trade signs",
  formula: "rho = cov_2 / cov_1, s = 2 sqrt(-cov_1) / (1 - rho)",
  source: "exact autocovariances of spread 0.02 and sign correlation 0.4",
  provenance: "C",
};
const noise: OracleSource = {
  model: "Spread as noise",
  formula: "V(L) = L^(2H) s2 + (S^2 / 2)(1 - rho^L)",
  source:
    "Brouty, Garcin, Roccaro, arXiv 2407.17401; exact moments of s2 = 4e-8, S = 6e-4, rho = 0.6",
  provenance: "C",
};
const edge: OracleSource = {
  model: "EDGE spread",
  formula: "s^2 = (v2 e1 + v1 e2) / (v1 + v2)",
  source: "Ardia, Guidotti, Kroencke 2024; the authors' test of the flat and of the first ten rows",
  provenance: "R",
};

/** Open, high, low, close: the first ten rows of the authors' test file. */
const firstRows = [
  [1.00240075994025, 1.00935878365403, 0.976061138469904, 0.976061138469904],
  [0.929743096395543, 0.929774737723069, 0.928919694164385, 0.929774737723069],
  [0.943911414384193, 0.968140794511406, 0.943911414384193, 0.968140794511406],
  [0.977605378856722, 0.977605378856722, 0.977605378856722, 0.977605378856722],
  [0.961535370407048, 0.99982474278851, 0.961535370407048, 0.986215329667607],
  [0.982409003083975, 0.992213437101346, 0.982409003083975, 0.992213437101346],
  [1.03435413274433, 1.03435413274433, 1.03435413274433, 1.03435413274433],
  [1.0201424300403, 1.04025465277235, 1.0201424300403, 1.03219266262805],
  [1.03650094499406, 1.03650094499406, 1.03650094499406, 1.03650094499406],
  [1.05368509087896, 1.05368509087896, 1.02605242183949, 1.02798086837104],
] as const;
const column = (at: 0 | 1 | 2 | 3): number[] => firstRows.map((row) => row[at]);

/** V(L) of fractional noise: L^(2H) s2 + S^2 / 2 with H = 0.3. */
const fractionalMoment = (lag: number): number => lag ** 0.6 * 4e-8 + 6e-4 ** 2 / 2;

export const oracles: readonly Oracle[] = [
  {
    ...roll,
    quantity: "covariance, twelve prices",
    expected: "-3.80165289e-5",
    compute: () => changeAutocovariance(prices, 1),
  },
  {
    ...roll,
    quantity: "spread, twelve prices",
    expected: ".01233150906",
    compute: () => certain(rollSpread(prices)),
  },
  ...vectorOracles(signs, "spread, correlation", [0.02, 0.4], () => {
    const first = -1e-4 * 0.36;
    const found = certain(spreadOfAutocovariances(first, 0.4 * first));
    return [found.spread, found.signCorrelation];
  }),
  {
    ...noise,
    quantity: "Brownian price, white noise, V(1), V(2)",
    expected: 6e-4,
    compute: () => whiteNoiseSpreadOfMoments(1, 2.2e-7, 2, 2.6e-7),
  },
  ...vectorOracles(noise, "fractional price, spread, H", [6e-4, 0.3], () => {
    const [one, two, four] = [1, 2, 4].map(fractionalMoment) as [number, number, number];
    const hurst = certain(hurstOfMoments(one, two, four));
    return [fractionalSpreadOfMoments(1, one, 2, two, hurst), hurst];
  }),
  ...vectorOracles(noise, "reverting noise, spread, rho", [6e-4, 0.6], () => {
    const rho = certain(noiseCorrelationOfMoments(1, 1.12e-7, 1.952e-7, 3.16672e-7));
    return [ornsteinUhlenbeckSpreadOfMoments(1, 1.12e-7, 4, 3.16672e-7, rho), rho];
  }),
  {
    ...edge,
    quantity: "first ten rows, signed",
    expected: "-.016889917516422",
    compute: () =>
      certain(
        edgeSpread(
          { open: column(0), high: column(1), low: column(2), close: column(3) },
          { signed: true },
        ),
      ),
  },
];
