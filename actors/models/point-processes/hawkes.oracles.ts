import { certain } from "../numerics/failure.ts";
import type { Oracle } from "../oracle.ts";
import { type HawkesParameters, oneType, stationaryRates } from "./hawkes.ts";
import { hawkesLogLikelihood } from "./hawkes-likelihood.ts";

const likelihood = {
  model: "Hawkes, exponential",
  formula: "sum ln lambda(t_k) - integral of lambda",
} as const;

const one = (baseline: number, branching: number, decay: number): HawkesParameters => ({
  baseline: Float64Array.of(baseline),
  decays: Float64Array.of(decay),
  branching: Float64Array.of(branching),
});

export const oracles: readonly Oracle[] = [
  {
    ...likelihood,
    source: "inputs of hawkeslib's tests; value by double sum",
    provenance: "C",
    quantity: "t = 3, 4, 6, 8.2, 9, 12, T = 15, mu = 5, a = 0.2, b = 10",
    expected: -66.54322018860307,
    compute: () =>
      certain(
        hawkesLogLikelihood(one(5, 0.2, 10), oneType(Float64Array.of(3, 4, 6, 8.2, 9, 12), 15)),
      ),
  },
  {
    ...likelihood,
    source: "hawkeslib's tests",
    provenance: "R",
    quantity: "no arrivals, mu = 5, T = 2",
    expected: -10,
    compute: () => certain(hawkesLogLikelihood(one(5, 0, 1), oneType(new Float64Array(0), 2))),
  },
  {
    ...likelihood,
    source: "hawkeslib's tests",
    provenance: "R",
    quantity: "no arrivals of three types, mu = 2, 3, 5, T = 1",
    expected: -10,
    compute: () =>
      certain(
        hawkesLogLikelihood(
          {
            baseline: Float64Array.of(2, 3, 5),
            decays: Float64Array.of(1),
            branching: new Float64Array(9),
          },
          oneType(new Float64Array(0), 1),
        ),
      ),
  },
  {
    model: "Hawkes, stationary rates",
    formula: "(I - n)^-1 mu",
    source: "Hawkes 1971; 2 x 2 inverse by hand: (0.5 0.5 + 0.2 0.3, 0.1 0.5 + 0.6 0.3) / 0.28",
    provenance: "C",
    quantity: "second rate, mu = 0.5, 0.3, n = (0.4 0.2; 0.1 0.5)",
    expected: 0.23 / 0.28,
    compute: () =>
      certain(
        stationaryRates({
          baseline: Float64Array.of(0.5, 0.3),
          decays: Float64Array.of(3),
          branching: Float64Array.of(0.4, 0.2, 0.1, 0.5),
        }),
      )[1]!,
  },
];
