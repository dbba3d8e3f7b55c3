import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { ensureAssets, ensureAuditAssets, ensureMarketAssets } from "../../actors/bus/assets.ts";
import { loginFrom } from "../../actors/bus/login-files.ts";
import { connectNats, type NatsBus } from "../../actors/bus/nats.ts";
import { asConfigured, type Placement } from "../../actors/bus/placement.ts";
import { locateNatsServer } from "../../ops/bootstrap/nats-server.mjs";
import { cellFile, credentialsOf } from "../../ops/deploy/cluster.ts";
import { natsUrl } from "../../ops/deploy/topology.ts";
import { cellConfigurationSchema } from "../../schemas/configuration.ts";
import { wire as messages } from "../../schemas/messages.ts";
import {
  auditSubject,
  commandSubject,
  eventLogSubject,
  eventSubject,
  journalSubject,
} from "../../schemas/subjects.ts";
import { type LaunchedCluster, temporaryFolder, withCluster } from "../support/launched-cluster.ts";
import {
  LoopbackCapture,
  missingCapture,
  processesOfConnections,
  type Stream,
} from "../support/loopback-capture.ts";
import { missingNatsServer } from "../support/nats-cluster.ts";
import { eventually } from "../support/one-region.ts";
import { hostClock, silentLog } from "../support/ports.ts";
import { repository } from "../support/shared-data.ts";
import { testUnless } from "../support/skip.ts";

/**
 * The four regions of regions/, with the servers, tags and placements that the launcher generates. Twice: as they
 * are, and without encryption, on disk and between servers, so that what is searched for can be found where it may be.
 */
const test = suite("canaries of residency");
const regions = ["eu-central", "us-east", "ap-southeast", "uk-south"] as const;

/** What is written in uk-south, and the regions that may have it. */
const canaries = [
  {
    text: "canary-of-a-journal-7f3a",
    allowed: ["eu-central", "us-east", "uk-south"],
    crosses: true,
  },
  { text: "canary-of-a-trail-41cc", allowed: ["eu-central", "us-east", "uk-south"], crosses: true },
  { text: "canary-of-positions-9b21", allowed: ["uk-south"], crosses: false },
  { text: "canary-of-events-c05d", allowed: ["uk-south"], crosses: false },
] as const;
const [journal, trail, positions, events] = canaries;

/**
 * What a client of uk-south writes: an order, whose session and account are on no other. The journal has its
 * command as it is, in fixed-width fields.
 */
const { SubmitRequest, SubmitReply, Side, OrderType, TimeInForce, DurabilityMode } =
  messages.market.v1;
const session = 0x1ca5_a41c_e5c0;
const account = 0xcafe_d00d;
const order = {
  text: "an order",
  bytes: Buffer.concat([
    Buffer.from(new BigUint64Array([BigInt(session)]).buffer),
    Buffer.from(new BigUint64Array([1n]).buffer),
  ]),
  allowed: ["eu-central", "us-east", "uk-south"],
  crosses: true,
} as const;
const searched = [
  ...canaries.map((canary) => ({ ...canary, bytes: Buffer.from(canary.text) })),
  order,
];

/** A program in place of nats-server, which takes encryption out of the configuration first. */
function bareServer(folder: string, path: string): string {
  const strip = join(folder, "strip.mjs");
  writeFileSync(
    strip,
    `import { readFileSync, writeFileSync } from "node:fs";
const [file] = process.argv.slice(2);
const configuration = JSON.parse(readFileSync(file, "utf8"));
delete configuration.jetstream.cipher;
delete configuration.jetstream.key;
delete configuration.cluster.tls;
configuration.cluster.routes = configuration.cluster.routes.map((url) => url.replace("tls:", "nats:"));
writeFileSync(file + ".bare", JSON.stringify(configuration));
`,
  );
  const program = join(folder, "bare-nats-server");
  writeFileSync(
    program,
    `#!/bin/sh
if [ "$1" = --config ]; then
  "${process.execPath}" "${strip}" "$2" && exec "${path}" --config "$2.bare"
fi
exec "${path}" "$@"
`,
  );
  chmodSync(program, 0o755);
  return program;
}

