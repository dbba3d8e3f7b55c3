import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import { AxeBuilder } from "@axe-core/playwright";
import type { NatsConnection } from "nats";
import type { Browser, Page } from "playwright-core";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { encodeLease } from "../../actors/region/codec.ts";
import { credentialsOf } from "../../ops/deploy/cluster.ts";
import { connectAs } from "../../ops/deploy/connection.ts";
import { Launcher, type Overview } from "../../ops/deploy/launcher.ts";
import { natsUrl, serversOf } from "../../ops/deploy/topology.ts";
import { wire } from "../../schemas/messages.ts";
import {
  cellLeaseKey,
  cellUserName,
  controlSubject,
  leaseBucket,
  operationsSubject,
} from "../../schemas/subjects.ts";
import {
  noBrowser,
  renewPicture,
  openPage,
  screenshotFile,
  startBrowser,
} from "../support/browser.ts";
import { killAndHold } from "../support/held-cell.ts";
import { launcherOptions, temporaryFolder } from "../support/launched-cluster.ts";
import { repository } from "../support/shared-data.ts";
import { testUnless } from "../support/skip.ts";
import { goTo } from "../support/watched-page.ts";

const test = suite("console in a browser");

const region = "eu-central";
const market = "BTC-EUR";
const built = join(repository, "build", "console");
let data = "";
let launcher: Launcher | null = null;
let overview: Overview | null = null;
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
  browser = await startBrowser();
  // It is given up some seconds from now, while other tests run.
  await spawnFailing();
});

test.after(async () => {
  await browser?.close();
  await launcher?.stop();
  if (data !== "") rmSync(data, { recursive: true, force: true });
});

function cluster(): {
  readonly overview: Overview;
  readonly launcher: Launcher;
  readonly browser: Browser;
} {
  if (overview === null || launcher === null || browser === null) throw new Error("not started");
  return { overview, launcher, browser };
}

const url = (path: string, of = region): string => {
  const found = cluster().overview.cluster.regions.find(({ name }) => name === of);
  return `${found?.http ?? ""}/console/${path}`;
};

const seedOf = (user: string): string =>
  readFileSync(credentialsOf(cluster().overview.plan, user).seedFile, "utf8").trim();

const live = (page: Page): Promise<void> =>
  page
    .locator(".link-state .ok")
    .waitFor()
    .then(() => undefined);

/** What a page without any pointer does to sign in: the button is reached by Tab, the seed pasted. */
async function signInByKeyboard(page: Page, user: string): Promise<void> {
  await page.locator("button.person").focus();
  await page.keyboard.press("Enter");
  await page.getByLabel("nkey seed").waitFor();
  await page.keyboard.insertText(seedOf(user));
  await page.keyboard.press("Enter");
  await page.locator(`button.person.${user}`).waitFor();
  await live(page);
}

testUnless(test, noBrowser, "B8.7 the first load is below 150 kB compressed", () => {
  const index = readFileSync(join(built, "index.html"), "utf8");
  const named = [...index.matchAll(/(?:src|href)="\/console\/([^"]+)"/g)].map(
    ([, name]) => name ?? "",
  );
  assert.ok(
    named.some((name) => name.endsWith(".js")),
    index,
  );
  const bytes = ["index.html", ...named].reduce(
    (sum, name) => sum + gzipSync(readFileSync(join(built, name))).length,
    0,
  );
  console.log(`first load: ${bytes} B compressed, of ${named.length + 1} files`);
  assert.ok(bytes < 150_000, `${bytes} B`);
});

