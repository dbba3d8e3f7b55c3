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

/** Times of day in UTC, whatever the browser's zone. */
export const timeAxis = (): uPlot.Axis =>
  axis({
    size: 22,
    space: 70,
    values: (_plot, splits) =>
      splits.map((seconds) => {
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