function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesBelow(path) : [path];
  });
}

/** Regions whose server's files, or log, have the text. */
function regionsWith(data: string, bytes: Buffer): readonly string[] {
  return regions.filter((region) =>
    [...filesBelow(join(data, "nats", region)), join(data, "log", `server-${region}.log`)].some(
      (path) => readFileSync(path).includes(bytes),
    ),
  );
}

async function busOf(cluster: LaunchedCluster, region: string): Promise<NatsBus> {
  const { plan } = cluster.overview;
  const server = plan.servers.find((each) => each.region === region);
  const user = `cell-${region}`;
  return connectNats({
    servers: [natsUrl(server?.ports ?? { nats: 0 })],
    user,
    ...loginFrom(credentialsOf(plan, user).seedFile, plan.certificates.authorityFile),
  });
}

function placementOf(cluster: LaunchedCluster, region: string): Placement {
  const file = cellFile(cluster.overview.plan.dataDirectory, region);
  const { placement } = cellConfigurationSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  if (placement === null) throw new Error("no placement");
  return asConfigured(region, placement);
}

/** As a cell of the region makes its streams and writes into them. */
async function writeCanaries(cluster: LaunchedCluster, bus: NatsBus): Promise<void> {
  const home = "uk-south";
  const ports = { bus, clock: hostClock, log: silentLog };
  const placement = placementOf(cluster, home);
  const market = { market: "BTC-GBP", home, group: "channel", shard: 0 };
  for (const made of [
    await ensureAssets(ports, home, placement),
    await ensureMarketAssets(ports, market, placement),
    await ensureAuditAssets(ports, home, "channel", placement),
  ]) {
    assert.ok(made.ok, JSON.stringify(made));
  }
  for (const [subject, { text }] of [
    [journalSubject(market.market), journal],
    [auditSubject(home, "operation"), trail],
    [eventLogSubject(home, "strategy.one"), positions],
    [eventSubject(market.market, "block"), events],
  ] as const) {
    await eventually(`${subject} is stored`, async () => {
      const stored = await bus.append(subject, Buffer.from(`…${text}…`));
      return stored.ok ? true : null;
    });
  }
}

/** The cell of a region, as the launcher would start it; whoever calls stops it. */
function startCell(cluster: LaunchedCluster, region: string): ChildProcess {
  const { dataDirectory } = cluster.overview.plan;
  const program = join(repository, "actors", "root", "main.ts");
  const given = ["--configuration", cellFile(dataDirectory, region)];
  const log = openSync(join(dataDirectory, "log", `cell-${region}.log`), "w");
  const cell = spawn(process.execPath, [program, ...given], { stdio: ["ignore", log, log] });
  closeSync(log);
  process.once("exit", () => cell.kill("SIGKILL"));
  return cell;
}

async function placeThroughCell(cluster: LaunchedCluster): Promise<void> {
  const cell = startCell(cluster, "uk-south");
  try {
    await placeCanary(cluster);
  } finally {
    const ended = once(cell, "exit");
    cell.kill("SIGTERM");
    await ended;
  }
}

/** As a client of the region: the same numbers again until the order is acknowledged as replicated. */
async function placeCanary(cluster: LaunchedCluster): Promise<void> {
  const client = await cluster.connect("operator", "uk-south");
  const place = {
    side: Side.SIDE_BUY,
    orderType: OrderType.ORDER_TYPE_LIMIT,
    timeInForce: TimeInForce.TIME_IN_FORCE_DAY,
    price: 5_000_000,
    quantity: 10,
  };
  const commands = [{ number: 1, account, place }];
  const request = SubmitRequest.encode({ session, commands }).finish();
  await eventually("the order is acknowledged", async () => {
    const subject = commandSubject("uk-south", "BTC-GBP", "submit");
    const answer = await client.request(subject, request, { timeout: 5_000 }).catch(() => null);
    if (answer === null) return null;
    const { refusal, outcomes, durability } = SubmitReply.decode(answer.data);
    if (refusal) return null;
    assert.equal(outcomes[0]?.refusal ?? null, null);
    assert.is(durability, DurabilityMode.DURABILITY_MODE_REPLICATED);
    return true;
  });
}

