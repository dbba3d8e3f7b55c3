import { computed, signal } from "@preact/signals";

import { ok, refuse, type Result } from "../../../../actors/kernel/result.ts";
import { wire } from "../../../../schemas/messages.ts";
import { decodeRefusal } from "../../../../schemas/sdk/codec.ts";
import { operationsSubject } from "../../../../schemas/subjects.ts";
import { access } from "../live/access.ts";
import { ask } from "../live/link.ts";
import { polled, type Source } from "../live/source.ts";
import { History } from "./history.ts";

export type RegionStatus = wire.control.v1.RegionStatus;
export type MarketStatus = wire.control.v1.MarketStatus;

const everyMs = 1_000;
const { StatusRequest, StatusReply } = wire.control.v1;

const sources = new Map<string, Source<RegionStatus>>();

/** What a region's cell says of itself and of its markets, once a second. */
export function statusOf(region: string): Source<RegionStatus> {
  const known = sources.get(region);
  if (known !== undefined) return known;
  const subject = operationsSubject(region, "status");
  const made = polled<RegionStatus>(everyMs, async () => {
    const asked = await ask(subject, StatusRequest.encode({}).finish(), decodeStatus);
    if (asked.ok) remember(asked.value, Date.now());
    return asked;
  });
  sources.set(region, made);
  return made;
}

function decodeStatus(payload: Uint8Array): Result<RegionStatus> {
  const { refusal, status } = StatusReply.decode(payload);
  const failure = decodeRefusal(refusal);
  if (failure !== null) return { ok: false, failure };
  if (status === null || status === undefined) {
    return refuse("reply_malformed", "no status in it");
  }
  return ok(status as RegionStatus);
}

export interface RegionView {
  readonly name: string;
  readonly source: Source<RegionStatus>;
  readonly status: RegionStatus | null;
  readonly at: number;
  readonly reason: string;
}

/** All regions of the cluster, in the cluster's order. */
export const regions = computed<readonly RegionView[]>(() =>
  (access.value?.regions ?? []).map((name) => {
    const source = statusOf(name);
    const { value, at, failure } = source.reading.value;
    return { name, source, status: value, at, reason: failure?.reason ?? "" };
  }),
);

/** Whether somebody leads the market there: an owner serves it, another cell only tells of it. */
const leads = (market: MarketStatus): boolean => market.state !== "" && market.state !== "stopped";

/** What a person calls its state: a market that is served may be in an auction, halted or closed. */
export const stateOf = ({ state, phase }: MarketStatus): string =>
  state === "open" && phase !== "" ? phase : state;

/** Orders gather and nothing is matched. */
export const isAuction = (status: MarketStatus): boolean =>
  /^(pre_open|.*_auction)$/.test(stateOf(status));

export interface MarketView {
  readonly market: string;
  readonly region: string;
  readonly status: MarketStatus;
  readonly source: Source<RegionStatus>;
}

/** Every market once, as the cell that serves it tells of it. */
export const markets = computed<readonly MarketView[]>(() => {
  const found = new Map<string, MarketView>();
  for (const { name, status, source } of regions.value) {
    for (const each of status?.markets ?? []) {
      const market = each as MarketStatus;
      const before = found.get(market.market);
      const newer = before === undefined || (leads(market) && market.epoch > before.status.epoch);
      if (newer)
        found.set(market.market, { market: market.market, region: name, status: market, source });
    }
  }
  return [...found.values()].sort((a, b) => a.market.localeCompare(b.market));
});

export const marketNamed = (name: string): MarketView | undefined =>
  markets.value.find((each) => each.market === name);

/** By market: what its counters and latencies were, second by second. */
export const histories = new Map<string, History>();
/** Rises when a history has grown. */
export const remembered = signal(0);

function remember(status: RegionStatus, at: number): void {
  for (const each of status.markets ?? []) {
    const market = each as MarketStatus;
    if (!leads(market)) continue;
    let history = histories.get(market.market);
    if (history === undefined) {
      history = new History();
      histories.set(market.market, history);
    }
    history.add({
      at,
      orders: market.orders,
      trades: market.trades,
      volume: market.volume,
      epoch: market.epoch,
      restarts: market.restarts,
      ackP50: market.acknowledgement?.p50Ns ?? 0,
      ackP99: market.acknowledgement?.p99Ns ?? 0,
      ackP999: market.acknowledgement?.p999Ns ?? 0,
      serviceP50: market.serviceTime?.p50Ns ?? 0,
      serviceP99: market.serviceTime?.p99Ns ?? 0,
      serviceP999: market.serviceTime?.p999Ns ?? 0,
    });
  }
  remembered.value = remembered.peek() + 1;
}

/** Per second, over all markets; what the strip at the bottom shows. */
export const totals = computed(() => {
  void remembered.value;
  const all = [...histories.values()];
  const each = all.map((history) => history.rate("orders"));
  const trades = all.map((history) => history.rate("trades"));
  const sum = (values: readonly number[]): number =>
    values.reduce((total, value) => total + value, 0);
  const worst = (pick: (market: MarketStatus) => number): number =>
    Math.max(0, ...markets.value.map(({ status }) => pick(status)));
  return {
    orders: sum(each),
    trades: sum(trades),
    ackP99: worst((market) => market.acknowledgement?.p99Ns ?? 0),
    serviceP99: worst((market) => market.serviceTime?.p99Ns ?? 0),
    line: added(all.map((history) => history.rates("orders", 60))),
  };
});

/** Lines of several markets as one, the newest values at the same place. */
function added(lines: readonly (readonly number[])[]): readonly number[] {
  const length = Math.max(0, ...lines.map((line) => line.length));
  return Array.from({ length }, (_, index) =>
    lines.reduce((sum, line) => sum + (line[index - (length - line.length)] ?? 0), 0),
  );
}
