import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import type { IncidentAccount, IncidentRow } from "../../ops/cli/incidents.ts";
import { cellFile } from "../../ops/deploy/cluster.ts";
import { wire } from "../../schemas/messages.ts";
import { meridian } from "../support/command-line.ts";
import { type LaunchedCluster, withCluster } from "../support/launched-cluster.ts";
import { missingNatsServer } from "../support/nats-cluster.ts";
import { repository } from "../support/shared-data.ts";
import { testUnless } from "../support/skip.ts";

/** The drill: a cell is killed for good, nobody answers the page, a person runs the runbook. */
const test = suite("incidents of a launched cluster");

const dead = "eu-central";
const target = "us-east";
const id = `cell_down-${dead}-${dead}-1`;
/** Milliseconds that a page waits for somebody. */
const patience = 3_000;

async function until<T>(what: string, look: () => Promise<T | null>): Promise<T> {
  for (let tries = 0; tries < 600; tries += 1) {
    const found = await look();
    if (found !== null) return found;
    await delay(100);
  }
  throw new Error(`did not come about: ${what}`);
}

interface Page {
  readonly at: number;
  readonly level: string;
  readonly id: string;
}

/** Whoever wakes people: takes pages by HTTP, and refuses those without its token. */
async function withReceiver(
  body: (url: string, pages: readonly Page[]) => Promise<void>,
): Promise<void> {
  const pages: Page[] = [];
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    request.on("end", () => {
      const { level, incident } = JSON.parse(text) as {
        readonly level: string;
        readonly incident: { readonly id: string };
      };
      pages.push({ at: Date.now(), level, id: incident.id });
      response.writeHead(202).end();
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  try {
    const { port } = server.address() as AddressInfo;
    await body(`http://127.0.0.1:${port}/pages`, pages);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** The cell ends, and no other is started in its place: its configuration is refused. */
function killForGood(data: string, pid: number): number {
  writeFileSync(cellFile(data, dead), "{}");
  process.kill(pid, "SIGKILL");
  return Date.now();
}

async function json<T>(data: string, ...words: readonly string[]): Promise<T> {
  const { code, output, errors } = await meridian(data, [...words, "-o", "json"]);
  assert.is(code, 0, `${words.join(" ")}: ${errors}`);
  return JSON.parse(output) as T;
}

const asOperator = ["--as", "operator"];

async function drill(cluster: LaunchedCluster, webhook: readonly Page[]): Promise<void> {
  const { cluster: file, plan } = cluster.overview;
  const data = plan.dataDirectory;
  const observer = await cluster.connect("observer", target);
  const pages: Page[] = [];
  observer.subscribe("page.>", {
    callback: (error, message) => {
      assert.is(error, null);
      const { incident } = wire.incident.v1.Page.decode(message.data);
      const level = message.subject.split(".")[2] ?? "";
      pages.push({ at: Date.now(), level, id: incident?.id ?? "" });
    },
  });
  await observer.flush();
  const pagesOf = (all: readonly Page[]): readonly Page[] => all.filter((page) => page.id === id);
  const pid = file.regions.find(({ name }) => name === dead)?.cellPid ?? 0;

  const killedAt = killForGood(data, pid);
  const first = await until("the first page", async () => pagesOf(pages)[0] ?? null);
  console.log(`  page ${first.at - killedAt} ms after the kill`);
  assert.is(first.level, "L1");

  await until("the page of the last level", async () =>
    pagesOf(pages).some(({ level }) => level === "L3") ? true : null,
  );
  await until("the webhook has all", async () => (pagesOf(webhook).length === 3 ? true : null));
  assert.equal(
    pagesOf(webhook).map(({ level }) => level),
    ["L1", "L2", "L3"],
  );

  const drilled = await meridian(data, [
    ...["runbook", "run", "RB-14", "--drill", "--set", `affected=${dead}`],
    ...["--set", `target=${target}`, ...asOperator],
  ]);
  assert.is(drilled.code, 0, drilled.errors);
  assert.match(drilled.output, /verify {2}meridian status --ready --region us-east: not_run/);

  const ran = await meridian(data, [
    ...["runbook", "run", "RB-14", "--incident", id],
    ...["--set", `target=${target}`, ...asOperator],
  ]);
  assert.is(ran.code, 0, `${ran.output}\n${ran.errors}`);
  const status = await json<{
    readonly markets: readonly { readonly market: string; readonly state: string }[];
  }>(data, "status");
  const market = status.markets.filter((one) => one.market === "BTC-EUR");
  assert.ok(
    market.some(({ state }) => state === "open"),
    JSON.stringify(market),
  );

  const observerMay = await meridian(data, ["incident", "resolve", id, "--as", "observer"]);
  assert.is(observerMay.code, 3, "an observer changes nothing");
  const note = ["--note", "moved to us-east", ...asOperator];
  await json(data, "incident", "resolve", id, ...note);
  await json(data, "incident", "review", id, "--note", "the disk was wrong", ...asOperator);
  judge(await json<IncidentAccount>(data, "incident", "show", id), killedAt);

  const open = await json<{ readonly incidents: readonly IncidentRow[] }>(data, "incident", "list");
  assert.not.ok(open.incidents.some((one) => one.id === id));
  const trail = await json<{ readonly entries: readonly { readonly action: string }[] }>(
    data,
    ...["audit", "--kind", "incident", "--target", id],
  );
  const actions = trail.entries.map(({ action }) => action);
  for (const action of ["step", "mitigate", "resolve", "review"]) {
    assert.ok(actions.includes(action), `${action} is in the trail: ${actions.join()}`);
  }
}

/** The timeline as it is exported: everything, in order, with who and when. */
function judge(account: IncidentAccount, killedAt: number): void {
  assert.is(account.status, "reviewed");
  assert.is(account.acknowledgedBy, "operator");
  assert.is(account.affected, dead);
  const told = account.timeline.map(({ type, level, phase }) =>
    [type, level, phase].filter((word) => word !== "").join(" "),
  );
  for (const expected of [
    "detected",
    "paged L1",
    "page_sent L1",
    "escalated L2",
    "paged L2",
    "page_sent L2",
    "escalated L3",
    "paged L3",
    "page_sent L3",
    "acknowledged",
    "step check",
    "step do",
    "step verify",
    "mitigated",
    "resolved",
    "reviewed",
  ]) {
    assert.ok(told.includes(expected), `${expected} lacks in ${told.join(", ")}`);
  }
  const times = account.timeline.map(({ at }) => Date.parse(at));
  assert.equal(
    times,
    times.toSorted((one, other) => one - other),
  );
  assert.ok((times[0] ?? 0) >= killedAt - 1_000, "the first step is after the kill");
  const at = (word: string): number => times[told.indexOf(word)] ?? Number.NaN;
  assert.ok(at("paged L2") - at("paged L1") >= patience, "level 1 had its time");
  assert.ok(at("paged L3") - at("paged L2") >= patience, "level 2 had its time");
  const people = account.timeline.filter(({ type }) =>
    ["acknowledged", "step", "mitigated", "resolved", "reviewed"].includes(type),
  );
  for (const { type, by } of people) assert.is(by, "operator", type);
}

testUnless(
  test,
  missingNatsServer(),
  "B1.5 B8.1 a killed cell pages, an unacknowledged page escalates, the runbook restores, the timeline is whole",
  () =>
    withReceiver((url, webhook) =>
      withCluster((cluster) => drill(cluster, webhook), {
        cellProgram: join(repository, "actors", "root", "main.ts"),
        incidents: {
          acknowledgeWithin: [patience / 1_000, patience / 1_000],
          webhook: { url },
        },
      }),
    ),
);

test.run();
