import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import {
  DiscardPolicy,
  type JetStreamManager,
  StorageType,
  type StreamInfo,
  jetstream,
  jetstreamManager,
} from "@nats-io/jetstream";
import { type NatsConnection, connect } from "nats";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readServerReports } from "../../actors/bus/server-reports.ts";
import { connectAs } from "../../ops/deploy/connection.ts";
import { Launcher } from "../../ops/deploy/launcher.ts";
import { maxPayloadBytes } from "../../ops/deploy/server-configuration.ts";
import { natsUrl } from "../../ops/deploy/topology.ts";
import { type ClusterFile, clusterFileSchema } from "../../schemas/configuration.ts";
import {
  type LaunchedCluster,
  launcherOptions,
  temporaryFolder,
  testPorts,
  withCluster,
} from "../support/launched-cluster.ts";
import { repository } from "../support/shared-data.ts";

const test = suite("deploy");
const regions = ["ap-southeast", "eu-central", "us-east"];

/** Waits for something that must come; the bound only keeps a broken run from hanging. */
async function eventually(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt += 1) {
    if (await holds()) return;
    await delay(100);
  }
  throw new Error(`did not come about: ${what}`);
}

function alive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return !stat.slice(stat.lastIndexOf(")")).startsWith(") Z");
  } catch {
    return false;
  }
}

const homes = (info: StreamInfo): readonly string[] =>
  [info.cluster?.leader ?? "", ...(info.cluster?.replicas ?? []).map((peer) => peer.name)].sort();

const readCluster = (data: string): ClusterFile =>
  clusterFileSchema.parse(JSON.parse(readFileSync(join(data, "cluster.json"), "utf8")));

async function addJournal(manager: JetStreamManager): Promise<StreamInfo> {
  return manager.streams.add({
    name: "JRN_atlas_15",
    subjects: ["jrn.TEST"],
    num_replicas: 3,
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    deny_delete: true,
  });
}

async function checkReports(cluster: LaunchedCluster): Promise<void> {
  for (const user of ["launcher", "reporter-eu-central"]) {
    const reports = await readServerReports(await cluster.connect(user), 3, 5_000);
    assert.equal(reports.map((report) => report.name).sort(), regions);
    for (const report of reports) {
      assert.ok(report.syncAlways, `${report.name} syncs always`);
      for (const tag of [`region:${report.name}`, "group:atlas"]) {
        assert.ok(report.tags.includes(tag), `${report.name} is tagged ${tag}`);
      }
      assert.is(report.clusterSize, 3);
      assert.ok(regions.includes(report.metaLeader));
    }
  }
}

async function checkPlacement(cluster: LaunchedCluster, manager: JetStreamManager): Promise<void> {
  const journal = await addJournal(manager);
  assert.equal(homes(journal), regions, "a replica in each region");
  for (const region of regions) {
    const info = await manager.streams.add({
      name: `EVT_${region}`,
      subjects: [`evt.${region}.>`],
      num_replicas: 1,
      storage: StorageType.Memory,
      placement: { cluster: "meridian", tags: [`region:${region}`] },
    });
    assert.is(info.cluster?.leader, region);
  }
  const stream = jetstream(await cluster.connect("cell-us-east", "us-east"));
  const block = new Uint8Array(768 * 1024 + 4096).fill(7);
  assert.ok(block.length < maxPayloadBytes);
  const stored = await stream.publish("jrn.TEST", block, {
    expect: { lastSubjectSequence: 0 },
    timeout: 15_000,
  });
  assert.is(stored.seq, 1, "a block of the largest size is taken");
}

async function checkServerDeath(
  cluster: LaunchedCluster,
  manager: JetStreamManager,
  said: readonly string[],
): Promise<void> {
  const data = cluster.overview.plan.dataDirectory;
  const before = readCluster(data).regions.find((region) => region.name === "us-east");
  const url = before?.nats;
  process.kill(before?.natsPid ?? 0, "SIGKILL");
  await eventually("the server is started again", () =>
    said.some((line) => line.startsWith("us-east: server ended (SIGKILL) and was started again")),
  );
  const after = readCluster(data).regions.find((region) => region.name === "us-east");
  assert.is(after?.nats, url, "on the same port");
  assert.is.not(after?.natsPid, before?.natsPid);
  assert.is(cluster.launcher.restarts, 1);
  await eventually("all replicas are current", async () => {
    try {
      const { cluster: state } = await manager.streams.info("JRN_atlas_15");
      return (
        state?.leader !== undefined &&
        state.replicas?.length === 2 &&
        state.replicas.every((peer) => peer.current)
      );
    } catch {
      return false;
    }
  });
  const { state } = await manager.streams.info("JRN_atlas_15");
  assert.is(state.messages, 1, "nothing acknowledged is lost");
}

