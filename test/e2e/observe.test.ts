import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { plainQuery } from "../../ops/observe/dashboard.ts";
import { dashboards } from "../../ops/observe/dashboards.ts";
import { globalLookback, type Pace, writeObservation } from "../../ops/observe/prometheus-files.ts";
import { parseTraceparent, traceparent } from "../../actors/kernel/trace-context.ts";
import { wire } from "../../schemas/messages.ts";
import { metricFamilies } from "../../schemas/metrics/families.ts";
import { orderTraceIds } from "../../schemas/order-trace.ts";
import { eventSubject } from "../../schemas/subjects.ts";
import { temporaryFolder } from "../support/launched-cluster.ts";
import { missingNatsServer } from "../support/nats-cluster.ts";
import { OtlpReceiver } from "../support/otlp-receiver.ts";
import {
  marketName,
  type OneRegion,
  place,
  regionName,
  withOneRegion,
} from "../support/one-region.ts";
import { CuttableWay, missingPrometheus, Prometheus, promtool } from "../support/prometheus.ts";
import { testUnless } from "../support/skip.ts";
import {
  checkDirect,
  memoryHops,
  orderByOuch,
  orderBySharedMemory,
  ouchHops,
} from "../support/direct-orders.ts";
import { checkHops, context, hops, tracingClient, tradeOnce } from "../support/traced-orders.ts";

const test = suite("a cell under a real Prometheus");
const missing = missingNatsServer() ?? missingPrometheus();
const pace: Pace = { scrape: "1s", rules: "1s" };
/** What a rate needs of samples, at that pace. */
const rateInterval = "10s";
const cutSeconds = 14;
/** Of a market that another region owns: the one cell that is scraped owns its only market. */
const isOfFollowed = (text: string): boolean => text.includes("meridian_standby_");

interface Watched {
  readonly region: OneRegion;
  /** Where the cell's traces go. */
  readonly receiver: OtlpReceiver;
  readonly prometheus: Prometheus;
  /** Over all regions. */
  readonly global: Prometheus;
  /** From the region's to the one over all. */
  readonly way: CuttableWay;
}

let all: Watched | null = null;
let end: () => void = () => {};
let ended: Promise<void> = Promise.resolve();

test.before(async () => {
  if (missing !== null) return;
  const begun = Promise.withResolvers<Watched>();
  const asked = Promise.withResolvers<void>();
  end = asked.resolve;
  ended = watched(async (started) => {
    begun.resolve(started);
    await asked.promise;
  });
  ended.catch(begun.reject);
  all = await begun.promise;
});
test.after(async () => {
  end();
  await ended;
});

function running(): Watched {
  if (all === null) throw new Error("the cluster did not start");
  return all;
}

