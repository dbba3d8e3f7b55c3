/** Curves over time, and values with their errors, as SVG. */
export interface Curve {
  readonly name: string;
  readonly x: readonly number[];
  readonly y: readonly number[];
  /** Half the height of an error bar at each point; absent: a line without them. */
  readonly error?: readonly number[];
}

export interface ChartText {
  readonly title: string;
  readonly x: string;
  readonly y: string;
}

const WIDTH = 900;
const HEIGHT = 420;
const frame = { left: 90, right: 30, top: 50, bottom: 55 };
const colours = ["#1b6ca8", "#c0392b", "#27864f", "#8e44ad"];
const LINES = 5;
/** More points than pixels only make the file larger. */
const MOST_POINTS = 1_800;

/** The chart, complete with axes; curves of no points are left out. */
export function chart(text: ChartText, curves: readonly Curve[]): string {
  const drawn = curves.filter(({ x }) => x.length > 0).map(thinned);
  const reach = (curve: Curve, sign: number): number[] =>
    curve.y.map((value, at) => value + sign * (curve.error?.[at] ?? 0));
  const [left, right] = range(drawn.flatMap(({ x }) => x));
  const [low, high] = range([
    0,
    ...drawn.flatMap((curve) => [...reach(curve, 1), ...reach(curve, -1)]),
  ]);
  const x = scale(left, right, frame.left, WIDTH - frame.right);
  const y = scale(low, high, HEIGHT - frame.bottom, frame.top);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="13">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    `<text x="${frame.left}" y="28" font-size="17">${escaped(text.title)}</text>`,
    ...grid(low, high, (value) => [frame.left, y(value), WIDTH - frame.right, y(value)], "end"),
    ...grid(
      left,
      right,
      (value) => [x(value), frame.top, x(value), HEIGHT - frame.bottom],
      "middle",
    ),
    `<text x="${WIDTH / 2}" y="${HEIGHT - 12}" text-anchor="middle">${escaped(text.x)}</text>`,
    `<text transform="translate(18 ${HEIGHT / 2}) rotate(-90)" text-anchor="middle">${escaped(text.y)}</text>`,
    ...drawn.flatMap((curve, index) => line(curve, colours[index % colours.length] ?? "", x, y)),
    "</svg>",
    "",
  ].join("\n");
}

function line(
  curve: Curve,
  colour: string,
  x: (value: number) => number,
  y: (value: number) => number,
): string[] {
  const points = curve.x.map((value, at) => `${fixed(x(value))},${fixed(y(curve.y[at] ?? 0))}`);
  const bars = (curve.error ?? []).map((error, at) => {
    const [here, value] = [fixed(x(curve.x[at] ?? 0)), curve.y[at] ?? 0];
    return `<line x1="${here}" y1="${fixed(y(value - error))}" x2="${here}" y2="${fixed(y(value + error))}" stroke="${colour}"/>`;
  });
  return [
    `<polyline fill="none" stroke="${colour}" stroke-width="1.5" points="${points.join(" ")}"><title>${escaped(curve.name)}</title></polyline>`,
    ...bars,
  ];
}

function grid(
  low: number,
  high: number,
  place: (value: number) => readonly [number, number, number, number],
  anchor: "end" | "middle",
): string[] {
  return Array.from(
    { length: LINES + 1 },
    (_, index) => low + ((high - low) * index) / LINES,
  ).flatMap((value) => {
    const [x1, y1, x2, y2] = place(value).map(fixed);
    const label =
      anchor === "end"
        ? `x="${frame.left - 8}" y="${y1}" dy="4"`
        : `x="${x1}" y="${HEIGHT - frame.bottom + 18}"`;
    return [
      `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="#dddddd"/>`,
      `<text ${label} text-anchor="${anchor}">${Number(value.toPrecision(4))}</text>`,
    ];
  });
}

/** Widened where all values are one, so that a scale exists. */
function range(values: readonly number[]): readonly [number, number] {
  const low = values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
  const high = values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  if (low > high) return [0, 1];
  return low === high ? [low - 1, high + 1] : [low, high];
}

const scale =
  (low: number, high: number, from: number, to: number) =>
  (value: number): number =>
    from + ((to - from) * (value - low)) / (high - low);

function thinned(curve: Curve): Curve {
  const step = Math.ceil(curve.x.length / MOST_POINTS);
  const keep = (values: readonly number[]): readonly number[] =>
    values.filter((_, at) => at % step === 0 || at === values.length - 1);
  return {
    ...curve,
    x: keep(curve.x),
    y: keep(curve.y),
    ...(curve.error === undefined ? {} : { error: keep(curve.error) }),
  };
}

const fixed = (value: number): string => value.toFixed(1);
const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
