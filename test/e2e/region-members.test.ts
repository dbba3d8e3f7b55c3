import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "nats";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readServerReports } from "../../actors/bus/server-reports.ts";
import { connectAs } from "../../ops/deploy/connection.ts";
import { servedFingerprint } from "../../ops/deploy/served-certificate.ts";
import { natsUrl } from "../../ops/deploy/topology.ts";
import { wire } from "../../schemas/messages.ts";
import { alertSubject, type DeploymentVerb, deploymentSubject } from "../../schemas/subjects.ts";
import { type LaunchedCluster, temporaryFolder, withCluster } from "../support/launched-cluster.ts";
import { eventually } from "../support/one-region.ts";

const test = suite("members of a cluster");
const { DeploymentRequest, DeploymentReply, ResidencyFault } = wire.region.v1;
const canary = "canary-of-the-fourth-region";

/** Three regions of one group, one of them with a market, and a fourth that keeps its own to itself. */
function writeRegions(folder: string): void {
  const write = (name: string, rest: string): void => {
    mkdirSync(join(folder, name, "markets"), { recursive: true });
    writeFileSync(join(folder, name, "region.toml"), `title = "${name}"\n${rest}`);
  };
  for (const name of ["north", "south", "west"]) write(name, 'groups = ["ring"]\n');
  write(
    "east",
    'groups = []\nenabled = false\n[residency]\npositions = ["east"]\nevents = ["east"]\n',
  );
  writeFileSync(
    join(folder, "north", "markets", "ACME.toml"),
    `group = "ring"
shard = 0
currency = "EUR"
price_decimals = 2
tick = 1
lot = 1
maximum_quantity = 1000000
order_capacity = 100000
mode = "replicated"
calendar = "always"
[bands]
low = 1
high = 1000000
[fees]
maker_bps_e2 = 0
taker_bps_e2 = 0
`,
  );
}

async function ask(
  operator: NatsConnection,
  verb: DeploymentVerb,
  region = "",
): Promise<wire.region.v1.DeploymentReply> {
  const reply = await operator.request(
    deploymentSubject(verb),
    DeploymentRequest.encode({ region }).finish(),
    { timeout: 120_000 },
  );
  return DeploymentReply.decode(reply.data);
}

async function checkAddition(cluster: LaunchedCluster, operator: NatsConnection): Promise<void> {
  const added = await ask(operator, "region-add", "east");
  assert.is(added.refusal ?? null, null, JSON.stringify(added.refusal));
  assert.ok((added.steps ?? []).length >= 2);
  const reports = await readServerReports(await cluster.connect("launcher"), 4, 10_000);
  assert.equal(
    reports.map(({ name, clusterSize }) => `${name} ${clusterSize}`).sort(),
    ["east", "north", "south", "west"].map((name) => `${name} 4`),
  );
  const again = await ask(operator, "region-add", "east");
  assert.is(again.refusal?.code, "region_member");
  const unknown = await ask(operator, "region-add", "mars");
  assert.is(unknown.refusal?.code, "region_unknown");
}

/** Every file below a folder. */
function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesBelow(path) : [path];
  });
}

/** What originates in the fourth region is kept there alone, and nowhere in the clear. */
async function checkResidency(cluster: LaunchedCluster, operator: NatsConnection): Promise<void> {
  const cell = await cluster.connect("cell-north");
  const manager = await jetstreamManager(cell);
  // The leader of the metadata hears of the new server after its peers do.
  await eventually("a stream is placed on the server that has joined", () =>
    manager.streams
      .add({
        name: "ALOG_east",
        subjects: ["alog.east.>"],
        num_replicas: 1,
        placement: { cluster: "meridian", tags: ["keeps:east.positions"] },
      })
      .catch(() => null),
  );
  const east = (await manager.streams.info("ALOG_east")).cluster?.leader;
  assert.is(east, "east", "the tag leaves one server for it");
  await assertRefused(async () => {
    await manager.streams.add({
      name: "WIDE",
      subjects: ["act.wide"],
      num_replicas: 3,
      placement: { cluster: "meridian", tags: ["keeps:east.positions"] },
    });
  }, /no suitable peers|insufficient/i);

  const { dataDirectory, certificates, servers } = cluster.overview.plan;
  const writer = await connectAs({
    user: "cell-east",
    seedFile: join(dataDirectory, "users", "cell-east.nk"),
    authorityFile: certificates.authorityFile,
    servers: servers.map(({ ports }) => natsUrl(ports)),
  });
  await jetstream(writer).publish("alog.east.strategy.one", canary);
  await writer.close();
  const stored = await manager.streams.getMessage("ALOG_east", { seq: 1 });
  assert.is(stored?.string(), canary);
  const store = (server: string): string => join(dataDirectory, "nats", server);
  const holders = ["north", "south", "west", "east"].filter((server) =>
    filesBelow(store(server)).some((path) => path.includes("/ALOG_east/")),
  );
  assert.equal(holders, ["east"]);
  const control = join(store("north"), "control");
  writeFileSync(control, `…${canary}…`);
  const plain = filesBelow(join(dataDirectory, "nats")).filter((path) =>
    readFileSync(path).includes(canary),
  );
  assert.equal(plain, [control], "it is in the clear where the test wrote it, and nowhere else");
  const clean = await ask(operator, "residency");
  assert.equal(clean.residency?.faults ?? [], []);

  const observer = await cluster.connect("observer");
  const alerts: wire.region.v1.ResidencyFault[] = [];
  observer.subscribe(alertSubject("south", "residency", "COPY"), {
    callback: (_error, message) => {
      alerts.push(ResidencyFault.decode(message.data));
    },
  });
  await observer.flush();
  await manager.streams.add({
    name: "COPY",
    mirror: { name: "ALOG_east" },
    num_replicas: 1,
    placement: { cluster: "meridian", tags: ["region:south"] },
  });
  const wrong = await ask(operator, "residency");
  assert.equal(
    (wrong.residency?.faults ?? []).map(({ stream, home, dataClass, keptIn }) => [
      stream,
      home,
      dataClass,
      keptIn,
    ]),
    [["COPY", "east", "positions", "south"]],
  );
  await eventually("the alert", async () => alerts.find(({ stands }) => stands) ?? null);
}