async function watched(body: (watched: Watched) => Promise<void>): Promise<void> {
  const folder = temporaryFolder();
  const receiver = await OtlpReceiver.start();
  try {
    await withOneRegion(
      "replicated",
      async (region) => {
        await region.ready();
        await underPrometheus(folder, region, (seen) => body({ ...seen, region, receiver }));
      },
      { tracing: { url: receiver.url, direct: 1 } },
    );
  } finally {
    await receiver.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function underPrometheus(
  folder: string,
  region: OneRegion,
  body: (seen: Omit<Watched, "region" | "receiver">) => Promise<void>,
): Promise<void> {
  const target = { region: regionName, cell: `${regionName}-1`, http: region.region.http };
  writeObservation(folder, [target], { pace });
  const global = await Prometheus.start(join(folder, "global.yml"), "global", [
    "--web.enable-remote-write-receiver",
    `--query.lookback-delta=${globalLookback}`,
  ]);
  const way = await CuttableWay.to(global.url);
  writeObservation(folder, [target], { pace, global: way.url });
  const prometheus = await Prometheus.start(join(folder, "prometheus.yml"), "region");
  try {
    await body({ prometheus, global, way });
  } finally {
    await prometheus.stop();
    await way.close();
    await global.stop();
  }
}

/** `look` gives true, or what is missing. */
async function eventually(what: string, look: () => Promise<true | string>): Promise<void> {
  let missed: true | string = "";
  for (let tries = 0; tries < limitTries; tries += 1) {
    missed = await look();
    if (missed === true) return;
    await delay(200);
  }
  throw new Error(`did not come about: ${what}; ${missed}`);
}
const limitTries = 400;

/** Orders that rest, trade and are refused. */
async function trade(region: OneRegion, session: number): Promise<void> {
  for (let number = 1; number <= 20; number += 4) {
    await region.submit(session, [
      place(number, "sell", 100, 5),
      place(number + 1, "buy", 100, 3),
      place(number + 2, "buy", 90, 3),
      place(number + 3, "buy", 0, 1),
    ]);
  }
}

/** Unix time in seconds of the last sample of the last minute. */
async function lastSample(prometheus: Prometheus, series: string): Promise<number> {
  const data = (await prometheus.get(`query?query=${encodeURIComponent(`${series}[1m]`)}`)) as {
    readonly result: readonly { readonly values: readonly (readonly [number, string])[] }[];
  };
  return data.result[0]?.values.at(-1)?.[0] ?? Number.NaN;
}

async function checkScrape({ region, prometheus }: Watched): Promise<void> {
  const text = await (await fetch(`${region.region.http}/metrics`)).text();
  const { status, output } = promtool(["check", "metrics"], text);
  assert.is(status, 0, output);
  assert.is(output.trim(), "");
  const shown = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = ""]) => name);
  assert.equal([...shown].sort(), Object.keys(metricFamilies).sort());
  const names = (await prometheus.get(
    `label/__name__/values?match[]=${encodeURIComponent('{job="meridian-cell"}')}`,
  )) as readonly string[];
  const families = new Set(
    names
      .map((name) => (name in metricFamilies ? name : name.replace(/_(bucket|sum|count)$/, "")))
      .filter((name) => name in metricFamilies),
  );
  assert.equal(
    Object.keys(metricFamilies).filter((name) => !families.has(name) && !isOfFollowed(name)),
    [],
  );
  const [series] = await prometheus.query('count({job="meridian-cell"})');
  assert.ok((series?.value ?? 0) >= 500, `${series?.value} series`);
  assert.ok((series?.value ?? 0) < 2_000, `${series?.value} series of one market`);
}

async function checkDashboards({ region, prometheus }: Watched): Promise<void> {
  const queries = dashboards.flatMap(({ uid, panels }) =>
    panels.flatMap(({ title, queries: asked }) =>
      asked.map(({ expr }) => ({ panel: `${uid}: ${title}`, expr })),
    ),
  );
  let session = 100;
  await eventually("every query of every dashboard returns data", async () => {
    await trade(region, (session += 1));
    const empty: string[] = [];
    for (const { panel, expr } of queries) {
      const found = await prometheus.query(plainQuery(expr, rateInterval));
      if (found.length === 0 && !isOfFollowed(expr)) empty.push(`${panel}: ${expr}`);
    }
    return empty.length === 0 ? true : empty.join("\n");
  });
}

async function checkRules({ prometheus, global }: Watched): Promise<void> {
  for (const one of [prometheus, global]) {
    const { groups } = (await one.get("rules")) as {
      readonly groups: readonly {
        readonly rules: readonly { readonly name: string; readonly health: string }[];
      }[];
    };
    const rules = groups.flatMap((group) => group.rules);
    assert.ok(rules.length > 0);
    for (const { name, health } of rules) assert.is(health, "ok", name);
  }
}

testUnless(
  test,
  missing,
  "B1.4 B1.5 A7 the scrape is clean and whole, and every query of every dashboard returns data",
  async () => {
    const watching = running();
    await trade(watching.region, 1);
    await eventually("streams, servers and samples are there", async () => {
      for (const family of ["meridian_stream_messages", "meridian_server_uptime_seconds"]) {
        const found = await watching.prometheus.query(`rate(${family}[${rateInterval}])`);
        if (found.length === 0) return `nothing of ${family}`;
      }
      return true;
    });
    await checkScrape(watching);
    await checkDashboards(watching);
    await checkRules(watching);
  },
);

