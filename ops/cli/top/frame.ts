import type { ClusterStatus, MarketView, RegionView } from "../markets.ts";
import { formatPrice } from "../prices.ts";
import type { CountsView, NodeRow } from "../views.ts";

/** What `meridian top` knows at one moment. */
export interface TopSample {
  readonly atMs: number;
  readonly status: ClusterStatus;
  /** By region; of one that does not answer there is none. */
  readonly trees: readonly { readonly region: string; readonly totals: CountsView }[];
  /** Nodes that failed, restart or were restarted, the worst first. */
  readonly troubled: readonly NodeRow[];
}

export interface AlertLine {
  readonly atMs: number;
  readonly text: string;
  readonly stands: boolean;
}

export const panels = ["regions", "markets", "actors", "alerts"] as const;
export type Panel = (typeof panels)[number];

export interface TopState {
  readonly sample: TopSample | null;
  /** The one before: rates are differences. */
  readonly before: TopSample | null;
  readonly alerts: readonly AlertLine[];
  readonly nowMs: number;
  readonly paused: boolean;
  readonly help: boolean;
  /** All of them, or one alone. */
  readonly panel: Panel | "all";
  readonly user: string;
  readonly fault: string;
}

export interface Rates {
  readonly orders: number;
  readonly trades: number;
}

/** Per second since the sample before; null with nothing to compare. */
export function ratesOf(
  market: MarketView,
  sample: TopSample,
  before: TopSample | null,
): Rates | null {
  const earlier = before?.status.markets.find((one) => one.market === market.market);
  const seconds = before === null ? 0 : (sample.atMs - before.atMs) / 1_000;
  if (earlier === undefined || seconds <= 0) return null;
  // A market that was started anew counts from nothing.
  const rate = (now: number, then: number): number => Math.max(0, (now - then) / seconds);
  return {
    orders: rate(market.orders, earlier.orders),
    trades: rate(market.trades, earlier.trades),
  };
}

const short = (ns: number): string => {
  if (ns === 0) return "-";
  if (ns < 1_000) return `${ns} ns`;
  if (ns < 1_000_000) return `${(ns / 1_000).toPrecision(3)} us`;
  if (ns < 1_000_000_000) return `${(ns / 1_000_000).toPrecision(3)} ms`;
  return `${(ns / 1_000_000_000).toPrecision(3)} s`;
};

const grouped = (value: number): string =>
  Math.round(value).toLocaleString("en").replaceAll(",", " ");

/** Columns by the widest cell, numbers to the right; cut at the width of the screen. */
function columns(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const isNumber = head.map((_, column) =>
    rows.every((row) => /^[-\d ]*(\.\d+)?( (ns|us|ms|s))?$/.test(row[column] ?? "")),
  );
  return all.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return isNumber[column] === true ? cell.padStart(width) : cell.padEnd(width);
      })
      .join("  ")
      .trimEnd(),
  );
}

const regionSign = (ready: boolean, silent: boolean): string => (ready ? "●" : silent ? "■" : "▲");
const signs: Readonly<Record<string, string>> = {
  running: "●",
  restarting: "▲",
  failed: "■",
  stopping: "◆",
  stopped: "◌",
};
const marketSign = (state: string): string =>
  state === "open" ? "●" : state === "failed" ? "■" : state === "halted" ? "◆" : "▲";

const staleText = ({ ageMs, reason }: RegionView): string => {
  const age = ageMs === null ? "never heard of" : `stale, ${(ageMs / 1_000).toFixed(1)} s old`;
  return `${age}: ${reason ?? ""}`;
};

function regionLines({ status, trees }: TopSample): readonly string[] {
  const rows = status.regions.map((region) => {
    const totals = trees.find((tree) => tree.region === region.name)?.totals;
    return [
      `${regionSign(region.ready, region.stale)} ${region.name}`,
      region.cell ?? "-",
      region.natsState ?? "-",
      totals === undefined ? "-" : grouped(totals.nodes),
      totals === undefined ? "-" : String(totals.failed + totals.restarting),
      totals === undefined ? "-" : String(totals.recentRestarts),
      region.stale ? staleText(region) : (region.reason ?? ""),
    ];
  });
  return columns(["REGION", "CELL", "NATS", "ACTORS", "FAILED", "RESTARTS/10 MIN", "REASON"], rows);
}