testUnless(
  test,
  noBrowser,
  "B8.7 an observer sees regions and markets live, and every action with the reason why not",
  async () => {
    const { page, complaints, close } = await openPage(cluster().browser, url(""));
    await live(page);
    await allServe(page);
    for (const name of [market, "BTC-USD"]) {
      await page.locator("main tr", { hasText: name }).getByText("open").waitFor();
    }
    const told = await page.locator("main .situation, main .problems-list").innerText();
    if (/All \d/.test(told)) assert.match(told, "All 3 regions serve, 2 of 2 markets open.");
    await page.locator("main a[data-row]", { hasText: market }).click();
    await page.getByRole("heading", { name: market }).waitFor();
    await page.locator(".book tbody td.bid").first().waitFor();
    await page.locator(".depth-panel canvas").waitFor();
    const halt = page.getByRole("button", { name: "Halt…" });
    assert.is(await halt.getAttribute("aria-disabled"), "true");
    await halt.focus();
    await page.keyboard.press("Enter");
    await page.getByText("the role observer may not do this; sign in as operator.").waitFor();
    assert.equal(complaints, [], "nothing to complain about, the content policy included");
    await close();
  },
);

testUnless(
  test,
  noBrowser,
  "B8.7 the observer's key is handed to this cell's own pages only",
  async () => {
    const own = url("access");
    const given = (await (await fetch(own)).json()) as { readonly observerSeed: string | null };
    assert.is(given.observerSeed, seedOf("observer"));
    const elsewhere = await fetch(own, { headers: { "sec-fetch-site": "cross-site" } });
    assert.is(
      ((await elsewhere.json()) as typeof given).observerSeed,
      null,
      "a page of another site",
    );
  },
);

testUnless(
  test,
  noBrowser,
  "B8.7 a newcomer with only a keyboard signs in, spawns a strategy and finds it quoting",
  async () => {
    const { page, complaints, close } = await openPage(cluster().browser, url(""));
    await live(page);
    await signInByKeyboard(page, "operator");
    await page.keyboard.press("g");
    await page.keyboard.press("s");
    await page.getByRole("heading", { name: "Strategies", exact: true }).waitFor();
    await page.keyboard.press(":");
    await page.getByRole("combobox").waitFor();
    await page.keyboard.type("spawn");
    await page.keyboard.press("Enter");
    await page.getByLabel("Name, for ever").waitFor();
    await page.getByLabel("Name, for ever").focus();
    await page.keyboard.press("Control+a");
    await page.keyboard.type("by-keyboard");
    // Out of its range: said at once, with the range.
    await tabTo(page, "parameter-gamma");
    await page.keyboard.type("1000");
    await page.getByText("Not yet: gamma: at most 100.").waitFor();
    await page.keyboard.press("Control+a");
    await page.keyboard.type("0.2");
    await page.keyboard.press("Enter");
    await page.getByText("It would be spawned in eu-central").waitFor();
    await page.keyboard.press("Enter");
    await page.getByRole("complementary").getByRole("heading", { name: "by-keyboard" }).waitFor();
    const toast = page.locator(".toasts li", { hasText: "spawn by-keyboard" });
    await toast.waitFor();
    assert.match((await toast.textContent()) ?? "", /con-[0-9a-f]{10}/, "the action has an id");
    await page.locator(".drawer dd .bid", { hasText: "@" }).waitFor();
    assert.equal(complaints, []);
    await close();
  },
);

async function tabTo(page: Page, id: string): Promise<void> {
  for (let presses = 0; presses < 40; presses += 1) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate<string>("document.activeElement?.id ?? ''");
    if (at === id) return;
  }
  throw new Error(`Tab does not come to ${id}`);
}

testUnless(
  test,
  noBrowser,
  "B8.7 a market is halted and resumed only after its name was typed, and the action has an id",
  async () => {
    const { page, close } = await openPage(cluster().browser, url(`markets/${market}`));
    await live(page);
    await signInByKeyboard(page, "operator");
    for (const [verb, state] of [
      ["Halt", "halted"],
      ["Resume", "open"],
    ] as const) {
      await page.getByRole("button", { name: `${verb}…` }).click();
      const confirm = page.getByRole("button", { name: `${verb} the market` });
      assert.ok(await confirm.isDisabled(), "not before the name is typed");
      await page.getByLabel(`Type ${market} to confirm`).fill("BTC");
      assert.ok(await confirm.isDisabled(), "not for a part of it");
      await page.getByLabel(`Type ${market} to confirm`).fill(market);
      await confirm.click();
      await page.locator(".page-head .badge", { hasText: state }).waitFor();
    }
    await close();
  },
);

