import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import type { NatsConnection } from "nats";

import { connectAs } from "../../ops/deploy/connection.ts";
import { credentialsOf } from "../../ops/deploy/cluster.ts";
import { Launcher, type LauncherOptions } from "../../ops/deploy/launcher.ts";
import type { Profile } from "../../ops/deploy/roles.ts";
import { type ClusterPlan, natsUrl } from "../../ops/deploy/topology.ts";
import type { ClusterFile } from "../../schemas/configuration.ts";
import { wire } from "../../schemas/messages.ts";
import { launcherOptions, temporaryFolder } from "./launched-cluster.ts";
import { repository } from "./shared-data.ts";

const { market, control } = wire;
const { Side, OrderType, TimeInForce } = market.v1;

/** A region of three, as `meridian up` starts them, with the only market, ACME. */
export interface OneRegion {
  readonly data: string;
  /** Of the operator. */
  readonly connection: NatsConnection;
  readonly region: ClusterFile["regions"][number];
  readonly plan: ClusterPlan;
  /** Process ids of the servers of all regions. */
  readonly serverPids: readonly number[];
  /** Of the cell, which may have been started again. */
  cellPid(): number;
  status(): Promise<wire.control.v1.IRegionStatus | null>;
  /** Waits until the market is open. */
  ready(): Promise<wire.control.v1.IMarketStatus>;
  submit(
    session: number,
    commands: wire.market.v1.ICommand[],
  ): Promise<wire.market.v1.SubmitReply | null>;
  book(): Promise<wire.market.v1.BookReply>;
}

export const regionName = "home";
export const marketName = "ACME";
/** A stretched cluster of fewer than three servers loses its quorum with any of them. */
const others = ["east", "west"];

/** What the production profile wants a region to say. */
const forProduction = (name: string): string => `jurisdiction = "eu"
profile = "eu-mifir"
[residency]
positions = ${JSON.stringify([regionName, ...others])}
events = ["${name}"]
`;

function writeRegions(
  folder: string,
  mode: "matched" | "durable" | "replicated",
  profile: Profile | null,
): void {
  for (const name of [regionName, ...others]) {
    mkdirSync(join(folder, name, "markets"), { recursive: true });
    const more = profile === "production" ? forProduction(name) : "";
    writeFileSync(
      join(folder, name, "region.toml"),
      `title = "${name}"\ngroups = ["atlas"]\n${more}`,
    );
  }
  writeFileSync(
    join(folder, regionName, "markets", `${marketName}.toml`),
    `group = "atlas"
shard = 0
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

export async function eventually<T>(what: string, look: () => Promise<T | null>): Promise<T> {
  for (let tries = 0; tries < 600; tries += 1) {
    const found = await look();
    if (found !== null) return found;
    await delay(100);
  }
  throw new Error(`did not come about: ${what}`);
}

export function place(
  number: number,
  side: "buy" | "sell",
  price: number,
  quantity: number,
): wire.market.v1.ICommand {
  return {
    number,
    account: side === "buy" ? 1 : 2,
    place: {
      side: side === "buy" ? Side.SIDE_BUY : Side.SIDE_SELL,
      orderType: OrderType.ORDER_TYPE_LIMIT,
      timeInForce: TimeInForce.TIME_IN_FORCE_DAY,
      price,
      quantity,
    },
  };
}

/** Runs `body` against a region of its own; stops it and removes its data afterwards. */
export async function withOneRegion(
  mode: "matched" | "durable" | "replicated",
  body: (region: OneRegion) => Promise<void>,
  changes: Partial<LauncherOptions> = {},
): Promise<void> {
  const data = temporaryFolder();
  const regionsDirectory = join(data, "regions");
  writeRegions(regionsDirectory, mode, changes.profile ?? null);
  const launcher = new Launcher(
    launcherOptions(data, {
      regionsDirectory,
      cellProgram: join(repository, "actors/root/main.ts"),
      engine: "native",
      ...changes,
    }),
  );
  let connection: NatsConnection | null = null;
  try {
    const started = await launcher.start();
    if (!started.ok) throw new Error(`${started.failure.code}: ${started.failure.reason}`);
    const { plan, cluster } = started.value;
    connection = await connectAs({
      user: "operator",
      seedFile: credentialsOf(plan, "operator").seedFile,
      authorityFile: plan.certificates.authorityFile,
      servers: plan.servers.map(({ ports }) => natsUrl(ports)),
    });
    const region = cluster.regions.find(({ name }) => name === regionName);
    if (region === undefined) throw new Error("the cluster has no region");
    const serverPids = cluster.regions.map(({ natsPid }) => natsPid);
    await body({ ...regionOver(connection, launcher, data, region), plan, serverPids });
  } finally {
    await connection?.close();
    await launcher.stop();
    rmSync(data, { recursive: true, force: true });
  }
}

function regionOver(
  connection: NatsConnection,
  launcher: Launcher,
  data: string,
  region: ClusterFile["regions"][number],
): Omit<OneRegion, "serverPids" | "plan"> {
  const ask = async (subject: string, payload: Uint8Array): Promise<Uint8Array | null> => {
    try {
      const reply = await connection.request(subject, payload, { timeout: 4_000 });
      return new Uint8Array(reply.data);
    } catch {
      return null;
    }
  };
  const status = async (): Promise<wire.control.v1.IRegionStatus | null> => {
    const reply = await ask(`ops.${regionName}.status`, new Uint8Array());
    return reply === null ? null : (control.v1.StatusReply.decode(reply).status ?? null);
  };
  return {
    data,
    connection,
    region,
    cellPid: () => launcher.processId(regionName, "cell"),
    status,
    ready: () =>
      eventually("the market is open", async () => {
        const found = await status();
        return found?.ready === true ? (found.markets?.[0] ?? null) : null;
      }),
    async submit(session, commands) {
      const payload = market.v1.SubmitRequest.encode({ session, commands }).finish();
      const reply = await ask(`cmd.${regionName}.${marketName}.submit`, payload);
      return reply === null ? null : market.v1.SubmitReply.decode(reply);
    },
    async book() {
      const payload = market.v1.BookRequest.encode({ levels: 100 }).finish();
      const reply = await ask(`cmd.${regionName}.${marketName}.book`, payload);
      if (reply === null) throw new Error("the market does not show its book");
      return market.v1.BookReply.decode(reply);
    },
  };
}
