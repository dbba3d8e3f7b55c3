import type { LatencySummary } from "../kernel/ports/matching-engine.ts";
import type { MarketDefinition, MarketReport } from "./messages.ts";

const nothing: LatencySummary = { count: 0, p50: 0, p99: 0, p999: 0, maximum: 0 };

/** What is said of a market whose actor does not answer: it is starting, or between two restarts. */
export function absentReport(definition: MarketDefinition, why: string): MarketReport {
  return {
    definition,
    state: "starting",
    detail: why,
    phase: "",
    indication: { price: 0, volume: 0, surplus: 0 },
    mode: definition.mode,
    epoch: 0,
    matched: 0,
    durable: 0,
    committed: 0,
    orders: 0,
    trades: 0,
    volume: 0,
    refusals: {},
    restingOrders: 0,
    touch: { bidPrice: 0, bidQuantity: 0, askPrice: 0, askQuantity: 0 },
    digest: "",
    restarts: 0,
    serviceTime: nothing,
    acknowledgement: nothing,
  };
}
