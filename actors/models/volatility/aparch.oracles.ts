import { certain } from "../numerics/failure.ts";
import { type Oracle, vectorOracles } from "../oracle.ts";
import { aparchPath } from "./aparch.ts";
import { waves } from "./garch.oracles.ts";

export const oracles: readonly Oracle[] = vectorOracles(
  {
    model: "APARCH",
    formula: "s^delta = omega + alpha (|e| - gamma e)^delta + beta s^delta",
    source: "compute_variance of arch 8.0",
    provenance: "C",
  },
  "s_1^2, s_101^2, s_200^2, log-likelihood",
  [0.5505157973280388, 0.2901737751831182, 0.5128426099750112, -227.4446463375826],
  () => {
    const path = certain(
      aparchPath(waves, { mu: 0.02, omega: 0.05, alpha: 0.08, gamma: 0.3, beta: 0.8, delta: 1.4 }),
    );
    return [...[0, 100, 199].map((t) => path.variances[t]!), path.logLikelihood];
  },
);