/** What else may be wrong at the moment, a market slower than usual on a busy machine, is another matter. */
const serves = (page: Page, of: string): Promise<void> =>
  page
    .locator(`.region-card[aria-label="${of}"]:not(.is-stale)`)
    .locator(".headline", { hasText: "serves" })
    .waitFor();

async function allServe(page: Page): Promise<void> {
  for (const { name } of cluster().overview.cluster.regions) await serves(page, name);
}

function connectionAs(user: string): Promise<NatsConnection> {
  const { plan } = cluster().overview;
  return connectAs({
    user,
    seedFile: credentialsOf(plan, user).seedFile,
    authorityFile: plan.certificates.authorityFile,
    servers: serversOf(plan, region).map(({ ports }) => natsUrl(ports)),
  });
}

/** By another client than the page. */
async function changeState(verb: "halt" | "resume"): Promise<void> {
  const connection = await connectionAs("operator");
  try {
    const { MarketStateRequest, MarketReply } = wire.control.v1;
    const request = MarketStateRequest.encode({ market, reason: "drill" }).finish();
    const subject = operationsSubject(region, `market-${verb}`);
    const reply = await connection.request(subject, request, { timeout: 30_000 });
    assert.is(MarketReply.decode(reply.data).refusal, null);
  } finally {
    await connection.close();
  }
}

testUnless(
  test,
  noBrowser,
  "B8.7 with the network cut everything turns grey and says its age, and comes back by itself",
  async () => {
    const { page, close } = await openPage(cluster().browser, url(""));
    await live(page);
    await allServe(page);
    await page.context().setOffline(true);
    await page.locator(".region-card.is-stale").first().waitFor();
    await page.locator(".banner", { hasText: "No connection to a server since" }).waitFor();
    await page
      .getByText(/stale \d+ s/)
      .first()
      .waitFor();
    assert.is(await page.locator(".panel:not(.is-stale)").count(), 0, "every panel is grey");
    const row = page.locator("main tr", { hasText: market });
    await changeState("halt");
    assert.is(await row.getByText("halted").count(), 0, "the page cannot know of it");
    await page.context().setOffline(false);
    await live(page);
    await page.locator(".region-card:not(.is-stale)").first().waitFor();
    await row.getByText("halted").waitFor();
    await changeState("resume");
    await row.getByText("open").waitFor();
    await close();
  },
);

testUnless(
  test,
  noBrowser,
  "B8.7 a killed cell is told within seconds, and its restart is seen without a reload",
  async () => {
    const victim = "us-east";
    const { page, close } = await openPage(cluster().browser, url(""));
    await live(page);
    await allServe(page);
    const told = page
      .locator(".problems-list .problem")
      .getByText(new RegExp(`Region ${victim} (does not answer|takes no orders)`));
    const held = killAndHold(cluster().launcher, data, victim);
    try {
      await told.waitFor();
    } finally {
      held.release();
    }
    // That a cell was gone stays wrong until a person has looked after it; that it serves again is seen at once.
    await told.waitFor({ state: "detached", timeout: 90_000 });
    await serves(page, victim);
    await page.locator("main tr", { hasText: "BTC-USD" }).getByText("open").waitFor();
    await close();
  },
);

/** A holder that the cell did not know of: its supervisor starts it again, above that one. */
async function takeLease(of: string): Promise<void> {
  const { plan } = cluster().overview;
  const user = cellUserName(of);
  const connection = await connectAs({
    user,
    seedFile: credentialsOf(plan, user).seedFile,
    authorityFile: plan.certificates.authorityFile,
    servers: plan.servers.map(({ ports }) => natsUrl(ports)),
  });
  const cell = `${of}-1`;
  const lease = encodeLease({
    region: of,
    cell,
    node: "another",
    incarnation: 1_000,
    renewal: 1,
    nonce: new Uint8Array(16),
    fenced: true,
    released: false,
    actors: null,
  });
  connection.publish(`$KV.${leaseBucket}.${cellLeaseKey(of, cell)}`, lease);
  await connection.flush();
  await connection.close();
}

