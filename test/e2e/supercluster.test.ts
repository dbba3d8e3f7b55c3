import { readFileSync } from "node:fs";
import { join } from "node:path";
import { jetstreamManager, type JetStreamManager, type StreamInfo } from "@nats-io/jetstream";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { NatsJournalReplicas } from "../../actors/bus/journal-replicas.ts";
import { loginFrom } from "../../actors/bus/login-files.ts";
import { connectNats } from "../../actors/bus/nats.ts";
import { readServerReports } from "../../actors/bus/server-reports.ts";
import { wire } from "../../schemas/messages.ts";
import { credentialsOf } from "../../ops/deploy/cluster.ts";
import {
  commandSubject,
  eventLogStream,
  eventLogSubject,
  operationsSubject,
} from "../../schemas/subjects.ts";
import { type LaunchedCluster, withCluster } from "../support/launched-cluster.ts";
import { readTotals } from "../../ops/deploy/totals.ts";
import { eventually, place } from "../support/one-region.ts";
import { repository } from "../support/shared-data.ts";

const test = suite("supercluster");
const { market, control } = wire;
const regions = ["ap-southeast", "eu-central", "us-east"];
const home = "eu-central";

/** All replicas; an answer between two leaders names none. */
const peersOf = (info: StreamInfo): readonly string[] =>
  [info.cluster?.leader ?? "", ...(info.cluster?.replicas ?? []).map(({ name }) => name)]
    .filter((name) => name !== "")
    .sort();

async function checkServers(cluster: LaunchedCluster): Promise<void> {
  const reports = await readServerReports(await cluster.connect("launcher"), 12, 5_000);
  assert.is(reports.length, 12, "three servers a region, and one of each in glb");
  for (const report of reports) {
    assert.is(report.clusterSize, 12, `${report.name} is in the one group of metadata`);
    assert.ok(report.syncAlways, `${report.name} syncs always`);
  }
  const [entry] = cluster.overview.cluster.regions;
  assert.equal(
    entry?.servers.map(({ cluster: name }) => name),
    ["ap-southeast", "ap-southeast", "ap-southeast", "glb"],
  );
}

/** Which cluster keeps what: the split is what a lost region costs. */
async function checkSplit(manager: JetStreamManager): Promise<void> {
  const glb = regions.map((region) => `${region}-glb`);
  const over = ["KV_LEASE", "KV_DIR", "JRN_atlas_00", `ALOG_${home}`, `KV_ASNAP_${home}`];
  for (const stream of over) {
    assert.equal(peersOf(await manager.streams.info(stream)), glb, `${stream} is in every region`);
  }
  for (const region of regions) {
    assert.equal(
      peersOf(await manager.streams.info(`EVT_${region}`)),
      [1, 2, 3].map((number) => `${region}-${number}`),
      `events of ${region} stay there`,
    );
  }
}

async function checkTrading(cluster: LaunchedCluster, number: number): Promise<void> {
  const operator = await cluster.connect("operator", "us-east");
  /** Sent again while it has no answer or is refused as a whole, as clients do: streams may have to elect a leader. */
  const ask = (command: number): Promise<wire.market.v1.SubmitReply> =>
    eventually(`an outcome of order ${command}`, async () => {
      const message = await operator
        .request(
          commandSubject(home, "BTC-EUR", "submit"),
          market.v1.SubmitRequest.encode({
            session: 7_001,
            commands: [place(command, "buy", 5_000_000, 1)],
          }).finish(),
          { timeout: 10_000 },
        )
        .catch(() => null);
      if (message === null) return null;
      const reply = market.v1.SubmitReply.decode(message.data);
      return reply.refusal === null || reply.refusal === undefined ? reply : null;
    });
  const first = await ask(number);
  assert.is(first.durability, market.v1.DurabilityMode.DURABILITY_MODE_REPLICATED);
  const sequence = first.outcomes?.[0]?.sequence;
  assert.ok(Number(sequence) > 0, JSON.stringify(first));
  assert.is(first.outcomes?.[0]?.refusal ?? null, null);
  const again = await ask(number);
  assert.is(String(again.outcomes?.[0]?.sequence), String(sequence), "a resend gets its outcome");
}