testUnless(
  test,
  missing,
  "B1.4 one order's trace has every hop under one id, from the client's span to the block of events",
  async () => {
    const { region, receiver } = running();
    const named: string[] = [];
    const blocks = region.connection.subscribe(eventSubject(marketName, "block"), {
      callback: (_, message) => {
        named.push(...wire.market.v1.EventBlock.decode(message.data).traces);
      },
    });
    const traced = context(true);
    const unsampled = traceparent(context(false));
    await tradeOnce(tracingClient(region, () => traceparent(traced)));
    for (const other of [unsampled, null, "no context"]) {
      await tradeOnce(tracingClient(region, () => other));
    }
    await eventually("every span has come", () => {
      const names = receiver.of(traced.traceId).map(({ name }) => name);
      return Promise.resolve(names.length > hops.length || names.join(", "));
    });
    checkHops(receiver.of(traced.traceId), traced);
    assert.is(receiver.of(traced.traceId).length, hops.length + 1);
    assert.is(receiver.spans.length, hops.length + 1, "nobody else is traced");
    await eventually("the block names its trace", () =>
      Promise.resolve(named.length > 0 || "no block does"),
    );
    blocks.unsubscribe();
    assert.equal(
      named.map((text) => parseTraceparent(text)?.traceId),
      [traced.traceId],
    );
    const scrape = await (await fetch(`${region.region.http}/metrics`)).text();
    assert.match(scrape, /^meridian_traces_begun_total 1$/m);
  },
);

testUnless(
  test,
  missing,
  "B1.4 an order by OUCH and one over shared memory have every hop under one id, which market and sequence tell",
  async () => {
    const { region, receiver } = running();
    const named: string[] = [];
    const blocks = region.connection.subscribe(eventSubject(marketName, "block"), {
      callback: (_, message) => {
        const { traces } = wire.market.v1.EventBlock.decode(message.data);
        named.push(...traces.map((text) => parseTraceparent(text)?.traceId ?? text));
      },
    });
    await region.connection.flush();
    await orderByOuch(region);
    const sequence = await orderBySharedMemory(region);
    const { traceId, clientSpanId } = orderTraceIds(marketName, sequence);
    await eventually("every span has come", () => {
      const byOuch = receiver.spans.find((span) => span.attributes["meridian.door"] === "ouch");
      const ofOuch = receiver.of(byOuch?.traceId ?? "");
      const ofMemory = receiver.of(traceId);
      const isWhole = ofOuch.length > ouchHops.length && ofMemory.length > memoryHops.length;
      const told = [...ofOuch, ...ofMemory].map(({ name }) => name);
      return Promise.resolve(isWhole || told.join(", "));
    });
    const byOuch = receiver.spans.find((span) => span.attributes["meridian.door"] === "ouch");
    const ouch = checkDirect(receiver.of(byOuch?.traceId ?? ""), "ouch", ouchHops);
    assert.is(ouch.parentSpanId, "", "nobody is above order entry");
    const memory = checkDirect(receiver.of(traceId), "shared memory", memoryHops);
    assert.is(memory.parentSpanId, clientSpanId, "the client's span is above, should it tell one");
    await eventually("blocks of events name both traces", () =>
      Promise.resolve(
        (named.includes(ouch.traceId) && named.includes(traceId)) || named.join(", "),
      ),
    );
    blocks.unsubscribe();
  },
);

testUnless(
  test,
  missing,
  "B9.8 a region that is cut off is marked stale within ten seconds, and what it had is there after the cut",
  async () => {
    const { global, way } = running();
    const ready = `meridian_ready{region="${regionName}"}`;
    const isShown = async (): Promise<boolean> => (await global.query(ready)).length === 1;
    await eventually("the region is seen over all regions", async () => (await isShown()) || "no");
    way.cut();
    const cutAt = performance.now();
    await eventually("the region is not shown any more", async () => !(await isShown()) || "no");
    // By the clock of what is asked, so that a slow machine changes nothing.
    const last = await lastSample(global, ready);
    const shownAt = async (seconds: number): Promise<number> =>
      (await global.query(ready, last + seconds)).length;
    assert.equal([await shownAt(5), await shownAt(9.9)], [1, 0], "by the age of the last sample");
    await eventually("somebody is told", async () => {
      const told = await global.query('ALERTS{alertname="RegionSilent",alertstate="firing"}');
      const raised = told.some(({ metric }) => metric["region"] === regionName);
      return raised || `only ${JSON.stringify(told)}`;
    });
    const left = cutSeconds * 1_000 - (performance.now() - cutAt);
    await delay(Math.max(left, 0));
    way.heal();
    await eventually("the region is seen again", async () => (await isShown()) || "no");
    const since = Math.ceil((performance.now() - cutAt) / 1_000);
    await eventually("what was scraped during the cut is there", async () => {
      const [counted] = await global.query(`count_over_time(${ready}[${since}s])`);
      const count = counted?.value ?? 0;
      return count >= cutSeconds * 0.8 || `${count} samples of ${since} s`;
    });
  },
);

test.run();