const failing = "always-torn";

/** A user's strategy that fails whenever it is asked. */
async function spawnFailing(): Promise<void> {
  const source = `import type { Strategy } from "meridian/strategy";
const strategy: Strategy<null> = {
  name: "torn",
  start: null,
  decide() {
    throw new Error("the model of line six is torn");
  },
};
export default strategy;
`;
  const connection = await connectionAs("operator");
  try {
    const { SpawnRequest, ActorReply } = wire.control.v1;
    const request = SpawnRequest.encode({
      key: failing,
      type: "custom",
      parameters: { market, source, interval: "100" },
      requestedBy: "operator",
    }).finish();
    const subject = controlSubject(region, "spawn");
    const reply = await connection.request(subject, request, { timeout: 60_000 });
    assert.is(ActorReply.decode(reply.data).refusal, null);
  } finally {
    await connection.close();
  }
}

testUnless(
  test,
  noBrowser,
  "B8.7 B1.5 a strategy that fails again and again is given up: among what is wrong is the line that failed, in the incident what to do",
  async () => {
    const { page, complaints, close } = await openPage(cluster().browser, url("incidents"));
    await live(page);
    const problem = page.locator(".problem", { hasText: `strategy ${failing} failed too often` });
    await problem
      .getByText("strategy.ts:6: Error: the model of line six is torn")
      .waitFor({ timeout: 90_000 });
    await problem.getByRole("link", { name: "Open it" }).focus();
    await page.keyboard.press("Enter");
    const drawer = page.locator(".drawer");
    await drawer.getByRole("heading", { name: `strategy ${failing} failed too often` }).waitFor();
    await drawer.getByText("RB-06").first().waitFor();
    await page.screenshot({ path: screenshotFile("given-up-incident-dark") });
    await page.keyboard.press("Escape");
    await goTo(page, "Strategies");
    const row = page.locator("main tr", { hasText: failing });
    await row.getByText("given up").waitFor();
    await row.getByText("the model of line six is torn").waitFor();
    await page.screenshot({ path: screenshotFile("given-up-dark") });
    assert.equal(complaints, []);
    await close();
  },
);

testUnless(
  test,
  noBrowser,
  "B8.7 why an actor was restarted is found with the keyboard alone: the cause, its chain, and the machine with its state lit",
  async () => {
    const of = "us-east";
    const { page, complaints, close } = await openPage(cluster().browser, url(`tree/${of}`));
    await live(page);
    await takeLease(of);
    await page.keyboard.press("/");
    await page.keyboard.type("restarts>0");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Escape");
    // Found rows are told with their whole path; those of before have only a name.
    await page
      .locator("main [data-row]", { hasText: `/${of}` })
      .first()
      .waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    const drawer = page.locator(".drawer");
    await drawer.getByRole("heading", { name: "Why restarted" }).waitFor();
    await drawer
      .getByText(/incarnation 1.?000/)
      .first()
      .waitFor();
    await drawer.locator(".machine .state.lit").first().waitFor();
    await drawer.getByRole("heading", { name: "Last transitions" }).waitFor();
    await page.screenshot({ path: screenshotFile("why-restarted-dark") });
    await renewPicture(page, "why-restarted");
    assert.equal(complaints, []);
    await close();
  },
);

