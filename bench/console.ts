import { rmSync } from "node:fs";
import { join } from "node:path";

import type { Page } from "playwright-core";

import { Launcher } from "../ops/deploy/launcher.ts";
import { noBrowser, openPage, startBrowser } from "../test/support/browser.ts";
import { launcherOptions, temporaryFolder } from "../test/support/launched-cluster.ts";
import { repository } from "../test/support/shared-data.ts";
import { type BenchOptions, BenchVoid, figure, median, type Report } from "./bench.ts";

/**
 * The console beside a busy market: from the first byte to the first live figures, and what the page's main
 * thread and its frames do while the market's background flow runs at a high rate.
 */

const market = "BTC-EUR";
const region = "eu-central";
/** Orders a second; each is about two events, so that the market makes ten thousand. */
const ordersPerSecond = 5_000;
const watchedMs = 15_000;

interface Watched {
  readonly longestTaskMs: number;
  readonly frameP95Ms: number;
  readonly frames: number;
}

/** Counts long tasks and frames from now on, within the page. */
const observe = `
  window.watched = { longest: 0, frames: [], last: 0 };
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      window.watched.longest = Math.max(window.watched.longest, entry.duration);
    }
  }).observe({ type: "longtask" });
  const frame = (at) => {
    if (window.watched.last > 0) window.watched.frames.push(at - window.watched.last);
    window.watched.last = at;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
`;

async function watch(page: Page, milliseconds: number): Promise<Watched> {
  await page.evaluate(observe);
  await page.waitForTimeout(milliseconds);
  const seen = await page.evaluate<{
    readonly longest: number;
    readonly frames: readonly number[];
  }>("window.watched");
  const sorted = [...seen.frames].sort((a, b) => a - b);
  const frameP95Ms = sorted[Math.floor(sorted.length * 0.95)] ?? Number.NaN;
  // A task below 50 ms is not told of: 50 stands for all of them.
  return { longestTaskMs: Math.max(50, seen.longest), frameP95Ms, frames: sorted.length };
}

export async function runConsole({ quick, repeats }: BenchOptions): Promise<Report> {
  if (noBrowser !== null) throw new BenchVoid(noBrowser);
  const data = temporaryFolder();
  const rate = quick ? 50 : ordersPerSecond;
  const launcher = new Launcher(
    launcherOptions(data, {
      cellProgram: join(repository, "actors", "root", "main.ts"),
      flow: { enabled: true, seed: 3, rate },
    }),
  );
  const browser = await startBrowser();
  try {
    const started = await launcher.start();
    if (!started.ok) throw new BenchVoid(started.failure.reason);
    const { cluster } = started.value;
    const http = cluster.regions.find(({ name }) => name === region)?.http ?? "";
    const interactive: number[] = [];
    const watched: Watched[] = [];
    const eventRates: number[] = [];
    for (let repeat = 0; repeat < repeats; repeat += 1) {
      const began = performance.now();
      const { page, close } = await openPage(browser, `${http}/console/markets/${market}`);
      await page.locator(".book tbody td.bid").first().waitFor();
      interactive.push(performance.now() - began);
      const before = await eventsOf(http);
      const from = performance.now();
      watched.push(await watch(page, quick ? 1_000 : watchedMs));
      const seconds = (performance.now() - from) / 1_000;
      eventRates.push(((await eventsOf(http)) - before) / seconds);
      await close();
    }
    return {
      workload: [
        `market page of ${market}, ${sizesShown}, background flow of ${rate} orders/s in each of two markets, three regions on this machine`,
        `headless Chromium ${browser.version()}, software rendering, on the same processors as the cluster`,
      ],
      figures: [
        figure("console.interactive", "ms", "lower", interactive, 1_000),
        figure(
          "console.longest_task",
          "ms",
          "lower",
          watched.map((each) => each.longestTaskMs),
          50,
        ),
        figure(
          "console.frame_p95",
          "ms",
          "lower",
          watched.map((each) => each.frameP95Ms),
          33,
        ),
        figure("console.events", "1/s", "higher", eventRates, 10_000),
      ],
      notes: [
        `frames a run: ${watched.map(({ frames }) => frames).join(", ")}`,
        `records a second of the market, which stand for its events: ${Math.round(median(eventRates))}`,
        "a longest task of 50 ms stands for 50 or less: the browser tells of longer ones only",
      ],
    };
  } finally {
    await browser.close();
    await launcher.stop();
    rmSync(data, { recursive: true, force: true });
  }
}

const sizesShown = "1280 × 800";

/** Records that the market has matched: commands, each of which makes at least one event. */
async function eventsOf(http: string): Promise<number> {
  const status = (await (await fetch(`${http}/status`)).json()) as {
    readonly markets: readonly {
      readonly definition: { readonly market: string };
      readonly matched: number;
    }[];
  };
  return status.markets.find(({ definition }) => definition.market === market)?.matched ?? 0;
}
