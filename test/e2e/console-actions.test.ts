import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

import { AxeBuilder } from "@axe-core/playwright";
import type { Browser, Page } from "playwright-core";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { credentialsOf } from "../../ops/deploy/cluster.ts";
import { Launcher, type Overview } from "../../ops/deploy/launcher.ts";
import {
  noBrowser,
  type OpenPage,
  openPage,
  renewPicture,
  screenshotFile,
  startBrowser,
} from "../support/browser.ts";
import { meridian } from "../support/command-line.ts";
import { launcherOptions, temporaryFolder } from "../support/launched-cluster.ts";
import { repository } from "../support/shared-data.ts";
import { testUnless } from "../support/skip.ts";

/** Two persons at two screens, in the profile in which neither can do the other's part. */
const test = suite("console in a browser, by two persons");

const region = "eu-central";
const market = "BTC-EUR";
let data = "";
let launcher: Launcher | null = null;
let overview: Overview | null = null;
let browser: Browser | null = null;
/** Screens of two persons, each with a context of its own. */
let first: OpenPage | null = null;
let second: OpenPage | null = null;

test.before(async () => {
  if (noBrowser !== null) return;
  data = temporaryFolder();
  launcher = new Launcher(
    launcherOptions(data, {
      profile: "production",
      cellProgram: join(repository, "actors", "root", "main.ts"),
    }),
  );
  const started = await launcher.start();
  if (!started.ok) throw new Error(`${started.failure.code}: ${started.failure.reason}`);
  overview = started.value;
  browser = await startBrowser();
  first = await signedIn("operator");
  second = await signedIn("approver");
});

test.after(async () => {
  await browser?.close();
  await launcher?.stop();
  if (data !== "") rmSync(data, { recursive: true, force: true });
});

const url = (path: string): string => {
  const found = overview?.cluster.regions.find(({ name }) => name === region);
  return `${found?.http ?? ""}/console/${path}`;
};

const seedOf = (user: string): string => {
  if (overview === null) throw new Error("not started");
  return readFileSync(credentialsOf(overview.plan, user).seedFile, "utf8").trim();
};

/** Nobody is handed a key here: the page asks who is there. */
async function signedIn(user: string): Promise<OpenPage> {
  if (browser === null) throw new Error("not started");
  const opened = await openPage(browser, url(""), { trustAll: true });
  const { page } = opened;
  await page.getByRole("heading", { name: "Who are you?" }).waitFor();
  await page.getByLabel("nkey seed").fill(seedOf(user));
  await page.keyboard.press("Enter");
  await page.locator(`button.person.${user}`).waitFor();
  await page.locator(".link-state .ok").waitFor();
  return opened;
}

const screens = (): { readonly operator: Page; readonly approver: Page } => {
  if (first === null || second === null) throw new Error("not started");
  return { operator: first.page, approver: second.page };
};

/** Goes there without a reload: a reload signs in anew, which is another test's business. */
async function goTo(page: Page, path: string): Promise<void> {
  await page.evaluate(
    `history.pushState(null, "", ${JSON.stringify(`/console/${path}`)}); dispatchEvent(new PopStateEvent("popstate"))`,
  );
}

async function confirm(page: Page, typed: string, verb: string): Promise<void> {
  const button = page.getByRole("button", { name: verb, exact: true });
  assert.ok(await button.isDisabled(), `${verb} before ${typed} is typed`);
  await page.getByLabel(`Type ${typed} to confirm`).fill(typed);
  await button.click();
}

/** A standby that is not there yet is a check that says no: asked again, as a person would. */
async function runChecks(page: Page): Promise<void> {
  const check = page.getByRole("button", { name: /Run the checks|Check again/ });
  for (let tries = 0; tries < 60; tries += 1) {
    await check.click();
    await page.locator(".checks li").first().waitFor();
    if ((await page.locator(".checks .fail").count()) === 0) return;
    await page.waitForTimeout(500);
  }
}

const toast = (page: Page, title: string) => page.locator(".toasts li", { hasText: title }).first();

