import { useMemo, useState } from "preact/hooks";

import {
  type Book,
  feedOf,
  type Last,
  type Level,
  type MarketFeed,
  type Print,
} from "../data/market.ts";
import {
  histories,
  isAuction,
  marketNamed,
  type MarketStatus,
  type MarketView,
  remembered,
  stateOf,
} from "../data/status.ts";
import { type Source, useSource } from "../live/source.ts";
import { StateBadge } from "../parts/badge.tsx";
import type { Mark } from "../parts/chart-style.ts";
import { durationText, grouped, millisecondText, plural, priceText } from "../parts/format.ts";
import { Empty, Panel } from "../parts/panel.tsx";
import { hrefOf, place } from "../router.ts";
import { MarketActions } from "./market-actions.tsx";
import { CandleChart, DepthChart, LatencyChart, sliceMs } from "./market-charts.tsx";
import { MarketTable } from "./market-table.tsx";

export function MarketsPage() {
  const name = place.value.path[1];
  if (name === undefined) {
    return (
      <div class="page">
        <div class="page-head">
          <h1>Markets</h1>
        </div>
        <Panel title="All markets" flush>
          <MarketTable />
        </Panel>
      </div>
    );
  }
  const found = marketNamed(name);
  if (found === undefined) {
    return (
      <Empty what={`No region tells of a market ${name}.`} command="npx meridian market list" />
    );
  }
  return <Market key={`${found.region}/${name}`} of={found} />;
}

function Market({ of }: { of: MarketView }) {
  const { market, region, status, source } = of;
  const feed = useMemo(() => feedOf(region, market), [region, market]);
  const decimals = status.definition?.priceDecimals ?? 0;
  return (
    <div class="page market-page">
      <div class="page-head">
        <h1>{market}</h1>
        <StateBadge state={stateOf(status)} />
        <span class="second">
          <a href={hrefOf(["regions", region])}>{region}</a> epoch {grouped(status.epoch)} ·{" "}
          {status.mode}
        </span>
        <Quotes feed={feed} decimals={decimals} currency={status.definition?.currency ?? ""} />
        <span class="push buttons">
          <MarketActions of={of} />
        </span>
      </div>
      {status.detail !== "" && <p class="note warn-note">{status.detail}</p>}
      <div class="market-grid">
        <LadderPanel feed={feed} status={status} />
        <DepthPanel feed={feed} decimals={decimals} />
        <LatencyPanel of={of} feed={feed} />
        <TradesPanel market={market} feed={feed} decimals={decimals} />
        <CandlesPanel of={of} feed={feed} decimals={decimals} source={source} />
      </div>
    </div>
  );
}

function Quotes({
  feed,
  decimals,
  currency,
}: {
  feed: MarketFeed;
  decimals: number;
  currency: string;
}) {
  const { value } = useSource(feed.last);
  if (value === null) return null;
  const { price, previous, bid, ask, volume, trades } = value satisfies Last;
  const moved = price > previous ? "▲" : price < previous ? "▼" : "";
  return (
    <span class="quotes">
      <span>
        <span class="quiet">last</span>{" "}
        <b class="mono">{price > 0 ? priceText(price, decimals) : "–"}</b>{" "}
        <span class={price >= previous ? "bid" : "ask"}>{moved}</span>{" "}
        <span class="quiet">{currency}</span>
      </span>
      <span>
        <span class="quiet">spread</span>{" "}
        <b class="mono">{bid > 0 && ask > 0 ? priceText(ask - bid, decimals) : "–"}</b>
      </span>
      <span>
        <span class="quiet">volume</span> <b class="mono">{grouped(volume)}</b>
      </span>
      <span>
        <span class="quiet">trades</span> <b class="mono">{grouped(trades)}</b>
      </span>
    </span>
  );
}

const ladderRows = 14;