interface Found {
  readonly files: ReadonlyMap<string, readonly string[]>;
  /** Regions to whose servers the text went, from whichever. */
  readonly wire: ReadonlyMap<string, readonly string[]>;
}

/** `withOrder`: a cell of the region takes an order of a client besides. */
async function search(withOrder: boolean): Promise<Found> {
  const found: { current: Found | null } = { current: null };
  await withCluster(
    async (cluster) => {
      const { plan, cluster: file } = cluster.overview;
      const data = plan.dataDirectory;
      const capture = await LoopbackCapture.start(
        plan.servers.map(({ ports }) => ports.route),
        join(data, "loopback.pcap"),
      );
      const bus = await busOf(cluster, "uk-south");
      await writeCanaries(cluster, bus);
      if (withOrder) await placeThroughCell(cluster);
      // Every replica of the journal has it, when there is encryption or not.
      await eventually("the journal's replicas agree", async () => {
        const reply = await bus.connection.request("$JS.API.STREAM.INFO.JRN_channel_00", "");
        const { cluster: group } = reply.json<{
          readonly cluster?: { readonly replicas?: readonly { readonly current: boolean }[] };
        }>();
        const replicas = group?.replicas ?? [];
        return replicas.length === 2 && replicas.every(({ current }) => current) ? true : null;
      });
      const pids = new Map(file.regions.map(({ natsPid, name }) => [natsPid, name]));
      const ends = processesOfConnections([...pids.keys()]);
      await bus.close();
      await capture.caughtUp(plan.servers[0]?.ports.route ?? 0);
      const streams = await capture.end();
      rmSync(join(data, "loopback.pcap"));
      const receiver = ({ fromPort, toPort }: Stream): string =>
        pids.get(ends.get(`${toPort} ${fromPort}`) ?? 0) ?? "nobody known";
      assert.ok(
        new Set(streams.filter(({ bytes }) => bytes.length > 0).map(receiver)).size >= 4,
        "bytes for every region were captured",
      );
      found.current = {
        files: new Map(searched.map(({ text, bytes }) => [text, regionsWith(data, bytes)])),
        wire: new Map(
          searched.map(({ text, bytes: wanted }) => [
            text,
            [
              ...new Set(streams.filter(({ bytes }) => bytes.includes(wanted)).map(receiver)),
            ].sort(),
          ]),
        ),
      };
    },
    { regions },
  );
  if (found.current === null) throw new Error("nothing was searched");
  return found.current;
}

const missing = missingNatsServer() ?? missingCapture;

testUnless(
  test,
  missing,
  "B9.2 canaries written in one region, one of them an order of a client, are found, in the clear, in the files and on the links of the regions that may have them, and of no other",
  async () => {
    const folder = temporaryFolder();
    const named = process.env["NATS_SERVER"];
    const { server } = await locateNatsServer();
    if (server === null) throw new Error("no nats-server");
    try {
      mkdirSync(folder, { recursive: true });
      process.env["NATS_SERVER"] = bareServer(folder, server.path);
      const { files, wire } = await search(true);
      for (const { text, allowed, crosses } of searched) {
        const kept = files.get(text) ?? [];
        assert.equal(
          kept.filter((region) => !allowed.some((each) => each === region)),
          [],
          text,
        );
        // Events are in memory.
        if (text !== events.text) assert.equal([...kept].sort(), [...allowed].sort(), text);
        const sent = wire.get(text) ?? [];
        assert.equal(
          sent.filter((region) => !allowed.some((each) => each === region)),
          [],
          text,
        );
        assert.is(sent.length > 0, crosses, `${text} went to ${sent.join(", ")}`);
      }
    } finally {
      if (named === undefined) delete process.env["NATS_SERVER"];
      else process.env["NATS_SERVER"] = named;
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

testUnless(
  test,
  missing,
  "B9.2 as the launcher makes it, no canary can be read in any file or on any link between servers",
  async () => {
    const { files, wire } = await search(false);
    for (const { text } of canaries) {
      assert.equal(files.get(text), [], text);
      assert.equal(wire.get(text), [], text);
    }
  },
);

test.run();