testUnless(
  test,
  noBrowser,
  "B8.7 a region is failed over with the keyboard alone: checks, dry run, its name typed, every step seen",
  async () => {
    const to = "ap-southeast";
    const { page, complaints, close } = await openPage(
      cluster().browser,
      url(`regions/${region}/failover?to=${to}`),
    );
    await live(page);
    await signInByKeyboard(page, "operator");
    const check = page.getByRole("button", { name: /Run the checks|Check again/ });
    // A standby that is not there yet is a check that says no: asked again, as a person would.
    for (let tries = 0; tries < 60; tries += 1) {
      await check.focus();
      await page.keyboard.press("Enter");
      await page.locator(".checks li").first().waitFor();
      if ((await page.locator(".checks .fail").count()) === 0) break;
      await page.waitForTimeout(1_000);
    }
    await page.locator(".failover tr", { hasText: market }).getByText("none").waitFor();
    const move = page.getByRole("button", { name: `Move its markets to ${to}` });
    assert.ok(await move.isDisabled(), "not before its name is typed");
    await page.getByLabel(`Type ${region} to confirm`).focus();
    await page.keyboard.type(region);
    await page.keyboard.press("Enter");
    await page.locator(".run-steps li", { hasText: "asked for by operator" }).waitFor();
    await page.locator(".run-steps li", { hasText: "handed over" }).waitFor();
    await page
      .locator(".run-steps li", { hasText: /^[\d:.]+ .*done/ })
      .waitFor({ timeout: 60_000 });
    await page.screenshot({ path: screenshotFile("failover-done-dark") });
    await renewPicture(page, "failover");
    await page.keyboard.press("g");
    await page.keyboard.press("m");
    await page.locator("main tr", { hasText: market }).getByText(to).waitFor();
    await page.locator("main tr", { hasText: market }).getByText("open").waitFor();
    // Its actors went along: their limits are asked under their own region, and what was given up is so still.
    await page.keyboard.press("g");
    await page.keyboard.press("k");
    const limit = page.locator("main tr", { hasText: `trader-${failing}` });
    await limit.getByText(`of ${region}`).waitFor();
    await limit.getByText("takes orders").waitFor();
    await page.keyboard.press("g");
    await page.keyboard.press("s");
    await page.locator("main tr", { hasText: failing }).getByText("given up").waitFor();
    assert.equal(complaints, []);
    await close();
  },
);

/** In the documents, when MERIDIAN_RENEW_SCREENSHOTS is set. */
const pictured = new Set<string>(["", `markets/${market}`, "incidents"]);

const pages = [
  "",
  "tree",
  "markets",
  `markets/${market}`,
  "strategies",
  "strategies/spawn",
  "regions",
  `regions/${region}`,
  `regions/${region}/failover`,
  "risk",
  "incidents",
  "audit",
] as const;

for (const theme of ["dark", "light"] as const) {
  testUnless(
    test,
    noBrowser,
    `B8.7 every page in the ${theme} theme is clean by axe, and is written as a screenshot`,
    async () => {
      const { page, complaints, close } = await openPage(cluster().browser, url(""), { theme });
      for (const path of pages) {
        await page.goto(url(path));
        await live(page);
        await page.locator("main h1, main .situation").first().waitFor();
        await page.locator("main .panel, main form").first().waitFor();
        // What is not colour is the same in both themes.
        const axe = new AxeBuilder({ page });
        if (theme === "light") axe.withRules(["color-contrast"]);
        const { violations } = await axe.analyze();
        const found = violations.map(
          ({ id, nodes }) =>
            `${id}: ${nodes
              .map(({ html }) => html.slice(0, 160))
              .slice(0, 3)
              .join(" | ")}`,
        );
        assert.equal(found, [], `axe on /${path}`);
        const name = path === "" ? "overview" : path.replaceAll("/", "-").toLowerCase();
        await page.screenshot({ path: screenshotFile(`${name}-${theme}`) });
        if (pictured.has(path)) await renewPicture(page, `${name}-${theme}`);
        if (theme === "light") continue;
        await page.setViewportSize({ width: 844, height: 390 });
        const wide = await page.evaluate<number>(
          "document.documentElement.scrollWidth - innerWidth",
        );
        assert.ok(wide <= 0, `/${path} is ${wide} px wider than a phone`);
        await page.screenshot({ path: screenshotFile(`${name}-phone`) });
        if (pictured.has(path)) await renewPicture(page, `${name}-phone`);
        await page.setViewportSize({ width: 1280, height: 800 });
      }
      assert.equal(complaints, []);
      await close();
    },
  );
}

test.run();
