import { silentAfterMs } from "../data/problems.ts";
import type { RegionView } from "../data/status.ts";
import type { Meaning } from "../parts/badge.tsx";
import { ageText } from "../parts/format.ts";

/** How a region is, in a word. */
export function regionMeaning(region: RegionView, now: number): readonly [Meaning, string] {
  if (region.at === 0) return ["stale", "no answer yet"];
  const age = now - region.at;
  if (age > silentAfterMs) return ["fail", `silent since ${ageText(age)}`];
  if (region.status?.ready === true) return ["ok", "serves"];
  return ["warn", "takes no orders"];
}
