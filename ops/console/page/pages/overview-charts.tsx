import { useMemo } from "preact/hooks";
import type uPlot from "uplot";

import type { Sample } from "../data/history.ts";
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

/** What all markets did since the page was opened, on one axis of time. */
export function OverviewCharts() {
  const names = markets.value.map(({ market }) => market).slice(0, looks.length);
  const sources = markets.value.map(({ source }) => source);
  return (
    <div class="overview-charts">
      <Panel title="Orders a second" of={sources} flush aside={<Legend names={names} />}>
        <Lines names={names} value={perSecond} label="orders a second" text={rateText} />
      </Panel>
      <Panel title="Ack p99" of={sources} flush aside={<Legend names={names} />}>
        <Lines
          names={names}
          value={(samples, index) => samples[index]?.ackP99 || null}
          label="acknowledgement p99"
          text={durationText}
          logarithmic
        />
      </Panel>
    </div>
  );
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
  readonly value: (samples: readonly Sample[], index: number) => number | null;
  readonly label: string;
  readonly text: (value: number) => string;
  readonly logarithmic?: boolean;
}

function Lines({ names, value, label, text, logarithmic = false }: LinesProps) {
  const grown = remembered.value;
  const data = useMemo(() => aligned(names, value), [grown, names.join()]);
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

/** All samples of all markets by time; a market has none where another one has. */
function aligned(names: readonly string[], value: LinesProps["value"]): uPlot.AlignedData {
  const times = new Set<number>();
  const lines = names.map((name) => {
    const samples = histories.get(name)?.samples ?? [];
    const line = new Map<number, number | null>();
    for (const [index, sample] of samples.entries()) {
      const second = Math.round(sample.at / 1_000);
      times.add(second);
      line.set(second, value(samples, index));
    }
    return line;
  });
  const sorted = [...times].sort((a, b) => a - b);
  return [sorted, ...lines.map((line) => sorted.map((time) => line.get(time) ?? null))];
}
