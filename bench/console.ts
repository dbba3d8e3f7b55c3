import type { Browser, BrowserContext } from "playwright-core";

import { startBrowser, noBrowser, sizes } from "../test/support/browser.ts";
import { CrowdedCell } from "../test/support/crowded-cell.ts";
import { MarketLoad } from "../test/support/market-load.ts";
import {
  marketName,
  type OneRegion,
  regionName,
  withOneRegion,
} from "../test/support/one-region.ts";
import { goTo, WatchedPage } from "../test/support/watched-page.ts";
import { type BenchOptions, BenchVoid, figure, type Report } from "./bench.ts";
import { openUntilLive, type Watched, watchPage } from "./page-probe.ts";

/**
 * The console beside a busy market and beside many actors: from the first byte to the first live figures, what the
 * page's main thread and its frames do, how many messages it gets.
 */

interface Sizes {
  readonly eventsPerSecond: number;
  readonly watchedMs: number;
  readonly actors: number;
}
const whole: Sizes = { eventsPerSecond: 10_500, watchedMs: 15_000, actors: 100_000 };
const tiny: Sizes = { eventsPerSecond: 500, watchedMs: 1_500, actors: 2_000 };

interface MarketRun {
  readonly coldMs: number;
  readonly warmMs: number;
  readonly keyMs: number;
  readonly market: Watched;
  readonly overview: Watched;
  readonly eventsPerSecond: number;
}

interface TreeRun {
  readonly watched: Watched;
  /** Of the view that had most. */
  readonly messagesPerSecond: number;
  readonly kilobytesPerSecond: number;
  readonly nodes: number;
  readonly heapBytes: number;
}

/** Of a page on a machine that does much else. */
const patienceMs = 120_000;
const ladder = ".book tbody td.bid";

export async function runConsole({ quick, repeats }: BenchOptions): Promise<Report> {
  if (noBrowser !== null) throw new BenchVoid(noBrowser);
  const size = quick ? tiny : whole;
  const markets: MarketRun[] = [];
  const trees: TreeRun[] = [];
  let version = "";
  await withOneRegion("matched", async (region) => {
    await region.ready();
    const load = new MarketLoad(region.connection, {
      region: regionName,
      market: marketName,
      seed: 3,
      eventsPerSecond: size.eventsPerSecond,
    });
    load.start();
    try {
      // The book fills up before anything is measured.
      await new Promise((resolve) => setTimeout(resolve, quick ? 500 : 3_000));
      for (let repeat = 0; repeat < repeats; repeat += 1) {
        // A browser that has never run: nothing is kept from the page before.
        const browser = await startBrowser();
        version = browser.version();
        try {
          const run = await marketRun(browser, region, load, size);
          markets.push(run);
          stage(
            `market, run ${repeat + 1} of ${repeats}: ${Math.round(run.coldMs)} ms to the first figures, ${Math.round(run.eventsPerSecond)} events/s`,
          );
        } finally {
          await browser.close();
        }
      }
    } finally {
      load.stop();
    }
    const crowd = await CrowdedCell.start(region.plan, regionName, size.actors);
    stage(`${size.actors} actors run`);
    try {
      for (let repeat = 0; repeat < repeats; repeat += 1) {
        const browser = await startBrowser();
        try {
          trees.push(await treeRun(browser, region, size));
          stage(`tree, run ${repeat + 1} of ${repeats}`);
        } finally {
          await browser.close();
        }
      }
    } finally {
      await crowd.stop();
    }
  });
  return report(size, version, markets, trees);
}

/** The run takes minutes: whoever waits sees how far it is, and where it stands still. */
const begun = performance.now();
const stage = (reached: string): void => {
  console.log(`  ${((performance.now() - begun) / 1_000).toFixed(0).padStart(4)} s  ${reached}`);
};

async function marketRun(
  browser: Browser,
  { region }: OneRegion,
  load: MarketLoad,
  { watchedMs }: Sizes,
): Promise<MarketRun> {
  const context = await newContext(browser);
  const address = `${region.http}/console/markets/${marketName}`;
  const first = await context.newPage();
  first.setDefaultTimeout(patienceMs);
  const cold = await openUntilLive(first, address, ladder);
  const before = load.counts.events;
  const from = performance.now();
  const market = await watchPage(browser, first, () => first.waitForTimeout(watchedMs));
  const eventsPerSecond = (load.counts.events - before) / ((performance.now() - from) / 1_000);
  await goTo(first, "Overview");
  await first.locator(".overview-charts canvas").first().waitFor();
  const overview = await watchPage(browser, first, () => first.waitForTimeout(watchedMs / 3));
  await first.close();
  const second = await context.newPage();
  const warm = await openUntilLive(second, address, ladder);
  await context.close();
  return {
    coldMs: cold.shownMs,
    warmMs: warm.shownMs,
    keyMs: cold.keyMs,
    market,
    overview,
    eventsPerSecond,
  };
}

const newContext = (browser: Browser): Promise<BrowserContext> =>
  browser.newContext({ viewport: sizes.desk, colorScheme: "dark" });

