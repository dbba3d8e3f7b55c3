import { useEffect, useMemo } from "preact/hooks";
import type uPlot from "uplot";

import type { Sample } from "../data/history.ts";
import type { LatencySlice } from "../data/market-history.ts";
import { feedOf } from "../data/market.ts";
import { histories, markets, remembered } from "../data/status.ts";
import { Chart } from "../parts/chart.tsx";
import {
  axis,
  crosshair,
  logarithmicAxis,
  logarithmicScale,
  recentScale,
  timeAxis,
} from "../parts/chart-style.ts";
import { durationText, rateText } from "../parts/format.ts";
import { Panel } from "../parts/panel.tsx";
import { colour } from "../theme.ts";
import { sliceMs } from "./market-charts.tsx";

/** Lines are told apart by dash as well as by colour. */
const looks = [
  { token: "accent", dash: [] },
  { token: "ask", dash: [6, 3] },
  { token: "ok", dash: [2, 3] },
  { token: "info", dash: [8, 3, 2, 3] },
] as const;

const perSecond = (samples: readonly Sample[], index: number): number | null => {
  const [from, to] = [samples[index - 3], samples[index]];
  if (from === undefined || to === undefined || to.at <= from.at) return null;
  return Math.max(0, to.orders - from.orders) / ((to.at - from.at) / 1_000);
};

/** What a line is drawn of: milliseconds since 1970, and the value then. */
type Point = readonly [at: number, value: number | null];

/** Orders as the page has counted them, latency as the cells remember it: on one axis of time. */
export function OverviewCharts() {
  void remembered.value;
  const shown = markets.value.slice(0, looks.length);
  const feeds = shown.map(({ region, market }) => feedOf(region, market).history);
  useEffect(() => {
    const releases = feeds.map((feed) => feed.hold());
    return () => {
      for (const release of releases) release();
    };
  }, [shown.map(({ region, market }) => `${region}/${market}`).join()]);
  const names = shown.map(({ market }) => market);
  const sources = shown.map(({ source }) => source);
  const orders = names.map((name) => {
    const samples = histories.get(name)?.samples ?? [];
    return samples.map(({ at }, index): Point => [at, perSecond(samples, index)]);
  });
  const latency = names.map((name, index) =>
    acknowledged(
      feeds[index]?.reading.value.value?.latency ?? [],
      histories.get(name)?.samples ?? [],
    ),
  );
  return (
    <div class="overview-charts">
      <Panel title="Orders a second" of={sources} flush aside={<Legend names={names} />}>
        <Lines names={names} lines={orders} label="orders a second" text={rateText} />
      </Panel>
      <Panel title="Ack p99" of={sources} flush aside={<Legend names={names} />}>
        <Lines
          names={names}
          lines={latency}
          label="acknowledgement p99"
          text={durationText}
          logarithmic
        />
      </Panel>
    </div>
  );
}

/** As the cell remembers it; of before it had the market, what the page has read. */
function acknowledged(slices: readonly LatencySlice[], samples: readonly Sample[]): Point[] {
  const from = slices[0]?.start ?? Number.POSITIVE_INFINITY;
  return [
    ...samples.filter(({ at }) => at < from).map(({ at, ackP99 }): Point => [at, ackP99 || null]),
    ...slices.map(({ start, p99 }): Point => [start + sliceMs / 2, p99 || null]),
  ];
}

function Legend({ names }: { names: readonly string[] }) {
  return (
    <span class="legend mono">
      {names.map((name, index) => (
        <span key={name} class={looks[index]?.token}>
          {["—", "- -", "···", "-·-"][index]} {name}
        </span>
      ))}
    </span>
  );
}

interface LinesProps {
  readonly names: readonly string[];
  readonly lines: readonly (readonly Point[])[];
  readonly label: string;
  readonly text: (value: number) => string;
  readonly logarithmic?: boolean;
}

function Lines({ names, lines, label, text, logarithmic = false }: LinesProps) {
  const grown = lines.map((line) => `${line.length} ${line.at(-1)?.[0] ?? 0}`).join();
  const data = useMemo(() => aligned(lines), [grown, names.join()]);
  const last = names.map((name, index) => `${name} ${text(data[index + 1]?.at(-1) ?? 0)}`);
  return (
    <Chart
      key={names.join()}
      label={`${label}: ${last.join(", ")}`}
      data={data}
      options={() => ({
        padding: [8, 8, 0, 0],
        legend: { show: false },
        cursor: crosshair("overview"),
        scales: {
          x: recentScale(),
          y: logarithmic
            ? logarithmicScale()
            : { range: (_plot, _low, high) => [0, Math.max(1, high) * 1.15] },
        },
        axes: [
          timeAxis(),
          logarithmic
            ? logarithmicAxis(text)
            : axis({ size: 56, values: (_plot, splits) => splits.map((each) => text(each)) }),
        ],
        series: [
          {},
          ...names.map((_, index) => ({
            stroke: colour(looks[index]?.token ?? "accent"),
            dash: [...(looks[index]?.dash ?? [])],
            width: 1.5,
            points: { show: false },
            spanGaps: true,
          })),
        ],
      })}
    />
  );
}

/** All points of all markets by second; a market has none where another one has. */
function aligned(lines: readonly (readonly Point[])[]): uPlot.AlignedData {
  const bySecond = lines.map(
    (line) => new Map(line.map(([at, value]) => [Math.round(at / 1_000), value])),
  );
  const sorted = [...new Set(bySecond.flatMap((line) => [...line.keys()]))].sort((a, b) => a - b);
  return [sorted, ...bySecond.map((line) => sorted.map((time) => line.get(time) ?? null))];
}