async function assertRefused(attempt: () => Promise<unknown>, reason: RegExp): Promise<void> {
  let refusal = "";
  try {
    await attempt();
  } catch (error) {
    refusal = (error as Error).message;
  }
  assert.match(refusal, reason);
}

/** Each server shows another certificate afterwards, and who was connected still is. */
async function checkCertificates(
  cluster: LaunchedCluster,
  operator: NatsConnection,
): Promise<void> {
  const { plan } = cluster.overview;
  const shown = async (): Promise<readonly string[]> =>
    Promise.all(
      plan.servers.map(async ({ ports }) => {
        const served = await servedFingerprint(ports.nats, plan.certificates.authorityFile);
        return "fault" in served ? served.fault : served.fingerprint;
      }),
    );
  const held = await Promise.all(plan.regions.map(({ name }) => cluster.connect("observer", name)));
  const lost: string[] = [];
  for (const connection of held) void connection.closed().then(() => lost.push("closed"));
  const before = await shown();
  const rotated = await ask(operator, "certificates-rotate");
  assert.is(rotated.refusal ?? null, null, JSON.stringify(rotated.refusal));
  const after = await shown();
  for (const [index, fingerprint] of after.entries()) {
    assert.match(fingerprint, /^[0-9A-F:]{95}$/);
    assert.is.not(fingerprint, before[index]);
  }
  for (const connection of held) await connection.flush();
  assert.equal(lost, [], "no connection ended");
}

async function checkRemoval(cluster: LaunchedCluster, operator: NatsConnection): Promise<void> {
  const home = await ask(operator, "region-remove", "north");
  assert.is(home.refusal?.code, "region_holds_markets");
  assert.match(home.refusal?.reason ?? "", /ACME has its home in north/);
  const needed = await ask(operator, "region-remove", "west");
  assert.is(needed.refusal?.code, "region_needed");
  assert.match(needed.refusal?.reason ?? "", /one of the three regions of ring/);
  const alone = await ask(operator, "region-remove", "east");
  assert.is(alone.refusal?.code, "region_needed");
  assert.match(alone.refusal?.reason ?? "", /ALOG_east is kept in east alone/);
  assert.is(cluster.launcher.restarts, 0);
}

test("B9.2 a fourth region joins a running cluster, keeps its data to itself, and certificates change meanwhile", async () => {
  const folder = temporaryFolder();
  try {
    writeRegions(folder);
    await withCluster(
      async (cluster) => {
        const operator = await cluster.connect("operator", "north");
        await checkAddition(cluster, operator);
        await checkResidency(cluster, operator);
        await checkCertificates(cluster, operator);
        await checkRemoval(cluster, operator);
      },
      { regionsDirectory: folder },
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a region that nothing needs leaves again, and what it helped to keep is kept by others", async () => {
  const folder = temporaryFolder();
  try {
    writeRegions(folder);
    await withCluster(
      async (cluster) => {
        const operator = await cluster.connect("operator", "north");
        const manager = await jetstreamManager(await cluster.connect("cell-north"));
        assert.is((await ask(operator, "region-add", "east")).refusal ?? null, null);
        await manager.streams.add({
          name: "KV_DIR",
          subjects: ["$KV.DIR.>"],
          num_replicas: 3,
          placement: { cluster: "meridian", tags: [] },
        });
        const removed = await ask(operator, "region-remove", "east");
        assert.is(removed.refusal ?? null, null, JSON.stringify(removed.refusal));
        // A server that reads its configuration again may close a connection that is just being made.
        const launcher = await eventually("the launcher is let in", () =>
          cluster.connect("launcher", "north").catch(() => null),
        );
        const reports = await readServerReports(launcher, 3, 9_000);
        assert.equal(
          reports.map(({ clusterSize }) => clusterSize),
          [3, 3, 3],
        );
        const { dataDirectory } = cluster.overview.plan;
        const members = JSON.parse(readFileSync(join(dataDirectory, "members.json"), "utf8"));
        assert.equal(members.regions, ["north", "south", "west"]);
        assert.ok(existsSync(join(dataDirectory, "nats", "east")), "its data is kept");
      },
      { regionsDirectory: folder },
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test.run();
