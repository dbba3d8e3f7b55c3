import { ok, type Result } from "../../../../actors/kernel/result.ts";
import { wire } from "../../../../schemas/messages.ts";
import { decodeRefusal } from "../../../../schemas/sdk/codec.ts";
import {
  commandSubject,
  marketDataSubject,
  operationsSubject,
} from "../../../../schemas/subjects.ts";
import { ask } from "../live/link.ts";
import { polled, type Source, streamed } from "../live/source.ts";
import { type MarketHistory, merged, nothingYet } from "./market-history.ts";

/** One market as a page shows it: conflated data from md.*, the past from the cell that runs it. */

const { L1, L2, Trades, BookRequest, BookReply, Side, MarketHistoryRequest, MarketHistoryReply } =
  wire.market.v1;

export interface Level {
  /** Price units. */
  readonly price: number;
  /** Quantity units. */
  readonly quantity: number;
  readonly orders: number;
}

export interface Book {
  /** The best first. */
  readonly bids: readonly Level[];
  readonly asks: readonly Level[];
  readonly sequence: number;
}

export interface Print {
  /** Of this page: one order may trade several times under one sequence. */
  readonly id: number;
  readonly at: number;
  readonly price: number;
  readonly quantity: number;
  readonly buy: boolean;
  readonly sequence: number;
}

export interface Last {
  readonly price: number;
  readonly previous: number;
  readonly volume: number;
  readonly trades: number;
  readonly bid: number;
  readonly ask: number;
}

const levels = 40;
const printsKept = 200;
const historyEveryMs = 2_000;

const levelOf = (level: wire.market.v1.IBookLevel): Level => ({
  price: level.price ?? 0,
  quantity: level.quantity ?? 0,
  orders: level.orders ?? 0,
});

export interface MarketFeed {
  readonly book: Source<Book>;
  readonly prints: Source<readonly Print[]>;
  readonly last: Source<Last>;
  readonly history: Source<MarketHistory>;
}

const feeds = new Map<string, MarketFeed>();
/** Markets whose data a page remembers. */
const mostFeeds = 8;

export function feedOf(region: string, market: string): MarketFeed {
  const key = `${region}/${market}`;
  const known = feeds.get(key);
  if (known !== undefined) return known;
  const made: MarketFeed = {
    book: bookSource(region, market),
    prints: printSource(region, market),
    last: streamed<Last>(marketDataSubject(market, "l1"), takeL1),
    history: historySource(region, market),
  };
  feeds.set(key, made);
  if (feeds.size > mostFeeds) feeds.delete([...feeds.keys()][0] ?? "");
  return made;
}

/** md.*.l2 comes when the book changes; a quiet one is asked for. */
function bookSource(region: string, market: string): Source<Book> {
  return streamed<Book>(
    marketDataSubject(market, "l2"),
    (_before, payload) => {
      const { bids, asks, sequence } = L2.decode(payload);
      return { bids: (bids ?? []).map(levelOf), asks: (asks ?? []).map(levelOf), sequence };
    },
    () =>
      ask(
        commandSubject(region, market, "book"),
        BookRequest.encode({ levels }).finish(),
        (payload) => {
          const { refusal, bids, asks, sequence } = BookReply.decode(payload);
          const failure = decodeRefusal(refusal);
          if (failure !== null) return { ok: false, failure };
          return ok({ bids: (bids ?? []).map(levelOf), asks: (asks ?? []).map(levelOf), sequence });
        },
      ),
  );
}

/** md.*.trades as they happen; the last ones before that are asked for. */
function printSource(region: string, market: string): Source<readonly Print[]> {
  return streamed<readonly Print[]>(marketDataSubject(market, "trades"), takeTrades, async () => {
    const asked = await askHistory(region, { market, trades: printsKept });
    return asked.ok ? ok(printsOf(asked.value.trades ?? [])) : asked;
  });
}

const printsOf = (trades: readonly wire.market.v1.IHistoryTrade[]): readonly Print[] =>
  trades
    .map((trade) => ({
      id: (printsTaken += 1),
      at: trade.atUnixMs ?? 0,
      price: trade.price ?? 0,
      quantity: trade.quantity ?? 0,
      buy: trade.aggressor === Side.SIDE_BUY,
      sequence: trade.sequence ?? 0,
    }))
    .reverse();

let printsTaken = 0;

function takeTrades(before: readonly Print[] | null, payload: Uint8Array): readonly Print[] {
  const at = Date.now();
  const prints = (Trades.decode(payload).trades ?? []).map((trade) => ({
    id: (printsTaken += 1),
    at,
    price: trade.price ?? 0,
    quantity: trade.quantity ?? 0,
    buy: trade.aggressor === Side.SIDE_BUY,
    sequence: trade.sequence ?? 0,
  }));
  return [...prints.reverse(), ...(before ?? [])].slice(0, printsKept);
}

function takeL1(before: Last | null, payload: Uint8Array): Last {
  const { touch, lastPrice, volume, trades } = L1.decode(payload);
  const moved = before !== null && before.price !== lastPrice;
  return {
    price: lastPrice,
    previous: moved ? before.price : (before?.previous ?? lastPrice),
    volume,
    trades,
    bid: touch?.bidPrice ?? 0,
    ask: touch?.askPrice ?? 0,
  };
}

const askHistory = (
  region: string,
  wanted: wire.market.v1.IMarketHistoryRequest,
): Promise<Result<wire.market.v1.MarketHistoryReply>> => {
  const request = MarketHistoryRequest.encode(wanted).finish();
  return ask(operationsSubject(region, "market-history"), request, (payload) => {
    const reply = MarketHistoryReply.decode(payload);
    const failure = decodeRefusal(reply.refusal);
    return failure === null ? ok(reply) : { ok: false, failure };
  });
};

/** What the cell remembers of the last minutes; after the first answer only what is new. */
function historySource(region: string, market: string): Source<MarketHistory> {
  let held = nothingYet;
  return polled<MarketHistory>(historyEveryMs, async () => {
    const asked = await askHistory(region, {
      market,
      afterUnixMs: held.askedFrom,
      seconds: 900,
      latency: 180,
    });
    if (!asked.ok) return asked;
    held = merged(held, asked.value);
    return ok(held);
  });
}
