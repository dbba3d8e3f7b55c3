import type uPlot from "uplot";

import { colour } from "../theme.ts";

/** What all charts share: axes, grid, the crosshair, and marks of what happened. */

export const chartFont = '11px ui-monospace, "DejaVu Sans Mono", monospace';

export function axis(changes: Partial<uPlot.Axis> = {}): uPlot.Axis {
  return {
    stroke: colour("text-3"),
    font: chartFont,
    grid: { stroke: colour("line"), width: 1 },
    ticks: { show: false },
    gap: 4,
    ...changes,
  };
}

const two = (value: number): string => String(value).padStart(2, "0");

/** Half of the width of a time of day, in pixels. */
const halfTime = 28;

/** Times of day in UTC, whatever the browser's zone. */
export const timeAxis = (): uPlot.Axis =>
  axis({
    size: 22,
    space: 70,
    values: (plot, splits) =>
      splits.map((seconds) => {
        // One that does not fit is left out: it would run into the other axis, or be cut.
        const at = plot.valToPos(seconds, "x");
        if (at < halfTime || at > plot.bbox.width / devicePixelRatio - halfTime) return "";
        const time = new Date(seconds * 1_000);
        return `${two(time.getUTCHours())}:${two(time.getUTCMinutes())}:${two(time.getUTCSeconds())}`;
      }),
  });

export const crosshair = (key: string): uPlot.Cursor => ({
  sync: { key, setSeries: false },
  drag: { x: false, y: false },
  points: { show: false },
});

export interface Mark {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly label: string;
}

/** Restarts and failovers as vertical lines over everything. */
export function marksPlugin(marks: () => readonly Mark[]): uPlot.Plugin {
  return {
    hooks: {
      draw: (plot) => {
        const { ctx, bbox } = plot;
        ctx.save();
        ctx.strokeStyle = colour("warn");
        ctx.fillStyle = colour("warn");
        ctx.font = chartFont;
        ctx.setLineDash([3, 3]);
        for (const mark of marks()) {
          const x = Math.round(plot.valToPos(mark.at / 1_000, "x", true)) + 0.5;
          if (x < bbox.left || x > bbox.left + bbox.width) continue;
          ctx.beginPath();
          ctx.moveTo(x, bbox.top);
          ctx.lineTo(x, bbox.top + bbox.height);
          ctx.stroke();
          ctx.fillText(`▲ ${mark.label}`, x + 3, bbox.top + 10);
        }
        ctx.restore();
      },
    },
  };
}

const spanSeconds = 15 * 60;
/** A history that has just begun is not drawn into a corner. */
const leastSeconds = 120;
/** Time up to now at the right edge. */
export const recentScale = (): uPlot.Scale => ({
  time: false,
  range: (_plot, first) => {
    const to = Date.now() / 1_000;
    const from = Number.isFinite(first) ? Math.min(first, to - leastSeconds) : to - spanSeconds;
    return [Math.max(from, to - spanSeconds), to];
  },
});

/** uPlot names its kinds of scales in a const enum, which is nothing at run time. */
const logarithmic: object = { distr: 3 };

export const logarithmicScale = (): uPlot.Scale => ({
  ...logarithmic,
  range: (_plot, low, high) => decades(low, high),
});

/** Lines and labels at whole decades only. */
export const logarithmicAxis = (text: (value: number) => string, size = 64): uPlot.Axis =>
  axis({
    size,
    grid: {
      stroke: colour("line"),
      width: 1,
      filter: (_plot, splits) => splits.map((each) => (isDecade(each) ? each : null)),
    },
    values: (_plot, splits) => splits.map((each) => (isDecade(each) ? text(each) : "")),
  });

const isDecade = (value: number): boolean => Math.abs(Math.log10(value) % 1) < 1e-9;

function decades(low: number, high: number): [number, number] {
  if (!(low > 0) || !(high > 0)) return [100_000, 100_000_000];
  return [10 ** Math.floor(Math.log10(low) - 0.3), 10 ** Math.ceil(Math.log10(high) + 0.05)];
}