function marketLines(sample: TopSample, before: TopSample | null): readonly string[] {
  const rows = sample.status.markets.map((market) => {
    const decimals = market.definition?.priceDecimals ?? 0;
    const rates = ratesOf(market, sample, before);
    const price = (units: number): string => (units === 0 ? "-" : formatPrice(units, decimals));
    return [
      `${marketSign(market.state)} ${market.market}`,
      market.home,
      market.state,
      market.mode,
      price(market.bidPrice),
      price(market.askPrice),
      rates === null ? "-" : grouped(rates.orders),
      rates === null ? "-" : grouped(rates.trades),
      grouped(market.restingOrders),
      short(market.acknowledgement.p50Ns),
      short(market.acknowledgement.p99Ns),
      short(market.serviceTime.p99Ns),
    ];
  });
  return columns(
    [
      "MARKET",
      "HOME",
      "STATE",
      "MODE",
      "BID",
      "ASK",
      "ORDERS/S",
      "TRADES/S",
      "RESTING",
      "ACK P50",
      "ACK P99",
      "SERVICE P99",
    ],
    rows,
  );
}

function actorLines({ troubled }: TopSample): readonly string[] {
  if (troubled.length === 0)
    return ["no actor has failed or was restarted in the last ten minutes"];
  return columns(
    ["ACTOR", "STATE", "RESTARTS/10 MIN", "LAST FAILURE"],
    troubled.map((node) => [
      `${signs[node.condition] ?? " "} ${node.path}`,
      node.state,
      String(node.recentRestarts),
      node.lastFailure,
    ]),
  );
}

function alertLines(alerts: readonly AlertLine[], nowMs: number): readonly string[] {
  if (alerts.length === 0) return ["no alert since this screen was opened"];
  return alerts.map(
    ({ atMs, text, stands }) =>
      `${stands ? "▲" : "●"} ${String(Math.round((nowMs - atMs) / 1_000)).padStart(4)} s ago  ${text}`,
  );
}

const helpLines = [
  "q  quit          p  pause          ?  this help",
  "r  regions       m  markets        a  actors that failed or were restarted",
  "l  alerts        0  everything",
  "The same in other forms: npx meridian top --once -o json · status · tree --filter /failed",
];

/** The lines of a screen of that size. */
export function frame(state: TopState, width: number, height: number): readonly string[] {
  const { sample, nowMs } = state;
  const age = sample === null ? null : Math.max(0, Math.round((nowMs - sample.atMs) / 100) / 10);
  const stale = age !== null && age > 3;
  const freshness = age === null ? "waiting for the first answer" : `${age.toFixed(1)} s old`;
  const mark = state.paused ? "paused" : stale ? "◌ stale" : "● live";
  const lines = [`meridian top · ${mark} · ${freshness} · ${state.user} · ? help, q quit`];
  if (state.fault !== "") lines.push(`■ ${state.fault}`);
  if (state.help) lines.push("", ...helpLines);
  else if (sample !== null) {
    const parts: Readonly<Record<Panel, () => readonly string[]>> = {
      regions: () => regionLines(sample),
      markets: () => marketLines(sample, state.before),
      actors: () => actorLines(sample),
      alerts: () => alertLines(state.alerts, nowMs),
    };
    const wanted = state.panel === "all" ? panels : [state.panel];
    for (const panel of wanted) lines.push("", ...parts[panel]());
  }
  return lines.slice(0, height).map((line) => cut(line, width));
}

const cut = (line: string, width: number): string =>
  line.length <= width ? line : `${line.slice(0, Math.max(0, width - 1))}…`;