async function checkStrangers(cluster: LaunchedCluster): Promise<void> {
  const servers = cluster.overview.plan.servers.map((server) => natsUrl(server.ports));
  const authority = cluster.overview.plan.certificates.authorityFile;
  for (const options of [
    { servers, tls: { caFile: authority } },
    { servers, tls: { caFile: authority }, user: "operator", pass: "operator" },
    { servers, tls: {} },
  ]) {
    let refusal = "";
    try {
      await (await connect({ ...options, reconnect: false, timeout: 2_000 })).close();
    } catch (error) {
      refusal = (error as Error).message;
    }
    assert.match(refusal, /authorization|certificate|self.signed/i);
  }
}

test("a cluster comes up with TLS, places streams by region, and heals a killed server", async () => {
  const said: string[] = [];
  await withCluster(
    async (cluster) => {
      const data = cluster.overview.plan.dataDirectory;
      assert.is(statSync(join(data, "cluster.json")).mode & 0o777, 0o600);
      assert.equal(readCluster(data), cluster.overview.cluster);
      assert.equal(Object.keys(readCluster(data).users).sort(), [
        "approver",
        "observer",
        "operator",
      ]);
      for (const { seedFile, certificateFile, keyFile } of Object.values(readCluster(data).users)) {
        for (const file of [seedFile, certificateFile, keyFile]) {
          assert.is(statSync(file).mode & 0o777, 0o600);
        }
      }
      await checkReports(cluster);
      await checkStrangers(cluster);
      const manager = await jetstreamManager(await cluster.connect("cell-eu-central"));
      await checkPlacement(cluster, manager);
      await checkServerDeath(cluster, manager, said);

      const second = await new Launcher(launcherOptions(data)).start();
      assert.not.ok(second.ok);
      assert.is(!second.ok && second.failure.code, "already_running");
      assert.match(second.ok ? "" : second.failure.reason, String(process.pid));
      assert.ok(existsSync(join(data, "cluster.json")), "the refused start leaves it alone");
    },
    { say: (line) => said.push(line) },
  );
});

test("a taken port moves to the next free one that no other region wants", async () => {
  const taken = createServer();
  taken.listen(testPorts.nats + 1, "127.0.0.1");
  await once(taken, "listening");
  try {
    await withCluster(async (cluster) => {
      const { overview } = cluster;
      assert.equal(overview.moved, [
        {
          region: "eu-central",
          kind: "nats",
          wanted: testPorts.nats + 1,
          used: testPorts.nats + 3,
        },
      ]);
      const connection = await cluster.connect("observer", "eu-central");
      assert.is(connection.info?.port, testPorts.nats + 3);
    });
  } finally {
    taken.close();
  }
});

interface LauncherProcess {
  readonly child: ChildProcess;
  readonly cluster: ClusterFile;
  readonly lines: readonly string[];
}

async function launchProcess(data: string): Promise<LauncherProcess> {
  const child = spawn(
    process.execPath,
    [join(repository, "test", "support", "launcher-process.ts"), data],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (!line.startsWith("{")) continue;
    const { cluster, failure } = JSON.parse(line) as {
      readonly cluster?: unknown;
      readonly failure?: unknown;
    };
    assert.is(failure, undefined, line);
    return { child, cluster: clusterFileSchema.parse(cluster), lines };
  }
  throw new Error("the launcher ended without a word");
}

const connectCell = (data: string, cluster: ClusterFile): Promise<NatsConnection> =>
  connectAs({
    user: "cell-eu-central",
    seedFile: join(data, "users", "cell-eu-central.nk"),
    authorityFile: cluster.caFile,
    servers: cluster.regions.map((region) => region.nats),
  });

test("a killed launcher takes its processes along, and the next start has all data", async () => {
  const data = temporaryFolder();
  const launchers: ChildProcess[] = [];
  try {
    const first = await launchProcess(data);
    launchers.push(first.child);
    const pids = first.cluster.regions.map((region) => region.natsPid);
    assert.ok(pids.every(alive));
    const connection = await connectCell(data, first.cluster);
    const manager = await jetstreamManager(connection);
    await addJournal(manager);
    await jetstream(connection).publish("jrn.TEST", "kept", { timeout: 15_000 });
    await connection.close();

    first.child.kill("SIGKILL");
    await once(first.child, "exit");
    await eventually("its servers are gone", () => !pids.some(alive));

    const second = await launchProcess(data);
    launchers.push(second.child);
    assert.match(second.lines[0] ?? "", "the last launcher on this data folder was killed");
    const again = await connectCell(data, second.cluster);
    let messages = 0;
    await eventually("the stream has a leader", async () => {
      try {
        const info = await (await jetstreamManager(again)).streams.info("JRN_atlas_15");
        messages = info.state.messages;
        return info.cluster?.leader !== undefined;
      } catch {
        return false;
      }
    });
    assert.is(messages, 1);
    await again.close();

    const exited = once(second.child, "exit");
    second.child.kill("SIGTERM");
    assert.equal(await exited, [0, null]);
    assert.not.ok(existsSync(join(data, "cluster.json")));
    assert.not.ok(existsSync(join(data, "launcher.json")));
    assert.not.ok(second.cluster.regions.some((region) => alive(region.natsPid)));
  } finally {
    for (const child of launchers) child.kill("SIGKILL");
    rmSync(data, { recursive: true, force: true });
  }
});

test.run();