testUnless(
  test,
  noBrowser,
  "B8.7 a dry run shows the quotes a strategy would have; flattened from its drawer it holds nothing and is paused, until it is resumed",
  async () => {
    const { operator } = screens();
    const page = operator;
    await goTo(operator, `strategies/spawn?market=${market}`);
    await operator.getByLabel("Name, for ever").fill("limited");
    // Nothing trades by itself in this profile: it quotes around a price that it is told.
    await operator.locator("#parameter-reference").fill("10500000");
    await operator.getByRole("button", { name: "Dry run" }).click();
    await operator.getByText("It would be spawned in eu-central").waitFor();
    const quotes = operator.getByLabel("quotes it would have now");
    await quotes.locator(".bid", { hasText: /@ \d/ }).waitFor();
    await quotes.locator(".ask", { hasText: /@ \d/ }).waitFor();
    await operator.screenshot({ path: screenshotFile("spawn-preview-dark") });
    await operator.getByRole("button", { name: "Spawn", exact: true }).click();
    await operator.getByRole("complementary").getByRole("heading", { name: "limited" }).waitFor();
    const drawer = page.locator(".drawer");
    await drawer.locator("dd .bid", { hasText: "@" }).waitFor();
    await drawer.getByRole("button", { name: "Flatten…" }).click();
    await confirm(page, "limited", "Flatten it");
    await drawer.locator(".badge", { hasText: "paused" }).waitFor();
    await drawer
      .locator("dd", { hasText: /^[+−]?0 units$/ })
      .first()
      .waitFor();
    assert.match((await toast(page, "flatten limited").textContent()) ?? "", /con-[0-9a-f]{10}/);
    await drawer.getByRole("button", { name: "Resume", exact: true }).click();
    await drawer.locator("dd .bid", { hasText: "@" }).waitFor();
  },
);

testUnless(
  test,
  noBrowser,
  "B8.7 an auction is called and uncrossed from the market's page, and what it would trade is told in the ladder",
  async () => {
    const { operator: page } = screens();
    await goTo(page, `markets/${market}`);
    await page.getByRole("button", { name: "Auction…" }).click();
    await page
      .getByText("npx meridian market phase BTC-EUR closing_auction --as operator")
      .waitFor();
    await confirm(page, market, "Change the phase");
    await page.locator(".page-head .badge", { hasText: "closing auction" }).waitFor();
    await page.locator(".indicative dd", { hasText: /\d/ }).first().waitFor();
    await page.screenshot({ path: screenshotFile("market-auction-dark") });
    await renewPicture(page, "market-auction");
    await page.getByRole("button", { name: "Uncross…" }).click();
    await confirm(page, market, "Uncross the market");
    await page.locator(".page-head .badge", { hasText: "open" }).waitFor();
    assert.match((await toast(page, `resume ${market}`).textContent()) ?? "", /con-[0-9a-f]{10}/);
  },
);

testUnless(
  test,
  noBrowser,
  "B8.7 the mode of a market is changed and changed back, and the page says what it promises",
  async () => {
    const { operator: page } = screens();
    await goTo(page, `markets/${market}`);
    const before = await page.locator(".page-head .second").first().textContent();
    const old = /(replicated|durable|matched)/.exec(before ?? "")?.[0] ?? "";
    assert.is.not(old, "");
    for (const mode of [old === "durable" ? "replicated" : "durable", old]) {
      await page.getByRole("button", { name: "Mode…" }).click();
      await page.locator("dialog select").selectOption(mode);
      await page.locator("dialog").getByText("An acknowledged order survives").waitFor();
      await confirm(page, market, "Change the mode");
      await page.locator(".page-head .second", { hasText: mode }).first().waitFor();
    }
  },
);

