import { wire } from "../../../schemas/messages.ts";
import { historyLimits, type HistoryQuery, type MarketHistory } from "./history.ts";

const { MarketHistoryReply, MarketHistoryRequest, Side } = wire.market.v1;

/** Answers a MarketHistoryRequest; what asks for more than is kept gets what there is. */
export function answerHistory(
  payload: Uint8Array,
  market: string,
  history: MarketHistory,
): Uint8Array {
  const query = decodeQuery(payload);
  if (query === null) {
    const refusal = {
      code: "malformed",
      reason: "not a MarketHistoryRequest",
      next: "encode by schemas/market/v1/history.proto",
    };
    return MarketHistoryReply.encode({ refusal }).finish();
  }
  return MarketHistoryReply.encode({
    market,
    atUnixMs: history.nowUnixMs,
    trades: history.trades(query).map((trade) => ({
      ...trade,
      aggressor: trade.aggressor === "buy" ? Side.SIDE_BUY : Side.SIDE_SELL,
    })),
    seconds: [...history.seconds(query)],
    minutes: [...history.minutes(query)],
    acknowledgement: history.latency(query).map((slice) => ({
      ...slice,
      buckets: [...slice.buckets],
      counts: [...slice.counts],
    })),
    sinceUnixMs: history.sinceUnixMs,
  }).finish();
}

function decodeQuery(payload: Uint8Array): HistoryQuery | null {
  try {
    const { afterUnixMs, trades, seconds, minutes, latency } = MarketHistoryRequest.decode(payload);
    return {
      afterUnixMs,
      trades: Math.min(trades, historyLimits.trades),
      seconds: Math.min(seconds, historyLimits.seconds),
      minutes: Math.min(minutes, historyLimits.minutes),
      latency: Math.min(latency, historyLimits.latency),
    };
  } catch {
    return null;
  }
}
