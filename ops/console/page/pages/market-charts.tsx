import { useMemo, useRef } from "preact/hooks";
import type uPlot from "uplot";

import type { Book } from "../data/market.ts";
import {
  bucketNs,
  type Candle,
  type LatencySlice,
  type MarketHistory,
  widened,
} from "../data/market-history.ts";
import { Chart } from "../parts/chart.tsx";
import {
  axis,
  crosshair,
  logarithmicAxis,
  logarithmicScale,
  type Mark,
  marksPlugin,
  recentScale,
  timeAxis,
} from "../parts/chart-style.ts";
import { durationText, grouped, priceText } from "../parts/format.ts";
import { colour } from "../theme.ts";

/** The charts of a market. Those over time have the same x-axis, now at the right edge, and one crosshair. */

/** A value that the drawing functions read, kept current without making the chart anew. */
function useLatest<T>(value: T): { readonly current: T } {
  const held = useRef(value);
  held.current = value;
  return held;
}

export function DepthChart({ book, decimals }: { book: Book; decimals: number }) {
  const data = useMemo<uPlot.AlignedData>(() => depthOf(book), [book]);
  const best = { bid: book.bids[0]?.price ?? 0, ask: book.asks[0]?.price ?? 0 };
  const side = (paths: typeof uPlot.paths, name: "bid" | "ask"): uPlot.Series => ({
    stroke: colour(name),
    fill: colour(`${name}-bar`),
    width: 1.5,
    points: { show: false },
    spanGaps: true,
    ...(paths.stepped === undefined
      ? {}
      : { paths: paths.stepped({ align: name === "bid" ? -1 : 1 }) }),
  });
  return (
    <Chart
      label={`depth: bids from ${priceText(best.bid, decimals)}, asks from ${priceText(best.ask, decimals)}`}
      data={data}
      options={({ paths }) => ({
        // Half a price fits behind the last line of the grid.
        padding: [8, 36, 0, 0],
        legend: { show: false },
        cursor: { drag: { x: false, y: false }, points: { show: false } },
        scales: {
          x: { time: false },
          y: { range: (_plot, _low, high) => [0, Math.max(1, high) * 1.05] },
        },
        axes: [
          axis({
            size: 22,
            space: 80,
            values: (_plot, splits) => splits.map((each) => priceText(each, decimals)),
          }),
          axis({ size: 46, values: (_plot, splits) => splits.map((each) => grouped(each)) }),
        ],
        series: [{}, side(paths, "bid"), side(paths, "ask")],
      })}
    />
  );
}

/** Cumulated quantities by rising price: bids from the touch down, asks from the touch up. */
export function depthOf(book: Book): uPlot.AlignedData {
  const cumulate = (levels: Book["bids"]): readonly (readonly [number, number])[] => {
    let sum = 0;
    return levels.map(({ price, quantity }) => {
      sum += quantity;
      return [price, sum] as const;
    });
  };
  const bids = [...cumulate(book.bids)].reverse();
  const asks = cumulate(book.asks);
  return [
    [...bids, ...asks].map(([price]) => price),
    [...bids.map(([, sum]) => sum), ...asks.map(() => null)],
    [...bids.map(() => null), ...asks.map(([, sum]) => sum)],
  ];
}

export function CandleChart({
  history,
  decimals,
  marks,
}: {
  history: MarketHistory;
  decimals: number;
  marks: readonly Mark[];
}) {
  const candles = useMemo(() => widened(history.candles, candleMs), [history]);
  const held = useLatest({ candles, marks });
  const data = useMemo<uPlot.AlignedData>(
    () => [
      candles.map(({ start }) => start / 1_000),
      candles.map(({ low }) => low),
      candles.map(({ high }) => high),
      candles.map(({ volume }) => volume),
    ],
    [candles],
  );
  const last = candles.at(-1);
  return (
    <Chart
      label={`candles of ${candleMs / 1_000} seconds; the last closed at ${priceText(last?.close ?? 0, decimals)}`}
      data={data}
      options={() => ({
        padding: [8, 8, 0, 0],
        legend: { show: false },
        cursor: crosshair("market"),
        scales: {
          x: recentScale(),
          y: { range: (_plot, low, high) => padded(low, high) },
          volume: { range: (_plot, _low, high) => [0, Math.max(1, high) * 5] },
        },
        axes: [
          timeAxis(),
          axis({
            size: 78,
            values: (_plot, splits) => splits.map((each) => priceText(each, decimals)),
          }),
        ],
        series: [{}, invisible("y"), invisible("y"), invisible("volume")],
        plugins: [
          { hooks: { draw: (plot) => drawCandles(plot, held.current.candles) } },
          marksPlugin(() => held.current.marks),
        ],
      })}
    />
  );
}