testUnless(
  test,
  noBrowser,
  "B8.7 limits are set by form: tighter ones hold at once, looser ones wait for another person, and nobody approves their own",
  async () => {
    const { operator, approver } = screens();
    await goTo(operator, `risk?open=risk:${region}/trader-limited`);
    await operator.getByRole("button", { name: "Set limits…" }).click();
    const position = operator.locator("#limit-position");
    await position.fill("2");
    await operator.getByRole("button", { name: "Dry run" }).click();
    await operator.getByText("it holds at once").waitFor();
    await confirm(operator, "trader-limited", "Set them");
    await operator.locator(".drawer dd", { hasText: /^2 lots$/ }).waitFor();
    await operator.getByRole("button", { name: "Set limits…" }).click();
    await position.fill("5000");
    await operator.getByRole("button", { name: "Dry run" }).click();
    await operator.getByText("a second person has to approve it").waitFor();
    await operator.screenshot({ path: screenshotFile("risk-limits-dark") });
    await confirm(operator, "trader-limited", "Ask for them");
    const approve = /^Approve con-/;
    await operator.getByRole("button", { name: approve }).waitFor();
    assert.is(
      await operator.getByRole("button", { name: approve }).getAttribute("aria-disabled"),
      "true",
    );
    await goTo(approver, `risk?open=risk:${region}/trader-limited`);
    await approver.getByRole("button", { name: approve }).click();
    await operator.locator(".drawer dd", { hasText: /^5.000 lots$/ }).waitFor();
  },
);

testUnless(
  test,
  noBrowser,
  "B8.7 the kill switch stops a name at once, and taking orders again needs another person",
  async () => {
    const { operator, approver } = screens();
    await goTo(operator, `risk?open=risk:${region}/trader-limited`);
    await operator.getByRole("button", { name: "Kill switch…" }).click();
    await confirm(operator, "trader-limited", "Stop it");
    await operator.locator(".drawer .badge", { hasText: "stopped" }).waitFor();
    await operator.getByRole("button", { name: "Resume…" }).click();
    await confirm(operator, "trader-limited", "Ask for it");
    await goTo(approver, `risk?open=risk:${region}/trader-limited`);
    await approver.getByRole("button", { name: /^Approve con-/ }).click();
    await operator.locator(".drawer .badge", { hasText: "takes orders" }).waitFor();
  },
);

testUnless(
  test,
  noBrowser,
  "B8.7 a failover waits for another person, who declines it or approves it; its own asker can do neither but abort",
  async () => {
    const { operator, approver } = screens();
    const to = "us-east";
    for (const answer of ["Abort", "Decline", "Approve"] as const) {
      await goTo(operator, "regions");
      await goTo(operator, `regions/${region}/failover?to=${to}`);
      await runChecks(operator);
      await operator.getByLabel(`Type ${region} to confirm`).fill(region);
      await operator.getByRole("button", { name: `Move its markets to ${to}` }).click();
      await operator.locator(".run-steps li", { hasText: "waits for a second person" }).waitFor();
      const own = operator.getByRole("button", { name: "Approve, as the second person" });
      assert.is(await own.getAttribute("aria-disabled"), "true");
      await goTo(approver, "incidents");
      const asked = approver.locator(".problem", { hasText: `operator wants to move the markets` });
      await asked.waitFor();
      if (answer === "Abort") {
        await operator.getByRole("button", { name: "Abort", exact: true }).click();
      } else {
        await asked.getByRole("button", { name: answer, exact: true }).click();
      }
      const end = answer === "Approve" ? /^[\d:.]+ .*done/ : /aborted: what had not moved stayed/;
      await operator.locator(".run-steps li", { hasText: end }).waitFor({ timeout: 60_000 });
      await asked.waitFor({ state: "detached" });
      await operator.screenshot({ path: screenshotFile(`failover-${answer.toLowerCase()}-dark`) });
    }
    const trail = operator.getByRole("link", { name: /^Audit trail of con-/ });
    await trail.click();
    await operator.waitForURL(/\/audit\?id=/);
    await operator.locator("main td", { hasText: "failover" }).first().waitFor();
    await goTo(operator, "markets");
    await operator.locator("main tr", { hasText: market }).getByText(to).waitFor();
  },
);

/** Whose cell is frozen in what follows: it leads both markets by now. */
const frozen = "us-east";
const stays = async (page: Page): Promise<void> => {
  // Until then the page shows what was known before.
  await page.locator(".region-list .badge.ok", { hasText: frozen }).waitFor();
  await goTo(page, "markets");
  for (const each of [market, "BTC-USD"]) {
    const row = page.locator("main tr", { hasText: each });
    await row.getByText(frozen).waitFor();
    await row.getByText("open").waitFor();
  }
};

