import type { Browser, Page } from "playwright-core";

import { BenchVoid } from "./bench.ts";

/** What a page's main thread did while it was watched. */
export interface Watched {
  /** Of a main-thread task, from its begin to its end. */
  readonly longestTaskMs: number;
  /** Of a main-thread task, what it had of a processor: the rest of its time went to others. */
  readonly longestTaskProcessorMs: number;
  /** Main-thread tasks of more than 50 ms. */
  readonly longTasks: number;
  readonly tasks: number;
  readonly frames: number;
  readonly frameP95Ms: number;
  /** Of the main thread, while it was watched. */
  readonly processorShare: number;
}

export interface Opened {
  /** From the begin of the navigation to the frame in which the first live figures are there. */
  readonly shownMs: number;
  /** From a key to the frame in which its answer is there. */
  readonly keyMs: number;
}

/** Runs in the page before anything of it: notes when an element is there, frame by frame. */
const noteFrames = (figures: string): string => `
  (() => {
    window.benchShown = new Promise((resolve) => {
      const look = () => {
        if (document.querySelector(${JSON.stringify(figures)}) !== null) resolve(performance.now());
        else requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
    });
    window.benchKey = new Promise((resolve) => {
      addEventListener("keydown", (event) => {
        const look = () => {
          if (document.querySelector("dialog[open]") !== null) {
            resolve(performance.now() - event.timeStamp);
          } else requestAnimationFrame(look);
        };
        requestAnimationFrame(look);
      }, { once: true, capture: true });
    });
  })();
`;

/** Opens the address until it shows live figures and answers a key. */
export async function openUntilLive(page: Page, url: string, figures: string): Promise<Opened> {
  await page.addInitScript(noteFrames(figures));
  await page.goto(url, { waitUntil: "commit" });
  const shownMs = await page.evaluate<number>("window.benchShown");
  await page.keyboard.press("?");
  const keyMs = await page.evaluate<number>("window.benchKey");
  await page.keyboard.press("Escape");
  return { shownMs, keyMs };
}

const countFrames = `
  window.benchFrames = [];
  (() => {
    let last = 0;
    const frame = (at) => {
      if (window.benchFrames === null) return;
      if (last > 0) window.benchFrames.push(at - last);
      last = at;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  })();
`;

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  /** Microseconds: duration, and of it on a processor. */
  readonly dur?: number;
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

const longMs = 50;

/** Watches the page, the only one of its browser, while `during` goes on. */
export async function watchPage(
  browser: Browser,
  page: Page,
  during: () => Promise<void>,
): Promise<Watched> {
  await page.evaluate(countFrames);
  await browser.startTracing(page, { categories: ["disabled-by-default-devtools.timeline"] });
  const from = performance.now();
  await during();
  const milliseconds = performance.now() - from;
  const frames = await page.evaluate<number[]>(
    "(() => { const told = window.benchFrames; window.benchFrames = null; return told; })()",
  );
  const trace = JSON.parse((await browser.stopTracing()).toString("utf8")) as {
    readonly traceEvents: readonly TraceEvent[];
  };
  const tasks = mainThreadTasks(trace.traceEvents);
  if (tasks.length === 0) throw new BenchVoid("the browser's trace has no task of a main thread");
  const longest = (of: readonly number[]): number => of.reduce((a, b) => Math.max(a, b), 0);
  const processor = tasks.map(({ tdur }) => (tdur ?? 0) / 1_000);
  const durations = tasks.map(({ dur }) => (dur ?? 0) / 1_000);
  const sorted = [...frames].sort((a, b) => a - b);
  return {
    longestTaskMs: longest(durations),
    longestTaskProcessorMs: longest(processor),
    longTasks: durations.filter((each) => each > longMs).length,
    tasks: tasks.length,
    frames: frames.length,
    frameP95Ms: sorted[Math.floor(sorted.length * 0.95)] ?? Number.NaN,
    processorShare: processor.reduce((sum, each) => sum + each, 0) / milliseconds,
  };
}

/** Of the main thread that did most: a browser keeps another renderer ready that does nothing. */
function mainThreadTasks(events: readonly TraceEvent[]): readonly TraceEvent[] {
  const main = new Set<string>();
  for (const { name, pid, tid, args } of events) {
    if (name === "thread_name" && args?.name === "CrRendererMain") main.add(`${pid} ${tid}`);
  }
  const byThread = new Map<string, TraceEvent[]>();
  for (const event of events) {
    const thread = `${event.pid} ${event.tid}`;
    if (event.name !== "RunTask" || event.ph !== "X" || !main.has(thread)) continue;
    const known = byThread.get(thread);
    if (known === undefined) byThread.set(thread, [event]);
    else known.push(event);
  }
  return [...byThread.values()].sort((a, b) => b.length - a.length)[0] ?? [];
}
