import type { Page } from "playwright-core";

import type { SoakOptions } from "../soak.ts";
import { noBrowser, startBrowser } from "../support/browser.ts";
import { MarketLoad } from "../support/market-load.ts";
import { marketName, regionName, withOneRegion } from "../support/one-region.ts";
import { type Held, WatchedPage } from "../support/watched-page.ts";

const eventsPerSecond = 10_000;
const pagesByKey = ["t", "m", "s", "r", "k", "i", "a", "o"] as const;
/** In every so many rounds the network is cut. */
const roundsBetweenCuts = 10;
/** Rounds until everything has been loaded, compiled and kept once. */
const warmRounds = 3;
/** Fifteen minutes of figures, a second each, are kept on purpose. */
const keptBytes = 4e6;
const keptNodes = 1_500;
const restMs = 5_000;
const patienceMs = 120_000;

/**
 * `--count`: rounds through all pages beside a market at 10,000 events a second, 50 when absent; between them the
 * page stays where it is. The network is cut in every tenth.
 */
export async function soak({ seed, count }: SoakOptions): Promise<void> {
  if (noBrowser !== null) throw new Error(noBrowser);
  const rounds = count ?? 50;
  await withOneRegion("matched", async (region) => {
    await region.ready();
    const load = new MarketLoad(region.connection, {
      region: regionName,
      market: marketName,
      seed,
      eventsPerSecond,
    });
    const browser = await startBrowser();
    load.start();
    try {
      const watched = await WatchedPage.open(browser, `${region.region.http}/console/`);
      watched.page.setDefaultTimeout(patienceMs);
      await liveOf(watched.page);
      const held: Held[] = [];
      for (let round = 1; round <= rounds; round += 1) {
        const before = load.counts.events;
        const from = performance.now();
        await through(watched.page);
        if (round % roundsBetweenCuts === 0) await cut(watched.page);
        await watched.page.waitForTimeout(restMs);
        held.push(await watched.held());
        const rate = (load.counts.events - before) / ((performance.now() - from) / 1_000);
        console.log(`round ${round}: ${Math.round(rate)} events/s, ${textOf(held.at(-1))}`);
      }
      check(held, seed);
      if (watched.complaints.some((each) => !each.includes("ERR_INTERNET_DISCONNECTED"))) {
        throw new Error(`the page complained: ${watched.complaints.join("; ")}`);
      }
      await watched.close();
    } finally {
      load.stop();
      await browser.close();
    }
  });
}

const liveOf = (page: Page): Promise<void> => page.locator(".link-state .ok").waitFor();

/** All pages, the market with its ladder among them; ends on the overview. */
async function through(page: Page): Promise<void> {
  for (const key of pagesByKey) {
    await page.keyboard.press("g");
    await page.keyboard.press(key);
    await page.locator("main .panel, main form, main .situation").first().waitFor();
    if (key !== "m") continue;
    await page.locator("main a[data-row]").first().click();
    await page.locator(".book tbody td.bid").first().waitFor();
  }
  await page.locator("main .overview-charts").waitFor();
}

/** Grey while nothing comes, and new figures without a reload when it comes again. */
async function cut(page: Page): Promise<void> {
  await page.keyboard.press("g");
  await page.keyboard.press("m");
  await page.locator("main a[data-row]").first().click();
  const ladder = page.locator(".book tbody");
  await ladder.locator("td.bid").first().waitFor();
  await page.context().setOffline(true);
  await page.locator(".ladder-panel.is-stale").waitFor();
  await page.locator(".banner").waitFor();
  const old = await ladder.textContent();
  await page.context().setOffline(false);
  const from = performance.now();
  await liveOf(page);
  const liveMs = performance.now() - from;
  await page.locator(".ladder-panel:not(.is-stale)").waitFor();
  while ((await ladder.textContent()) === old) await page.waitForTimeout(20);
  const newMs = performance.now() - from;
  console.log(
    `cut: live ${Math.round(liveMs)} ms after its end, new prices ${Math.round(newMs)} ms`,
  );
  await page.keyboard.press("g");
  await page.keyboard.press("o");
  await page.locator("main .overview-charts").waitFor();
}

const textOf = (held: Held | undefined): string =>
  held === undefined
    ? ""
    : `${(held.heapBytes / 1e6).toFixed(1)} MB, ${held.nodes} nodes, ${held.listeners} listeners, ${held.subscriptions} subscriptions, ${held.sockets} socket`;

function check(all: readonly Held[], seed: number): void {
  const held = all.slice(warmRounds);
  const [first, last] = [held[0], held.at(-1)];
  if (first === undefined || last === undefined) throw new Error("too few rounds to compare");
  const third = Math.ceil(held.length / 3);
  const middle = (values: readonly number[]): number =>
    [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
  const growth = (pick: (each: Held) => number): number =>
    middle(held.slice(-third).map(pick)) - middle(held.slice(0, third).map(pick));
  const faults = [
    ...held
      .filter(
        ({ sockets, subscriptions }) => sockets !== 1 || subscriptions !== first.subscriptions,
      )
      .map((each) => `not as before: ${textOf(each)}`),
    ...(growth(({ heapBytes }) => heapBytes) > keptBytes ? ["the heap grows"] : []),
    ...(growth(({ nodes }) => nodes) > keptNodes ? ["the page grows"] : []),
    ...(growth(({ listeners }) => listeners) > pagesByKey.length ? ["listeners are left"] : []),
  ];
  const grown = (growth(({ heapBytes }) => heapBytes) / 1e6).toFixed(2);
  console.log(`heap: ${grown} MB from the first third of the rounds to the last`);
  if (faults.length > 0) throw new Error(`SEED=${seed}: ${faults.join("; ")}`);
}
