import { rmSync } from "node:fs";
import { join } from "node:path";

import type { Browser, Page } from "playwright-core";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { Launcher, type Overview } from "../../ops/deploy/launcher.ts";
import { noBrowser, startBrowser } from "../support/browser.ts";
import { type Crowd, CrowdedCell } from "../support/crowded-cell.ts";
import { launcherOptions, temporaryFolder } from "../support/launched-cluster.ts";
import { repository } from "../support/shared-data.ts";
import { testUnless } from "../support/skip.ts";
import { goTo, WatchedPage } from "../support/watched-page.ts";

/** The console beside many actors: what is counted is counted, times are for `npm run bench -- console`. */
const test = suite("console at scale");

const region = "eu-central";
const actors = 20_000;
/** Of a page on a machine that does much else. */
const patienceMs = 120_000;
let data = "";
let launcher: Launcher | null = null;
let overview: Overview | null = null;
let crowded: CrowdedCell | null = null;
let browser: Browser | null = null;

test.before(async () => {
  if (noBrowser !== null) return;
  data = temporaryFolder();
  launcher = new Launcher(
    launcherOptions(data, {
      cellProgram: join(repository, "actors", "root", "main.ts"),
      flow: { enabled: true, seed: 7, rate: 20 },
    }),
  );
  const started = await launcher.start();
  if (!started.ok) throw new Error(`${started.failure.code}: ${started.failure.reason}`);
  overview = started.value;
  crowded = await CrowdedCell.start(overview.plan, region, actors);
  browser = await startBrowser();
});

test.after(async () => {
  await browser?.close();
  await crowded?.stop();
  await launcher?.stop();
  if (data !== "") rmSync(data, { recursive: true, force: true });
});

function running(): {
  readonly overview: Overview;
  readonly crowd: Crowd;
  readonly browser: Browser;
} {
  if (overview === null || crowded === null || browser === null) throw new Error("not started");
  return { overview, crowd: crowded.crowd, browser };
}

const url = (path: string): string => {
  const found = running().overview.cluster.regions.find(({ name }) => name === region);
  return `${found?.http ?? ""}/console/${path}`;
};

const live = (page: Page): Promise<void> => page.locator(".link-state .ok").waitFor();
const row = (page: Page, name: string) =>
  page.locator(".tree-row[data-row]", { has: page.getByText(name, { exact: true }) });

testUnless(
  test,
  noBrowser,
  `A7 B8.7 ${actors} actors are a message a second and view, a window of rows in the page, and failures are found`,
  async () => {
    const { browser: chromium, crowd } = running();
    const watched = await WatchedPage.open(chromium, url(`tree/${region}`));
    const { page } = watched;
    page.setDefaultTimeout(patienceMs);
    await live(page);
    const branch = row(page, "crowd");
    await branch.waitFor();
    await page
      .getByText(/20.\d{3} actors/)
      .first()
      .waitFor();
    await branch.press("l");
    await page.getByText("1–200 of 20 000").waitFor();
    await row(page, "w199").waitFor();

    // Quickly through many windows, and as far as it goes: the page does not grow.
    for (let step = 0; step < 10; step += 1) await page.getByLabel("later of crowd").click();
    await page.getByText("2 001–2 200 of 20 000").waitFor();
    await page.getByLabel("last of crowd").click();
    await row(page, `w${actors - 1}`).waitFor();
    const rows = await page.locator(".tree-row[data-row]").count();
    assert.ok(rows >= 200 && rows < 260, `${rows} rows are in the page`);
    const nodes = await page.evaluate<number>("document.querySelectorAll('*').length");
    assert.ok(nodes < 5_000, `${nodes} elements`);

    // The one that crashes all the time is far away from this window; its branch tells of it.
    await branch.locator(".badge.warn").waitFor();
    watched.forget();
    const from = performance.now();
    await page.waitForTimeout(3_000);
    const told = new Map<string, number>();
    for (const { subject } of watched.received) {
      if (subject.startsWith("sup.")) told.set(subject, (told.get(subject) ?? 0) + 1);
    }
    const seconds = (performance.now() - from) / 1_000;
    assert.is(
      told.size,
      4,
      `a view for the region, for each of its two cells, for the branch: ${told.size}`,
    );
    for (const [subject, count] of told) {
      assert.ok(count <= seconds + 2, `${count} messages on ${subject} in ${seconds} s`);
    }

    await page.getByRole("button", { name: "/failed" }).click();
    for (const id of crowd.failed) await row(page, `/${region}/crowd/${id}`).waitFor();
    await page.getByRole("button", { name: "restarts>0" }).click();
    const looping = row(page, `/${region}/crowd/${crowd.crashing[0] ?? ""}`);
    await looping.getByText("the order book of step 7 is crossed").waitFor();
    const restarts = looping.locator(".number").first();
    const before = await restarts.textContent();
    while ((await restarts.textContent()) === before) await page.waitForTimeout(100);
    const filter = page.getByLabel("filter the tree");
    await filter.fill("");
    await filter.pressSequentially(`state:open w${actors - 1}`);
    await row(page, `/${region}/crowd/w${actors - 1}`).waitFor();
    // Each window and each letter was a question; the cell keeps a view for 15 s, and 64 at most.
    assert.ok(watched.views.size <= 8, `${watched.views.size} views of a page that shows four`);
    assert.equal(watched.complaints, []);
    await watched.close();
  },
);

const titles = [
  "Tree",
  "Markets",
  "Strategies",
  "Regions",
  "Risk",
  "Incidents",
  "Audit",
  "Overview",
] as const;
const rounds = 2;

testUnless(
  test,
  noBrowser,
  "B8.7 whoever has been on every page holds no more subscriptions and listeners than after the first time",
  async () => {
    const watched = await WatchedPage.open(running().browser, url(""));
    const { page } = watched;
    page.setDefaultTimeout(patienceMs);
    await live(page);
    const round = async (): Promise<void> => {
      for (const title of titles) {
        await goTo(page, title);
        await page.locator("main .panel, main form, main .situation").first().waitFor();
        if (title === "Markets") {
          await page.locator("main a[data-row]").first().click();
          await page.locator(".book tbody td.bid").first().waitFor();
        }
      }
      await page.locator("main .situation, main .problems-list").waitFor();
    };
    await round();
    const first = await watched.held();
    for (let index = 0; index < rounds; index += 1) await round();
    const last = await watched.held();
    assert.is(last.sockets, 1, "a page has one connection");
    assert.is(last.subscriptions, first.subscriptions);
    // Rows and charts come and go; what a page leaves behind it leaves behind each time.
    assert.ok(
      last.listeners < first.listeners + rounds * titles.length,
      `${first.listeners}, ${last.listeners}`,
    );
    assert.ok(last.nodes < first.nodes * 1.5, `${first.nodes}, ${last.nodes} nodes`);
    assert.equal(watched.complaints, []);
    await watched.close();
  },
);

test.run();