/** The region's own node of glb: what a cell keeps its second connection to. */
async function checkSecondConnection(cluster: LaunchedCluster): Promise<void> {
  const file = join(cluster.overview.plan.dataDirectory, "cells", `${home}.json`);
  const { nats } = JSON.parse(readFileSync(file, "utf8")) as {
    readonly nats: { readonly servers: string[]; readonly journalServers: string[] };
  };
  const entry = cluster.overview.cluster.regions.find(({ name }) => name === home);
  const own = entry?.servers.find((server) => server.cluster === "glb");
  assert.is(nats.journalServers[0], own?.nats);
  assert.not.ok(nats.servers.includes(own?.nats ?? ""));

  process.kill(own?.pid ?? 0, "SIGKILL");
  const observer = await cluster.connect("observer", "us-east");
  await eventually("the server of glb is there again and the cell is ready", async () => {
    if (cluster.launcher.restarts === 0) return null;
    const reply = await observer.request(operationsSubject(home, "status"), new Uint8Array(), {
      timeout: 4_000,
    });
    const { status } = control.v1.StatusReply.decode(reply.data);
    return status?.ready === true && status.reconnects !== 0 ? status : null;
  });
}

/** A scrub reads a journal from each server that holds it: hundreds of messages, none of them lost behind a gateway. */
async function checkReplicas(cluster: LaunchedCluster): Promise<void> {
  const user = `cell-${home}`;
  const { seedFile } = credentialsOf(cluster.overview.plan, user);
  const file = join(cluster.overview.plan.dataDirectory, "cells", `${home}.json`);
  const { nats } = JSON.parse(readFileSync(file, "utf8")) as {
    readonly nats: { readonly servers: string[]; readonly journalServers: string[] };
  };
  const bus = await connectNats({
    ...nats,
    user,
    ...loginFrom(seedFile, cluster.overview.plan.certificates.authorityFile),
  });
  try {
    const subject = eventLogSubject(home, "scrubbed");
    const written = Array.from({ length: 400 }, () => bus.append(subject, Buffer.alloc(1_000)));
    assert.ok((await Promise.all(written)).every((each) => each.ok));
    const replicas = new NatsJournalReplicas(bus);
    for (const region of regions) {
      const reader = await replicas.open(eventLogStream(home), subject, `${region}-glb`);
      if (!reader.ok) throw new Error(reader.failure.reason);
      let read = 0;
      for (;;) {
        const next = await reader.value.next(16);
        if (!next.ok) throw new Error(`${region}-glb after ${read}: ${next.failure.reason}`);
        if (next.value.length === 0) break;
        read += next.value.length;
      }
      assert.is(read, written.length, `${region}-glb`);
      await reader.value.close();
    }
  } finally {
    await bus.close();
  }
}

test("B9.1 a supercluster of twelve servers keeps journals in every region and trades over gateways", async () => {
  await withCluster(
    async (cluster) => {
      await checkServers(cluster);
      await checkSplit(await jetstreamManager(await cluster.connect(`cell-${home}`)));
      await checkTrading(cluster, 1);
      await checkReplicas(cluster);
      await checkSecondConnection(cluster);
      await checkTrading(cluster, 2);
      const { markets } = await eventually("every region tells its totals", async () => {
        const totals = await readTotals(cluster.overview.plan);
        return totals.silent.length === 0 ? totals : null;
      });
      assert.equal(
        markets.map((one) => one.market),
        ["BTC-EUR", "BTC-USD"],
        "a market is counted once, however many servers its region has",
      );
    },
    { topology: "supercluster", cellProgram: join(repository, "actors", "root", "main.ts") },
  );
});

test.run();
