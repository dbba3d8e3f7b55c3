import { cellFamilies, kernelFamilies, riskFamilies } from "./actors.ts";
import { busFamilies, streamFamilies } from "./bus.ts";
import type { LabelName, MetricFamily } from "./definition.ts";
import { edgeFamilies } from "./edges.ts";
import { journalFamilies, marketFamilies } from "./market.ts";
import { processFamilies } from "./process.ts";
import { reactorFamilies } from "./reactor.ts";
import { serverFamilies, serviceFamilies } from "./servers.ts";

/** Every metric family of the product. What is not here cannot be shown in a scrape. */
export const metricFamilies = {
  ...cellFamilies,
  ...riskFamilies,
  ...kernelFamilies,
  ...marketFamilies,
  ...journalFamilies,
  ...reactorFamilies,
  ...busFamilies,
  ...streamFamilies,
  ...serverFamilies,
  ...serviceFamilies,
  ...edgeFamilies,
  ...processFamilies,
} as const;

type Families = typeof metricFamilies;
export type FamilyName = keyof Families;
export type HistogramName = {
  [N in FamilyName]: Families[N]["type"] extends "histogram" ? N : never;
}[FamilyName];
export type ValueName = Exclude<FamilyName, HistogramName>;

type NoLabels = { readonly [label: string]: never };

/** The labels of a family, each with a value. */
export type LabelsOf<N extends FamilyName> = Families[N] extends {
  readonly labels: readonly (infer L extends LabelName)[];
}
  ? Readonly<Record<L, string>>
  : NoLabels;

export const familyOf = (name: FamilyName): MetricFamily => metricFamilies[name];
