/** Dashboards as data, and the JSON that Grafana reads (schema version 39). */

export type PanelUnit = "short" | "s" | "bytes" | "ops" | "percentunit" | "dateTimeFromNow" | "Bps";

export interface Query {
  /** PromQL; `$region` and `$market` are the dashboard's variables. */
  readonly expr: string;
  readonly legend: string;
}

export interface Panel {
  readonly title: string;
  readonly unit: PanelUnit;
  readonly kind: "timeseries" | "stat" | "table";
  readonly queries: readonly Query[];
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  /** Whether its queries name a market. */
  readonly ofMarket: boolean;
  readonly panels: readonly Panel[];
}

const columns = 3;
const panelWidth = 8;
const panelHeight = 7;
const source = { type: "prometheus", uid: "${source}" } as const;

const variable = (name: string, query: string): object => ({
  type: "query",
  name,
  label: name,
  datasource: source,
  query: { query, refId: name },
  refresh: 2,
  includeAll: true,
  multi: true,
  allValue: ".*",
  current: { text: "All", value: "$__all" },
});

function panelJson(panel: Panel, index: number): object {
  return {
    id: index + 1,
    type: panel.kind,
    title: panel.title,
    datasource: source,
    gridPos: {
      h: panelHeight,
      w: panelWidth,
      x: (index % columns) * panelWidth,
      y: Math.floor(index / columns) * panelHeight,
    },
    fieldConfig: { defaults: { unit: panel.unit, min: 0 }, overrides: [] },
    targets: panel.queries.map(({ expr, legend }, at) => ({
      refId: String.fromCodePoint(65 + at),
      datasource: source,
      expr,
      legendFormat: legend,
      instant: panel.kind === "table",
    })),
  };
}

/** What Grafana imports or provisions. */
export function dashboardJson(dashboard: Dashboard): string {
  const variables = [
    { type: "datasource", name: "source", label: "Prometheus", query: "prometheus" },
    variable("region", "label_values(meridian_ready, region)"),
    ...(dashboard.ofMarket
      ? [variable("market", 'label_values(meridian_market_open{region=~"$region"}, market)')]
      : []),
  ];
  const json = {
    uid: dashboard.uid,
    title: dashboard.title,
    tags: ["meridian"],
    schemaVersion: 39,
    editable: false,
    refresh: "10s",
    time: { from: "now-1h", to: "now" },
    templating: { list: variables },
    annotations: { list: [] },
    panels: dashboard.panels.map(panelJson),
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}

/** The query as Prometheus takes it: what Grafana puts in for its variables. */
export const plainQuery = (expr: string, rateInterval: string): string =>
  expr
    .replaceAll("$__rate_interval", rateInterval)
    .replaceAll("$region", ".*")
    .replaceAll("$market", ".*");
