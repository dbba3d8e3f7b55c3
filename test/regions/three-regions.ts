import {
  copyFileSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { loginFrom } from "../../actors/bus/login-files.ts";
import { connectNats, type NatsBus } from "../../actors/bus/nats.ts";
import {
  cellFile,
  credentialsOf,
  planCluster,
  prepareCells,
  prepareServers,
  serverFile,
} from "../../ops/deploy/cluster.ts";
import { readRegions } from "../../ops/deploy/regions.ts";
import type { ClusterPlan } from "../../ops/deploy/topology.ts";
import type { EdgeAccess } from "../../schemas/configuration.ts";
import { wire } from "../../schemas/messages.ts";
import type { OuchGatewayAddress } from "../../schemas/nasdaq/ouch-session.ts";
import { durationNs } from "../../actors/kernel/units.ts";
import { journalStream, leaseBucket } from "../../schemas/subjects.ts";
import { natsServer } from "../support/nats-cluster.ts";
import { repository } from "../support/shared-data.ts";
import { KeptProcess } from "./kept-process.ts";
import { addressOf, type Region, regions, type WideArea } from "./wide-area.ts";

/** Three regions as they are deployed, a server and a cell each, in the namespaces of a wide area. */

export const home: Region = "eu";
const group = "atlas";
/** Each mode has a market of its own; both have their home in the same region. */
export const markets = [
  { name: "REPL", shard: 0, mode: "replicated" },
  { name: "DURA", shard: 1, mode: "durable" },
] as const;
export type Market = (typeof markets)[number]["name"];
export const journalOf = (market: Market): string =>
  journalStream(group, markets.find(({ name }) => name === market)?.shard ?? 0);
export const leaseStream = `KV_${leaseBucket}`;

/** Where order entry of a market listens in the region that has it. */
const ordersPort = (market: Market): number =>
  4_700 + markets.findIndex(({ name }) => name === market);

export interface OuchMember {
  readonly username: string;
  readonly password: string;
  readonly session: number;
}
/** One in each region; all regions know them. */
export const ouchMemberOf = (region: Region): OuchMember => ({
  username: `ouch${region}`,
  password: "secret",
  session: 900_000_001 + regions.indexOf(region),
});

const firstPorts = { nats: 4_300, route: 6_300, http: 8_700, websocket: 9_300, gateway: 7_300 };

interface RegionProcesses {
  readonly server: KeptProcess;
  readonly cell: KeptProcess;
}

function writeRegions(folder: string): void {
  for (const region of regions) {
    mkdirSync(join(folder, region, "markets"), { recursive: true });
    writeFileSync(
      join(folder, region, "region.toml"),
      `title = "${region}"\ngroups = ["${group}"]\n`,
    );
  }
  for (const { name, shard, mode } of markets) {
    writeFileSync(
      join(folder, home, "markets", `${name}.toml`),
      `group = "${group}"
shard = ${shard}
currency = "EUR"
price_decimals = 2
tick = 1
lot = 1
maximum_quantity = 1000000
order_capacity = 100000
mode = "${mode}"
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
}

const ouchAccess: EdgeAccess = {
  members: regions.map((region, index) => ({
    ...ouchMemberOf(region),
    account: 500 + index,
    firm: "FIRM",
    group: 0,
    cancelOnDisconnect: false,
  })),
  subscribers: [],
};

/** Addresses of loopback become those of the regions; certificates name the regions already. */
function spread(plan: ClusterPlan): void {
  const place = new Map<string, string>();
  for (const { region, ports: own } of plan.servers) {
    for (const port of [own.nats, own.route]) place.set(`127.0.0.1:${port}`, `${region}:${port}`);
  }
  const placed = (url: string): string => {
    const [scheme = "", address = ""] = url.split("//");
    return `${scheme}//${place.get(address) ?? address}`;
  };
  for (const { region, ports: own } of plan.servers) {
    const address = addressOf(region as Region);
    const file = serverFile(plan.dataDirectory, region);
    const server = JSON.parse(readFileSync(file, "utf8"));
    server.listen = `${address}:${own.nats}`;
    server.cluster.listen = `${address}:${own.route}`;
    server.cluster.advertise = `${region}:${own.route}`;
    server.cluster.no_advertise = true;
    server.cluster.routes = server.cluster.routes.map(placed);
    server.log_file = join(plan.dataDirectory, `${region}-server.log`);
    writeFileSync(file, JSON.stringify(server, null, 2));
    const own_ = cellFile(plan.dataDirectory, region);
    const cell = JSON.parse(readFileSync(own_, "utf8"));
    cell.nats.servers = cell.nats.servers.map(placed);
    const ports = Object.fromEntries(
      markets.map(({ name }) => [
        name,
        { orders: ordersPort(name), feed: 0, packets: 0, requests: 0 },
      ]),
    );
    Object.assign(cell.edges, { host: address, packetsHost: address, ports, feed: false });
    writeFileSync(cell.edges.accessFile, JSON.stringify(ouchAccess), { mode: 0o600 });
    writeFileSync(own_, JSON.stringify(cell, null, 2));
  }
}

export class ThreeRegions {
  readonly wide: WideArea;
  readonly folder: string;
  readonly plan: ClusterPlan;
  readonly #processes: ReadonlyMap<Region, RegionProcesses>;
  #bus: NatsBus | null = null;
  #operator: NatsBus | null = null;
  #moves = 0;

  private constructor(wide: WideArea, folder: string, plan: ClusterPlan, binary: string) {
    this.wide = wide;
    this.folder = folder;
    this.plan = plan;
    const main = join(repository, "actors", "root", "main.ts");
    this.#processes = new Map(
      regions.map((region): [Region, RegionProcesses] => {
        const log = (of: string): string => join(folder, `${region}-${of}.log`);
        const server = ["-c", serverFile(folder, region)];
        const cell = [main, "--configuration", cellFile(folder, region)];
        return [
          region,
          {
            server: new KeptProcess(wide.inside(region, binary, server), log("server-out")),
            cell: new KeptProcess(wide.inside(region, process.execPath, cell), log("cell")),
          },
        ];
      }),
    );
  }

  static async start(wide: WideArea, binary = natsServer()): Promise<ThreeRegions> {
    if (binary === null) throw new Error("no nats-server");
    const folder = mkdtempSync(join(tmpdir(), "meridian-regions-"));
    const regionsDirectory = join(folder, "regions");
    writeRegions(regionsDirectory);
    await wide.calm();
    const declared = readRegions(regionsDirectory);
    if (!declared.ok) throw new Error(declared.failure.reason);
    const planned = await planCluster(folder, {
      topology: "compact",
      profile: "demo",
      regions: declared.value,
      declared: declared.value,
      firstPorts,
    });
    if (!planned.ok) throw new Error(planned.failure.reason);
    const { plan } = planned.value;
    prepareServers(plan);
    prepareCells(plan, declared.value, {
      regionsDirectory,
      engine: "native",
      flow: { enabled: false, seed: 1, rate: 1 },
    });
    spread(plan);
    const three = new ThreeRegions(wide, folder, plan, binary);
    for (const region of regions) three.of(region).server.start();
    for (const region of regions) three.of(region).cell.start();
    return three;
  }

  of(region: Region): RegionProcesses {
    const found = this.#processes.get(region);
    if (found === undefined) throw new Error(`no region ${region}`);
    return found;
  }

  urls(first: Region): readonly string[] {
    const servers = [
      ...this.plan.servers.filter(({ region }) => region === first),
      ...this.plan.servers.filter(({ region }) => region !== first),
    ];
    return servers.map(({ region, ports }) => `tls://${region}:${ports.nats}`);
  }

  /** Of a market, in every region. */
  gatewaysOf(market: Market): readonly OuchGatewayAddress[] {
    return regions.map((region) => ({ host: addressOf(region), port: ordersPort(market) }));
  }

  get authorityFile(): string {
    return this.plan.certificates.authorityFile;
  }
  seedFileOf(user: string): string {
    return credentialsOf(this.plan, user).seedFile;
  }

  /** A connection from the observer with the rights of a cell; it reconnects for ever. */
  async bus(): Promise<NatsBus> {
    this.#bus ??= await this.#connect("cell-ap");
    return this.#bus;
  }

  async #connect(user: string): Promise<NatsBus> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await connectNats({
          servers: this.urls("ap"),
          user,
          ...loginFrom(this.seedFileOf(user), this.authorityFile),
        });
      } catch (error) {
        if (attempt > 100) throw error;
        await sleep(200);
      }
    }
  }

  /** A planned move of all markets that a region has, by an operator; resolves when it is done. */
  async move(from: Region, to: Region): Promise<void> {
    this.#operator ??= await this.#connect("operator");
    this.#moves += 1;
    const wish = {
      id: `move-${this.#moves}`,
      from,
      to,
      requestedBy: "operator",
      reason: "a drill",
    };
    const payload = wire.region.v1.FailoverRequest.encode(wish).finish();
    let refused = "";
    for (let attempt = 0; attempt < 600; attempt += 1) {
      const answer = await this.#operator.request(`ops.${from}.failover`, payload, durationNs(5e9));
      const reply = answer.ok ? wire.region.v1.FailoverReply.decode(answer.value) : null;
      const state = reply?.status?.state ?? "";
      if (state === "done") return;
      if (state === "failed") {
        const { markets: there = [], standbys = [] } = (await this.status(to)) ?? {};
        const stands = JSON.stringify([...(there ?? []), ...(standbys ?? [])]);
        throw new Error(`${from} to ${to}: ${reply?.status?.detail}; there: ${stands}`);
      }
      refused = reply?.refusal?.reason ?? "";
      // Its lease has lapsed for the moment, or another move is under way: rightly refused, asked again.
      const isLater =
        reply?.refusal?.code === "failover_refused" || reply?.refusal?.code === "busy";
      if (reply?.refusal && !isLater) throw new Error(`${from} to ${to}: ${JSON.stringify(reply)}`);
      await sleep(100);
    }
    throw new Error(`${from} to ${to}: not done, ${refused}`);
  }

  /** Null while the region's cell does not answer. */
  async status(region: Region): Promise<wire.control.v1.IRegionStatus | null> {
    const bus = await this.bus();
    const reply = await bus.request(`ops.${region}.status`, new Uint8Array(), durationNs(2e9));
    if (!reply.ok) return null;
    return wire.control.v1.StatusReply.decode(reply.value).status ?? null;
  }

  /** Null while nobody tells. */
  async #seen(stream: string): Promise<SeenStream | null> {
    const bus = await this.bus();
    const answer = await bus.ask(`$JS.API.STREAM.INFO.${stream}`, "", 2_000);
    if (!answer.ok) return null;
    const { cluster, state } = JSON.parse(Buffer.from(answer.value.data).toString());
    const { leader = "", replicas = [] } = cluster ?? {};
    return { leader, replicas: replicas ?? [], lastSequence: state?.last_seq ?? 0 };
  }

  /** Empty while nobody leads; null while nobody tells. */
  async leaderOf(stream: string): Promise<string | null> {
    return (await this.#seen(stream))?.leader ?? null;
  }

  /** Moves the leader of a stream to a region's server; whether it is there now. */
  async lead(stream: string, region: Region): Promise<boolean> {
    const bus = await this.bus();
    for (let attempt = 0; attempt < 20; attempt += 1) {
      const leader = await this.leaderOf(stream);
      if (leader === region) return true;
      const placement = JSON.stringify({ placement: { preferred: region } });
      if (leader !== null && leader !== "") {
        await bus.ask(`$JS.API.STREAM.LEADER.STEPDOWN.${stream}`, placement, 2_000);
      }
      await sleep(300);
    }
    return false;
  }

  /** Waits until every replica has what was there when it was first looked, and every cell says that it is ready. */
  async settled(limitMs = 120_000): Promise<void> {
    const until = performance.now() + limitMs;
    const there = new Map<string, number>();
    let reason = "";
    while (performance.now() < until) {
      reason = (await this.#unsettled(there)) ?? "";
      if (reason === "") return;
      await sleep(200);
    }
    throw new Error(`the regions did not settle in ${limitMs / 1000} s: ${reason}`);
  }

  /** `there`: of each stream, the last message when it was first looked; filled here. */
  async #unsettled(there: Map<string, number>): Promise<string | null> {
    for (const region of regions) {
      const status = await this.status(region);
      if (status === null) return `the cell of ${region} does not answer`;
      if (status.ready !== true) return `${region}: ${status.notReadyReason}`;
    }
    for (const stream of [leaseStream, ...markets.map(({ name }) => journalOf(name))]) {
      const seen = await this.#seen(stream);
      if (seen === null || seen.leader === "") return `${stream} has no leader`;
      const wanted = there.get(stream) ?? seen.lastSequence;
      there.set(stream, wanted);
      const behind = seen.replicas.find((replica) => !hasUpTo(wanted, replica, seen));
      if (behind !== undefined || seen.replicas.length !== regions.length - 1) {
        return `a replica of ${stream} is behind: ${JSON.stringify(seen)}, ${wanted} are wanted`;
      }
    }
    return null;
  }

  /** `logs`: a folder that gets what servers and cells have written; null: it goes with the rest. */
  async stop(logs: string | null = null): Promise<void> {
    for (const region of regions) this.of(region).server.signal("SIGCONT");
    for (const region of regions) this.of(region).cell.signal("SIGCONT");
    await this.#bus?.close();
    await this.#operator?.close();
    for (const region of regions) await this.of(region).cell.end();
    for (const region of regions) await this.of(region).server.end();
    if (logs !== null) {
      const kept = mkdtempSync(join(logs, "cluster-"));
      for (const file of globSync("*.log", { cwd: this.folder })) {
        copyFileSync(join(this.folder, file), join(kept, file));
      }
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

interface Replica {
  readonly name: string;
  readonly offline?: boolean;
  /** Entries of its group that the leader has and it has not, as far as the leader knows; absent: none. */
  readonly lag?: number;
}

interface SeenStream {
  readonly leader: string;
  readonly lastSequence: number;
  readonly replicas: readonly Replica[];
}

/**
 * Whether the replica has everything up to that message. JetStream's own word, `current`, asks for more: of three
 * replicas the farthest one is some entries behind for as long as clients go on, because the leader and the
 * nearer one are enough to go on.
 */
const hasUpTo = (sequence: number, { offline, lag = 0 }: Replica, { lastSequence }: SeenStream) =>
  offline !== true && lastSequence - lag >= sequence;
