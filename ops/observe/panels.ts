import type { Panel, PanelUnit, Query } from "./dashboard.ts";

/** What a series of a cell is chosen by, and of a market. */
export const ofCell = 'region=~"$region"';
export const ofMarket = 'region=~"$region",market=~"$market"';

const chosen = (selector: string, more: string): string =>
  `{${selector}${more === "" ? "" : `,${more}`}}`;

/** A family as it stands. */
export const value = (family: string, legend: string, selector = ofCell, more = ""): Query => ({
  expr: `${family}${chosen(selector, more)}`,
  legend,
});

/** Rise a second. */
export const rate = (family: string, legend: string, selector = ofCell, more = ""): Query => ({
  expr: `rate(${family}${chosen(selector, more)}[$__rate_interval])`,
  legend,
});

/** Rise a second, summed by labels. */
export const rateBy = (
  family: string,
  labels: string,
  legend: string,
  selector = ofCell,
): Query => ({
  expr: `sum by (${labels}) (rate(${family}${chosen(selector, "")}[$__rate_interval]))`,
  legend,
});

/** Median and two tails of a histogram, by labels. */
export const quantiles = (family: string, labels: string, selector = ofCell): readonly Query[] =>
  [0.5, 0.99, 0.999].map((part) => ({
    expr:
      `histogram_quantile(${part}, sum by (${labels}, le) ` +
      `(rate(${family}_bucket${chosen(selector, "")}[$__rate_interval])))`,
    legend: `p${part * 100} ${labels
      .split(", ")
      .map((label) => `{{${label}}}`)
      .join(" ")}`,
  }));

export const graph = (title: string, unit: PanelUnit, ...queries: readonly Query[]): Panel => ({
  title,
  unit,
  kind: "timeseries",
  queries,
});
export const stat = (title: string, unit: PanelUnit, ...queries: readonly Query[]): Panel => ({
  title,
  unit,
  kind: "stat",
  queries,
});
