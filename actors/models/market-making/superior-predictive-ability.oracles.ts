import { certain } from "../numerics/failure.ts";
import type { Oracle } from "../oracle.ts";
import { superiorPredictiveAbility } from "./superior-predictive-ability.ts";

const periods = Float64Array.from({ length: 120 }, (_, t) => t);
export const benchmarkLosses: Float64Array = periods.map(
  (t) => 1 + 0.5 * Math.sin(1.3 * t) + 0.3 * Math.cos(0.37 * t * t),
);
export const forecastLosses: readonly Float64Array[] = [
  (t: number) => -0.03 + 0.25 * Math.sin(0.9 * t + 0.2 * t * t),
  (t: number) => 0.02 + 0.3 * Math.cos(2.1 * t),
  (t: number) => 0.3 + 0.2 * Math.sin(0.11 * t * t),
].map((more) => benchmarkLosses.map((loss, t) => loss + more(t)));

export const oracles: readonly Oracle[] = (
  [
    [1, "1.9673879659115576"],
    [4, "1.9168081495126248"],
  ] as const
).map(([blockLength, expected]) => ({
  model: "Superior predictive ability",
  formula:
    "max(0, max_k sqrt(n) mean(d_k)/omega_k), omega of the stationary bootstrap in closed form",
  source: "Hansen 2005, section 3; variances of arch 8.0.0",
  provenance: "C",
  quantity: `statistic, mean block ${blockLength}`,
  expected,
  tolerance: 1e-10,
  compute: () =>
    certain(
      superiorPredictiveAbility(
        benchmarkLosses,
        forecastLosses,
        { blockLength, resamples: 1 },
        { unit: () => 0.5, below: () => 0 },
      ),
    ).statistic,
}));
