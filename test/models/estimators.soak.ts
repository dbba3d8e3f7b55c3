import type { SoakOptions } from "../soak.ts";
import { checkEstimators } from "./estimator-table.ts";

/** Estimators of spread, variance, Hurst exponent, GARCH, DCC and regimes on `count` samples (400 by default). */
export function soak({ seed, count }: SoakOptions): void {
  checkEstimators(count ?? 400, seed);
}