/** A branch of all actors is open, paged through and scrolled; one of them crashes all the time. */
async function treeRun(
  browser: Browser,
  { region }: OneRegion,
  { watchedMs, actors }: Sizes,
): Promise<TreeRun> {
  const watched = await WatchedPage.open(browser, `${region.http}/console/tree/${regionName}`);
  const { page } = watched;
  page.setDefaultTimeout(patienceMs);
  const branch = page.locator(".tree-row[data-row]", {
    has: page.getByText("crowd", { exact: true }),
  });
  await branch.first().press("l");
  await page.getByText("w199", { exact: true }).waitFor();
  watched.forget();
  const from = performance.now();
  const frames = await watchPage(browser, page, async () => {
    const until = performance.now() + watchedMs;
    await page.locator(".scroll.tree").hover();
    for (let step = 0; performance.now() < until; step += 1) {
      await page.mouse.wheel(0, step % 20 < 10 ? 300 : -300);
      await page.waitForTimeout(50);
      if (step % 20 === 19) await page.getByLabel("later of crowd").click();
    }
  });
  const seconds = (performance.now() - from) / 1_000;
  const views = watched.received.filter(({ subject }) => subject.includes(".views."));
  const perView = new Map<string, number>();
  for (const { subject } of views) perView.set(subject, (perView.get(subject) ?? 0) + 1);
  if (perView.size === 0) throw new BenchVoid("no view of the tree has told anything");
  const bytes = watched.received.reduce((sum, each) => sum + each.bytes, 0);
  const { nodes, heapBytes } = await watched.held();
  await page.getByRole("button", { name: "/failed" }).click();
  await page.getByText(`/${regionName}/crowd/w3`, { exact: true }).waitFor();
  await page.getByRole("button", { name: "restarts>0" }).click();
  const looping = `/${regionName}/crowd/w${Math.floor(actors * 0.617)}`;
  await page.getByText(looping, { exact: true }).waitFor();
  await watched.close();
  return {
    watched: frames,
    messagesPerSecond: Math.max(...perView.values()) / seconds,
    kilobytesPerSecond: bytes / 1_000 / seconds,
    nodes,
    heapBytes,
  };
}

function report(
  { actors, watchedMs }: Sizes,
  version: string,
  markets: readonly MarketRun[],
  trees: readonly TreeRun[],
): Report {
  const of = (name: string, unit: string, pick: (run: MarketRun) => number, goal?: number) =>
    figure(name, unit, "lower", markets.map(pick), goal);
  const ofTree = (name: string, unit: string, pick: (run: TreeRun) => number, goal?: number) =>
    figure(name, unit, "lower", trees.map(pick), goal);
  return {
    workload: [
      `market page of ${marketName}, ${sizes.desk.width} × ${sizes.desk.height}, a client that sends orders, cancels and crossing orders over NATS; mode matched, three regions on this machine`,
      `tree page of a region with ${actors} actors more in a second cell, their branch open, scrolled and paged through, one of them crashing all the time`,
      `headless Chromium ${version}, software rendering, on the same processors as the cluster and its client; watched for ${watchedMs} ms each, the overview for a third of that`,
    ],
    figures: [
      of("console.interactive", "ms", (run) => run.coldMs, 1_000),
      of("console.interactive_warm", "ms", (run) => run.warmMs, 1_000),
      of("console.key", "ms", (run) => run.keyMs, 100),
      of("console.longest_task", "ms", (run) => run.market.longestTaskMs, 50),
      of("console.longest_task_processor", "ms", (run) => run.market.longestTaskProcessorMs, 50),
      of("console.frame_p95", "ms", (run) => run.market.frameP95Ms, 33),
      of("console.overview_longest_task", "ms", (run) => run.overview.longestTaskMs, 50),
      of("console.overview_frame_p95", "ms", (run) => run.overview.frameP95Ms, 33),
      figure(
        "console.events",
        "1/s",
        "higher",
        markets.map((run) => run.eventsPerSecond),
        10_000,
      ),
      ofTree("console.tree_longest_task", "ms", (run) => run.watched.longestTaskMs, 50),
      ofTree(
        "console.tree_longest_task_processor",
        "ms",
        (run) => run.watched.longestTaskProcessorMs,
        50,
      ),
      ofTree("console.tree_frame_p95", "ms", (run) => run.watched.frameP95Ms, 33),
      // Each question is answered with a window as well: a message more every 6 s.
      ofTree("console.tree_messages", "1/s and view", (run) => run.messagesPerSecond, 1.1),
      ofTree("console.tree_traffic", "kB/s", (run) => run.kilobytesPerSecond),
      ofTree("console.tree_heap", "MB", (run) => run.heapBytes / 1e6),
      ofTree("console.tree_nodes", "", (run) => run.nodes),
    ],
    notes: [
      "interactive: begin of the navigation to the frame with the first live figures, in a browser that was just started; key: a key pressed then to the frame with its answer",
      "longest_task: main-thread tasks of the browser's trace, from begin to end; _processor: what the longest had of a processor",
      `main thread on the market page: ${markets.map(({ market }) => shareOf(market)).join("; ")}`,
      `on the tree: ${trees.map(({ watched }) => shareOf(watched)).join("; ")}`,
    ],
  };
}

const shareOf = ({ processorShare, longTasks, tasks, frames }: Watched): string =>
  `${(100 * processorShare).toFixed(1)} % of a processor, ${longTasks} of ${tasks} tasks above 50 ms, ${frames} frames`;