function LadderPanel({ feed, status }: { feed: MarketFeed; status: MarketStatus }) {
  const decimals = status.definition?.priceDecimals ?? 0;
  const lot = status.definition?.lot ?? 1;
  const { value } = useSource(feed.book);
  const [frozen, freeze] = useState<Book | null>(null);
  const book = frozen ?? value;
  return (
    <Panel
      title="Ladder"
      of={feed.book}
      flush
      class="ladder-panel"
      aside={frozen === null ? undefined : <span class="warn">▲ frozen under the pointer</span>}
    >
      {isAuction(status) && <Indicative of={status} />}
      {book === null ? (
        <Empty what="The book has not come yet." />
      ) : (
        <div
          onPointerEnter={() => freeze(value)}
          onPointerLeave={() => freeze(null)}
          class="ladder"
        >
          <Ladder book={book} decimals={decimals} lot={lot} />
        </div>
      )}
    </Panel>
  );
}

/** In an auction the price that everything would trade at takes the place of the touch. */
function Indicative({ of }: { of: MarketStatus }) {
  const { indicativePrice, indicativeVolume, indicativeSurplus } = of;
  const decimals = of.definition?.priceDecimals ?? 0;
  const left = Math.abs(indicativeSurplus);
  return (
    <dl class="indicative" aria-label="what the auction would trade now">
      <div>
        <dt>indicative</dt>
        <dd class="mono">{indicativePrice > 0 ? priceText(indicativePrice, decimals) : "none"}</dd>
      </div>
      <div>
        <dt>volume</dt>
        <dd class="mono">{grouped(indicativeVolume)}</dd>
      </div>
      <div>
        <dt>imbalance</dt>
        <dd class={`mono ${indicativeSurplus >= 0 ? "bid" : "ask"}`}>
          {left === 0 ? "0" : `${indicativeSurplus > 0 ? "▲ buy" : "▼ sell"} ${grouped(left)}`}
        </dd>
      </div>
    </dl>
  );
}

/** Centred on the touch: asks above, the best at the bottom, bids below. */
function Ladder({ book, decimals, lot }: { book: Book; decimals: number; lot: number }) {
  const asks = book.asks.slice(0, ladderRows);
  const bids = book.bids.slice(0, ladderRows);
  const largest = Math.max(lot, ...[...asks, ...bids].map(({ quantity }) => quantity));
  const bid = bids[0]?.price ?? 0;
  const ask = asks[0]?.price ?? 0;
  return (
    <table class="book" aria-label="order book">
      <thead>
        <tr>
          <th scope="col" class="number">
            Bid <span class="unit">units</span>
          </th>
          <th scope="col" class="number">
            Price
          </th>
          <th scope="col" class="number">
            Ask <span class="unit">units</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {Array.from({ length: ladderRows - asks.length }, (_, index) => (
          <tr key={`above-${index}`} class="blank" aria-hidden="true">
            <td colSpan={3} />
          </tr>
        ))}
        {[...asks].reverse().map((level) => (
          <LadderRow
            key={`a${level.price}`}
            of={level}
            side="ask"
            largest={largest}
            decimals={decimals}
          />
        ))}
        <tr class="touch">
          <td colSpan={3}>
            {bid > 0 && ask > 0
              ? `${priceText((bid + ask) / 2, decimals)}  ·  spread ${priceText(ask - bid, decimals)}`
              : "one side is empty"}
          </td>
        </tr>
        {bids.map((level) => (
          <LadderRow
            key={`b${level.price}`}
            of={level}
            side="bid"
            largest={largest}
            decimals={decimals}
          />
        ))}
      </tbody>
    </table>
  );
}

function LadderRow({
  of,
  side,
  largest,
  decimals,
}: {
  of: Level;
  side: "bid" | "ask";
  largest: number;
  decimals: number;
}) {
  const size = (
    <td class={`number size ${side}-size`} title={plural(of.orders, "order")}>
      <span class="bar" style={{ width: `${(100 * of.quantity) / largest}%` }} aria-hidden="true" />
      <span class="amount">{grouped(of.quantity)}</span>
    </td>
  );
  return (
    <tr>
      {side === "bid" ? size : <td />}
      <td class={`number ${side}`}>{priceText(of.price, decimals)}</td>
      {side === "ask" ? size : <td />}
    </tr>
  );
}

