/**
 * What long work says while it goes on: one line on the terminal of people, drawn over itself and gone at
 * the end. Nothing where standard error is no terminal, and nothing with -q.
 */

/** The terminal that is drawn on. */
export interface Screen {
  readonly isTTY: boolean;
  write(text: string): unknown;
}

/** Work of a known size. */
export interface Progress {
  rows(done: number): void;
  end(): void;
}

/** Work of which nobody knows how long it takes. */
export interface Activity {
  /** What it is at. */
  step(text: string): void;
  end(): void;
}

const REDRAW_MS = 100;
const SECOND_MS = 1_000;
const BAR_WIDTH = 30;
const LINE_WIDTH = 79;
const clearLine = "\r\u001b[K";

let isSilent = false;
let shown: Screen | null = null;

/** For -q: nothing is drawn by this process any more. */
export function silenceProgress(): void {
  isSilent = true;
}

/** Before other output on the same terminal; the line is drawn again when it changes. */
export function hideProgress(): void {
  shown?.write(clearLine);
}

function screenOf(given: Screen): Screen | null {
  return given.isTTY && !isSilent ? given : null;
}

const standardError = (): Screen => ({
  isTTY: process.stderr.isTTY,
  write: (text) => process.stderr.write(text),
});

function draw(screen: Screen, line: string): void {
  shown = screen;
  screen.write(`${clearLine}${line.slice(0, LINE_WIDTH)}`);
}

function clear(screen: Screen): void {
  screen.write(clearLine);
  shown = null;
}

export function progressBar(label: string, total: number, on: Screen = standardError()): Progress {
  const screen = screenOf(on);
  if (screen === null || total === 0) return { rows: () => {}, end: () => {} };
  const started = performance.now();
  let drawn = Number.NEGATIVE_INFINITY;
  return {
    rows(done) {
      const now = performance.now();
      if (now - drawn < REDRAW_MS) return;
      drawn = now;
      const share = Math.min(1, done / total);
      const filled = Math.round(share * BAR_WIDTH);
      const rate = Math.round(done / Math.max(0.001, (now - started) / SECOND_MS));
      const bar = "#".repeat(filled).padEnd(BAR_WIDTH, ".");
      const percent = String(Math.floor(share * 100)).padStart(3);
      draw(screen, `${label} [${bar}] ${percent} %  ${done}/${total} rows  ${rate}/s`);
    },
    end: () => clear(screen),
  };
}

export function activity(label: string, on: Screen = standardError()): Activity {
  const screen = screenOf(on);
  if (screen === null) return { step: () => {}, end: () => {} };
  const started = performance.now();
  let at = "";
  const show = (): void => {
    const seconds = Math.floor((performance.now() - started) / SECOND_MS);
    draw(screen, `${label} … ${seconds} s${at === "" ? "" : `  ${at}`}`);
  };
  show();
  const timer = setInterval(show, SECOND_MS);
  // What is waited for keeps the process; this does not.
  timer.unref();
  return {
    step(text) {
      at = text;
      show();
    },
    end() {
      clearInterval(timer);
      clear(screen);
    },
  };
}

/** Shows `label` for as long as the work takes. */
export async function during<T>(
  label: string,
  work: (shown: Activity) => Promise<T>,
  on: Screen = standardError(),
): Promise<T> {
  const line = activity(label, on);
  try {
    return await work(line);
  } finally {
    line.end();
  }
}