const candleMs = 10_000;
const invisible = (scale: string): uPlot.Series => ({
  scale,
  paths: () => null,
  points: { show: false },
});

function padded(low: number, high: number): [number, number] {
  if (!Number.isFinite(low) || !Number.isFinite(high)) return [0, 1];
  const room = Math.max(1, (high - low) * 0.06);
  return [low - room, high + room];
}

function drawCandles(plot: uPlot, candles: readonly Candle[]): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  const left = plot.valToPos(0, "x", true);
  const width = Math.max(2, (plot.valToPos(candleMs / 1_000, "x", true) - left) * 0.7);
  const [up, down, quiet] = [colour("bid"), colour("ask"), colour("line-strong")];
  for (const { start, open, high, low, close, volume } of candles) {
    const x = plot.valToPos((start + candleMs / 2) / 1_000, "x", true);
    const y = (value: number): number => plot.valToPos(value, "y", true);
    const floor = bbox.top + bbox.height;
    const volumeTop = plot.valToPos(volume, "volume", true);
    ctx.globalAlpha = 0.35;
    ctx.fillStyle = quiet;
    ctx.fillRect(x - width / 2, volumeTop, width, floor - volumeTop);
    ctx.globalAlpha = 1;
    ctx.fillStyle = close >= open ? up : down;
    ctx.fillRect(x - 0.5, y(high), 1, Math.max(1, y(low) - y(high)));
    const top = y(Math.max(open, close));
    const height = Math.max(1, y(Math.min(open, close)) - top);
    // Rising ones are hollow: shape as well as colour.
    ctx.fillRect(x - width / 2, top, width, height);
    if (close >= open && height > 2 && width > 3) {
      ctx.clearRect(x - width / 2 + 1, top + 1, width - 2, height - 2);
    }
  }
  ctx.restore();
}

export function LatencyChart({
  slices,
  marks,
}: {
  slices: readonly LatencySlice[];
  marks: readonly Mark[];
}) {
  const held = useLatest({ slices, marks });
  const data = useMemo<uPlot.AlignedData>(
    () => [
      slices.map(({ start }) => (start + sliceMs / 2) / 1_000),
      slices.map(({ p50 }) => p50 || null),
      slices.map(({ p99 }) => p99 || null),
      slices.map(({ p999 }) => p999 || null),
    ],
    [slices],
  );
  const last = slices.at(-1);
  const line = (token: string, dash: number[]): uPlot.Series => ({
    stroke: colour(token),
    width: 1.5,
    dash,
    points: { show: false },
    spanGaps: false,
  });
  return (
    <Chart
      label={`acknowledgement latency of 15 minutes; p50 ${durationText(last?.p50 ?? 0)}, p99 ${durationText(last?.p99 ?? 0)}, p99.9 ${durationText(last?.p999 ?? 0)}`}
      data={data}
      options={() => ({
        padding: [8, 8, 0, 0],
        legend: { show: false },
        cursor: crosshair("market"),
        scales: {
          x: recentScale(),
          y: logarithmicScale(),
        },
        axes: [timeAxis(), logarithmicAxis(durationText, 78)],
        series: [{}, line("text-1", []), line("accent", [5, 3]), line("warn", [2, 3])],
        plugins: [
          { hooks: { drawClear: (plot) => drawHeat(plot, held.current.slices) } },
          marksPlugin(() => held.current.marks),
        ],
      })}
    />
  );
}

export const sliceMs = 5_000;
/** Time by latency, the density in one hue: the darker, the more of the slice's requests. */
function drawHeat(plot: uPlot, slices: readonly LatencySlice[]): void {
  const { ctx, bbox } = plot;
  const { min, max } = plot.scales["y"] ?? {};
  if (min == null || max == null) return;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.fillStyle = colour("heat");
  for (const { start, buckets, counts } of slices) {
    const total = counts.reduce((sum, count) => sum + count, 0);
    const x = plot.valToPos(start / 1_000, "x", true);
    const width = Math.max(1, plot.valToPos((start + sliceMs) / 1_000, "x", true) - x);
    for (const [index, bucket] of buckets.entries()) {
      const [from, to] = [bucketNs(bucket), bucketNs(bucket + 1)];
      if (to < min || from > max) continue;
      const top = plot.valToPos(to, "y", true);
      ctx.globalAlpha = 0.1 + 0.75 * Math.sqrt((counts[index] ?? 0) / total);
      ctx.fillRect(x, top, width + 0.5, plot.valToPos(from, "y", true) - top + 0.5);
    }
  }
  ctx.restore();
}