testUnless(
  test,
  noBrowser,
  "B8.7 a takeover by force is aborted before its fence: the region is back, and its markets stay with it",
  async () => {
    const { operator, approver } = screens();
    const pid = launcher?.processId(frozen, "cell") ?? 0;
    process.kill(pid, "SIGSTOP");
    try {
      await goTo(operator, `regions/${frozen}/failover?to=${region}`);
      await operator.getByText(`${frozen} is silent: ${region} would claim`).waitFor();
      await runChecks(operator);
      await confirm(operator, frozen, `Move its markets to ${region}`);
      await operator.locator(".run-steps li", { hasText: "waits for a second person" }).waitFor();
      // It is told of by cells that look at leases now and then; the incident is what the next test is about.
      await goTo(approver, "incidents");
      await approver.locator("main a[data-row]", { hasText: `cell ${frozen}-1` }).waitFor();
    } finally {
      process.kill(pid, "SIGCONT");
    }
    // An owner that lives cannot be robbed: the claim waits for its silence, and can be called back.
    await stays(approver);
    await goTo(approver, "incidents");
    const asked = approver.locator(".problem", { hasText: "operator wants to move the markets" });
    await asked.getByRole("button", { name: "Approve", exact: true }).click();
    const claimed = operator.locator(".run-steps li", { hasText: "is being claimed" });
    await claimed.waitFor();
    await operator.getByRole("button", { name: "Abort", exact: true }).click();
    const end = operator.locator(".run-steps li", {
      hasText: "aborted: what had not moved stayed",
    });
    await end.waitFor();
    await operator.screenshot({ path: screenshotFile("takeover-abort-dark") });
    await stays(operator);
  },
);

testUnless(
  test,
  noBrowser,
  "B1.5 B8.1 an incident is acknowledged, escalated, mitigated by its runbook, resolved and reviewed from its drawer, and the timeline tells of it",
  async () => {
    const { operator: page } = screens();
    const id = `cell_down-${frozen}-${frozen}-1`;
    await goTo(page, "incidents");
    await page.locator("main a[data-row]", { hasText: `cell ${frozen}-1` }).focus();
    await page.keyboard.press("Enter");
    const drawer = page.locator(".drawer");
    const step = (text: string | RegExp) => drawer.locator(".trail li", { hasText: text }).first();
    const act = async (verb: string, note: string): Promise<void> => {
      await drawer.getByLabel("Note, kept in the timeline").fill(note);
      await drawer.getByRole("button", { name: verb, exact: true }).click();
      await toast(page, `${verb.toLowerCase()} ${id}`).waitFor();
    };
    await step("paged L1").waitFor();
    await act("Acknowledge", "it was frozen");
    await step("it was frozen · by operator").waitFor();
    await drawer.locator("dd", { hasText: /^operator$/ }).waitFor();
    await act("Escalate", "");
    await step("paged L2").waitFor();
    await drawer.locator("summary", { hasText: "Verify" }).click();
    await drawer.getByText(`npx meridian status --ready --region ${frozen}`).waitFor();
    // Run as the page writes it, by whoever has a terminal.
    const line = (await drawer.locator(".runbook .command code").first().textContent()) ?? "";
    const ran = await meridian(data, line.split(" ").slice(2));
    assert.is(ran.code, 0, `${line}: ${ran.output}${ran.errors}`);
    await step(/step.*RB-01 · verify/).waitFor();
    await drawer.locator(".badge", { hasText: "mitigated" }).waitFor();
    const { violations } = await new AxeBuilder({ page }).analyze();
    assert.equal(
      violations.map((each) => each.id),
      [],
    );
    await drawer.getByRole("heading", { level: 1 }).scrollIntoViewIfNeeded();
    await page.screenshot({ path: screenshotFile("incident-drawer-dark") });
    await renewPicture(page, "incident");
    await act("Resolve", "");
    await act("Review", "the machine was too small");
    await step("the machine was too small · by operator").waitFor();
    await drawer.locator(".badge", { hasText: "reviewed" }).waitFor();
    assert.is(await drawer.getByRole("button", { name: "Review" }).count(), 0);
    assert.match((await toast(page, `review ${id}`).textContent()) ?? "", /con-[0-9a-f]{10}/);
    assert.equal([first?.complaints, second?.complaints], [[], []]);
  },
);

test.run();
