import { certain } from "../numerics/failure.ts";
import { type Oracle, vectorOracles } from "../oracle.ts";
import { fitHar } from "./har.ts";

/** A hundred and twenty days without chance in them. */
export const harSeries = Float64Array.from(
  { length: 120 },
  (_, i) => 1 + 0.3 * Math.sin(0.7 * i) + 0.2 * Math.cos(0.11 * i * i) + 0.05 * (i % 7),
);

export const oracles: readonly Oracle[] = vectorOracles(
  {
    model: "HAR-RV",
    formula: "RV_(t+1) = b0 + b1 RV_t + b5 mean5 + b22 mean22",
    source: "Corsi 2009, computed independently",
    provenance: "C",
    tolerance: 1e-7,
  },
  "coefficient",
  [".80874152", ".67779435", "-1.15822599", ".77509571"],
  () => {
    const { constant, daily, weekly, monthly } = certain(fitHar(harSeries)).coefficients;
    return [constant, daily, weekly, monthly];
  },
);
