import { certain } from "../numerics/failure.ts";
import { type Oracle, vectorOracles } from "../oracle.ts";
import { compareForecasts } from "./forecast-comparison.ts";

export const firstLosses = [1.2, 0.7, 0.3, 2.1, 0.9, 1.1, 0.4, 1.7, 0.6, 0.8];
export const secondLosses = [1.5, 0.6, 0.9, 2.4, 1.3, 1, 0.9, 1.6, 1.1, 1.2];

export const oracles: readonly Oracle[] = (
  [
    [1, -3.150534858416876, 0.01172745165779363],
    [3, -3.8211069559878457, 0.004082982039315334],
  ] as const
).flatMap(([horizon, statistic, pValue]) =>
  vectorOracles(
    {
      model: "Comparison of forecasts",
      formula: "mean difference / HAC error, corrected for small samples, Student t",
      source:
        "Diebold, Mariano 1995; Harvey, Leybourne, Newbold 1997, computed with numpy and scipy",
      provenance: "C",
    },
    `ten losses, horizon ${horizon}: statistic, p, skill`,
    [statistic, pValue, 0.216],
    () => {
      const found = certain(compareForecasts(firstLosses, secondLosses, horizon));
      return [found.statistic, found.pValue, found.skill!];
    },
  ),
);
