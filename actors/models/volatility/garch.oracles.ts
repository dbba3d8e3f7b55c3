import { certain } from "../numerics/failure.ts";
import { type Oracle, type OracleSource, vectorOracles } from "../oracle.ts";
import { type GarchParameters, garchPath } from "./garch.ts";

/** Two hundred returns without chance in them, of a size that comes and goes. */
export const waves = Float64Array.from(
  { length: 200 },
  (_, i) => Math.sin((i + 1) ** 2) * (1 + 0.5 * Math.sin((i + 1) / 10)),
);
const parameters: GarchParameters = { mu: 0.02, omega: 0.05, alpha: 0.08, gamma: 0.1, beta: 0.8 };

const source: OracleSource = {
  model: "GARCH, GJR",
  formula: "h = omega + (alpha + gamma 1{e < 0}) e^2 + beta h, h_0 = e_0^2 = mean(e^2)",
  source: "compute_variance of arch 8.0 with that backcast",
  provenance: "C",
};

export const oracles: readonly Oracle[] = [
  ...vectorOracles(
    source,
    "h_1, h_101, h_200, asymmetric",
    [0.5989946057541311, 0.46878292092671525, 0.881789403167166],
    () => {
      const { variances } = certain(garchPath(waves, parameters));
      return [variances[0]!, variances[100]!, variances[199]!];
    },
  ),
  {
    ...source,
    quantity: "log-likelihood, asymmetric",
    expected: -217.76486632997455,
    compute: () => certain(garchPath(waves, parameters)).logLikelihood,
  },
  {
    ...source,
    quantity: "log-likelihood, symmetric",
    expected: -219.37116490478206,
    compute: () => certain(garchPath(waves, { ...parameters, gamma: 0 })).logLikelihood,
  },
];
