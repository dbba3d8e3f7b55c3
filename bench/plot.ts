import { type Histogram, total } from "./histogram.ts";

/** Latencies by percentile as SVG, both axes logarithmic, as HdrHistogram's plots show them. */

export interface Line {
  readonly name: string;
  readonly histogram: Histogram;
}

const WIDTH = 900;
const HEIGHT = 520;
const frame = { left: 80, right: 250, top: 50, bottom: 60 };
const colours = ["#1b6ca8", "#c0392b", "#27864f", "#8e44ad", "#b9770e", "#555555"];
/** Percentiles on the axis, as shares that lie above. */
const shares = [1, 0.5, 0.1, 0.01, 0.001, 0.0001, 0.00001];

export function latencyPlot(title: string, lines: readonly Line[]): string {
  const drawn = lines.filter(({ histogram }) => total(histogram) > 0);
  const values = drawn.flatMap(({ histogram }) => histogram.map(([value]) => Math.max(1, value)));
  const lowest = 10 ** Math.floor(Math.log10(Math.min(...values)));
  const highest = 10 ** Math.ceil(Math.log10(Math.max(...values) + 1));
  const x = (above: number): number =>
    frame.left + ((WIDTH - frame.left - frame.right) * -Math.log10(above)) / 5;
  const y = (value: number): number =>
    HEIGHT -
    frame.bottom -
    ((HEIGHT - frame.top - frame.bottom) * Math.log10(Math.max(lowest, value) / lowest)) /
      Math.log10(highest / lowest);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="13">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    `<text x="${frame.left}" y="28" font-size="17">${escaped(title)}</text>`,
    ...percentileAxis(x),
    ...latencyAxis(y, lowest, highest),
    ...drawn.flatMap((line, index) => curve(line, index, x, y)),
    "</svg>",
    "",
  ].join("\n");
}

function percentileAxis(x: (above: number) => number): string[] {
  const bottom = HEIGHT - frame.bottom;
  return shares.flatMap((above) => {
    const name = above === 1 ? "0 %" : `${Number((100 * (1 - above)).toFixed(3))} %`;
    return [
      `<line x1="${fixed(x(above))}" y1="${frame.top}" x2="${fixed(x(above))}" y2="${bottom}" stroke="#dddddd"/>`,
      `<text x="${fixed(x(above))}" y="${bottom + 20}" text-anchor="middle">${name}</text>`,
    ];
  });
}

function latencyAxis(y: (value: number) => number, lowest: number, highest: number): string[] {
  const decades = Math.round(Math.log10(highest / lowest));
  return Array.from({ length: decades + 1 }, (_, decade) => lowest * 10 ** decade).flatMap(
    (value) => [
      `<line x1="${frame.left}" y1="${fixed(y(value))}" x2="${WIDTH - frame.right}" y2="${fixed(y(value))}" stroke="#dddddd"/>`,
      `<text x="${frame.left - 8}" y="${fixed(y(value) + 4)}" text-anchor="end">${time(value)}</text>`,
    ],
  );
}

function curve(
  { name, histogram }: Line,
  index: number,
  x: (above: number) => number,
  y: (value: number) => number,
): string[] {
  const all = total(histogram);
  const colour = colours[index % colours.length] ?? "black";
  let below = 0;
  const points = histogram.flatMap(([value, count]) => {
    const from = Math.max(1 - below / all, 1e-5);
    below += count;
    const to = Math.max(1 - below / all, 1e-5);
    return [`${fixed(x(from))},${fixed(y(value))}`, `${fixed(x(to))},${fixed(y(value))}`];
  });
  const row = frame.top + 10 + 22 * index;
  const left = WIDTH - frame.right + 20;
  return [
    `<polyline fill="none" stroke="${colour}" stroke-width="1.6" points="${points.join(" ")}"/>`,
    `<line x1="${left}" y1="${row}" x2="${left + 24}" y2="${row}" stroke="${colour}" stroke-width="3"/>`,
    `<text x="${left + 32}" y="${row + 4}">${escaped(name)}</text>`,
  ];
}

const fixed = (value: number): string => value.toFixed(1);

function time(ns: number): string {
  if (ns >= 1e9) return `${ns / 1e9} s`;
  if (ns >= 1e6) return `${ns / 1e6} ms`;
  return ns >= 1e3 ? `${ns / 1e3} µs` : `${ns} ns`;
}

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