function DepthPanel({ feed, decimals }: { feed: MarketFeed; decimals: number }) {
  const { value } = useSource(feed.book);
  return (
    <Panel title="Depth" of={feed.book} flush class="depth-panel">
      {value === null ? (
        <Empty what="The book has not come yet." />
      ) : (
        <DepthChart book={value} decimals={decimals} />
      )}
    </Panel>
  );
}

const shownTrades = 60;

function TradesPanel({
  market,
  feed,
  decimals,
}: {
  market: string;
  feed: MarketFeed;
  decimals: number;
}) {
  const { value } = useSource(feed.prints);
  return (
    <Panel title="Trades" of={feed.prints} flush class="trades-panel">
      {value === null || value.length === 0 ? (
        <Empty
          what={value === null ? "The trades have not come yet." : "Nothing was traded lately."}
          command={`npx meridian order place ${market} buy 1 --as operator`}
        />
      ) : (
        <div class="scroll" tabIndex={0} role="group" aria-label="trades">
          <table>
            <thead>
              <tr>
                <th scope="col">
                  Time <span class="unit">UTC</span>
                </th>
                <th scope="col">Aggressor</th>
                <th scope="col" class="number">
                  Price
                </th>
                <th scope="col" class="number">
                  Units
                </th>
              </tr>
            </thead>
            <tbody>
              {value.slice(0, shownTrades).map((print) => (
                <PrintRow key={print.id} of={print} decimals={decimals} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}

function PrintRow({ of, decimals }: { of: Print; decimals: number }) {
  return (
    <tr title={`sequence ${of.sequence}`}>
      <td class="mono">{millisecondText(of.at)}</td>
      <td class={of.buy ? "bid" : "ask"}>{of.buy ? "▲ buy" : "▼ sell"}</td>
      <td class="number">{priceText(of.price, decimals)}</td>
      <td class="number">{grouped(of.quantity)}</td>
    </tr>
  );
}

/** Changes of owner and restarts that the page has seen. */
function marksOf(market: string): readonly Mark[] {
  const samples = histories.get(market)?.samples ?? [];
  const marks: Mark[] = [];
  for (const [index, sample] of samples.entries()) {
    const before = samples[index - 1];
    if (before === undefined) continue;
    if (sample.epoch > before.epoch) marks.push({ at: sample.at, label: `epoch ${sample.epoch}` });
    else if (sample.restarts > before.restarts) marks.push({ at: sample.at, label: "restart" });
  }
  return marks;
}

function LatencyPanel({ of, feed }: { of: MarketView; feed: MarketFeed }) {
  void remembered.value;
  const { value } = useSource(feed.history);
  const ack = of.status.acknowledgement;
  return (
    <Panel
      title="Ack latency"
      of={value === null ? of.source : feed.history}
      flush
      class="latency-panel"
      aside={
        <span class="legend mono">
          <span>— p50 {durationText(ack?.p50Ns ?? 0)}</span>
          <span class="accent">- - p99 {durationText(ack?.p99Ns ?? 0)}</span>
          <span class="warn">··· p99.9 {durationText(ack?.p999Ns ?? 0)}</span>
        </span>
      }
    >
      <LatencyChart slices={value?.latency ?? ownSlices(of.market)} marks={marksOf(of.market)} />
    </Panel>
  );
}

/** While the cell tells no history: what the page has read itself, without the density. */
function ownSlices(market: string) {
  return (histories.get(market)?.samples ?? []).map((sample) => ({
    start: sample.at - sliceMs / 2,
    buckets: [],
    counts: [],
    p50: sample.ackP50,
    p99: sample.ackP99,
    p999: sample.ackP999,
  }));
}

function CandlesPanel({
  of,
  feed,
  decimals,
  source,
}: {
  of: MarketView;
  feed: MarketFeed;
  decimals: number;
  source: Source<unknown>;
}) {
  const { value, failure } = useSource(feed.history);
  return (
    <Panel
      title="Candles and volume, 10 s"
      of={value === null ? source : feed.history}
      flush
      class="candles-panel"
    >
      {value === null ? (
        <Empty
          what={
            failure === null ? "The history has not come yet." : `No history: ${failure.reason}`
          }
        />
      ) : (
        <CandleChart history={value} decimals={decimals} marks={marksOf(of.market)} />
      )}
    </Panel>
  );
}
