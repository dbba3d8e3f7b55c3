import type { NatsConnection } from "nats";
import { setTimeout as delay } from "node:timers/promises";
import { readServerReports } from "../../actors/bus/server-reports.ts";
import { type Result, ok, refuse } from "../../actors/kernel/result.ts";
import { journalStream, siteUserName } from "../../schemas/subjects.ts";
import { connectAs } from "./connection.ts";
import { credentialsOf } from "./cluster.ts";
import type { Fleet } from "./fleet.ts";
import type { Region } from "./regions.ts";
import type { StreamSite } from "./residency.ts";
import { cellUser, launcherUser } from "./roles.ts";
import { type ClusterPlan, type ServerPlan, natsUrl } from "./topology.ts";

const settlesWithinMs = 60_000;
const connectsWithinMs = 10_000;
const pollMs = 200;

/**
 * Connects as the launcher in the system account, to any server that is left. One that reads its configuration
 * again may close a connection that is just being made: it is tried for ten seconds.
 */
async function connectLauncher(
  plan: ClusterPlan,
  servers: readonly ServerPlan[],
): Promise<NatsConnection> {
  const until = performance.now() + connectsWithinMs;
  for (;;) {
    try {
      return await connectAs({
        user: launcherUser.name,
        seedFile: credentialsOf(plan, launcherUser.name).seedFile,
        authorityFile: plan.certificates.authorityFile,
        servers: servers.map(({ ports }) => natsUrl(ports)),
      });
    } catch (error) {
      if (performance.now() > until) throw error;
    }
    await delay(pollMs);
  }
}

/** Waits for something; the text says what is missing. Failure code: `code`. */
export async function settled(
  code: string,
  missing: () => Promise<string | null>,
): Promise<Result<void>> {
  const until = performance.now() + settlesWithinMs;
  for (;;) {
    const reason = await missing();
    if (reason === null) return ok(undefined);
    if (performance.now() > until) {
      return refuse(code, `after ${settlesWithinMs / 1000} s: ${reason}`, "npx meridian doctor");
    }
    await delay(pollMs);
  }
}

/**
 * Makes running servers read their configuration again, one by one: each must know the users of the plan
 * before the next is asked. Failure code: reload_failed.
 */
export async function reloadUsers(
  fleet: Fleet,
  plan: ClusterPlan,
  servers: readonly ServerPlan[],
  newRegion: string,
): Promise<Result<void>> {
  const user = cellUser(newRegion);
  for (const server of servers) {
    fleet.server(server.name)?.signal("SIGHUP");
    const known = await settled("reload_failed", async () => {
      try {
        const connection = await connectAs({
          user: user.name,
          seedFile: credentialsOf(plan, user.name).seedFile,
          authorityFile: plan.certificates.authorityFile,
          servers: [natsUrl(server.ports)],
        });
        await connection.close();
        return null;
      } catch (error) {
        return `${server.name} does not know ${user.name} (${(error as Error).message})`;
      }
    });
    if (!known.ok) return known;
  }
  return ok(undefined);
}

/** Why a region cannot leave, or nothing. Failure codes: region_holds_markets, region_needed. */
export function checkRemoval(
  region: Region,
  members: readonly Region[],
  sites: readonly StreamSite[],
  regionOf: (server: string) => string | null,
): Result<void> {
  const homed = Object.keys(region.markets);
  if (homed.length > 0) {
    return refuse(
      "region_holds_markets",
      `${homed.join(", ")} ${homed.length === 1 ? "has its" : "have their"} home in ${region.name}`,
      `give ${homed.length === 1 ? "it" : "them"} a home in another region first`,
    );
  }
  const needing = members
    .filter((each) => each !== region)
    .flatMap((each) => Object.entries(each.markets))
    .filter(([, { group }]) => region.groups.includes(group));
  const [market] = needing;
  if (market !== undefined) {
    return refuse(
      "region_needed",
      `${region.name} is one of the three regions of ${market[1].group}, which keep the journal of ${needing.map(([name]) => name).join(", ")}`,
      "move these markets to a group without it first",
    );
  }
  const declared = new Set(
    members.flatMap((each) =>
      Object.values(each.markets).map(({ group, shard }) => journalStream(group, shard)),
    ),
  );
  const journal = sites.find(
    ({ name, servers }) =>
      name.startsWith("JRN_") &&
      !declared.has(name) &&
      servers.some((server) => regionOf(server) === region.name),
  );
  if (journal !== undefined) {
    return refuse(
      "region_needed",
      `${region.name} keeps a replica of ${journal.name}, the journal of a market that was made at run time`,
      "move that market to a group without it first",
    );
  }
  const only = sites.find(
    ({ name, servers }) =>
      !name.startsWith("EVT_") &&
      servers.length > 0 &&
      servers.every((server) => regionOf(server) === region.name),
  );
  return only === undefined
    ? ok(undefined)
    : refuse(
        "region_needed",
        `${only.name} is kept in ${region.name} alone, as its residency asks`,
        "its data folder has to be archived: stop the cluster and keep the folder",
      );
}

/**
 * Takes stopped servers out of JetStream, so that they count for no majority any more, and waits until what
 * they kept is kept elsewhere. Failure code: region_not_removed.
 */
export async function forgetServers(
  plan: ClusterPlan,
  gone: readonly ServerPlan[],
  sites: () => Promise<readonly StreamSite[]>,
): Promise<Result<void>> {
  const left = plan.servers.filter((server) => !gone.includes(server));
  const names = new Set(gone.map(({ name }) => name));
  const connection = await connectLauncher(plan, left);
  try {
    for (const { name } of gone) {
      const forgotten = await settled("region_not_removed", async () => {
        const reply = await connection.request(
          "$JS.API.SERVER.REMOVE",
          JSON.stringify({ peer: name }),
          { timeout: 5_000 },
        );
        const { success, error } = reply.json<{
          readonly success?: boolean;
          readonly error?: { readonly description?: string };
        }>();
        return success === true ? null : `${name}: ${error?.description ?? "not removed"}`;
      });
      if (!forgotten.ok) return forgotten;
    }
    return await settled("region_not_removed", async () => {
      const reports = await readServerReports(connection, left.length, 1_000);
      const apart = reports.find((report) => report.clusterSize !== left.length);
      if (reports.length < left.length || apart !== undefined) {
        return `${apart?.name ?? "a server"} sees ${apart?.clusterSize ?? "no"} servers`;
      }
      const held = (await sites()).find(
        ({ name, servers }) =>
          !name.startsWith("EVT_") && servers.some((server) => names.has(server)),
      );
      return held === undefined ? null : `${held.name} has not been moved yet`;
    });
  } finally {
    await connection.close();
  }
}

/** Looks in a row that must find a site's link gone: longer than its server waits before it tries again. */
const looksWithoutLink = 10;

/**
 * Ends the links of an edge site whose user the servers have forgotten, for a link that stands outlives that.
 * Failure code: site_not_removed.
 */
export async function endLinks(plan: ClusterPlan, site: string): Promise<Result<void>> {
  const connection = await connectLauncher(plan, plan.servers);
  let looks = 0;
  try {
    return await settled("site_not_removed", async () => {
      const links = await linksOf(connection, siteUserName(site), plan.servers.length);
      if (links === null) return "not every server answers";
      for (const { server, cid } of links) {
        await connection
          .request(`$SYS.REQ.SERVER.${server}.KICK`, JSON.stringify({ cid }), { timeout: 1_000 })
          // Asked again at the next look, if it is still there.
          .catch(() => undefined);
      }
      looks = links.length === 0 ? looks + 1 : 0;
      return looks >= looksWithoutLink ? null : `${site} is connected`;
    });
  } finally {
    await connection.close();
  }
}

interface Link {
  readonly server: string;
  readonly cid: number;
}

/** Links of leaf nodes of this name; null when a server has not answered. */
async function linksOf(
  connection: NatsConnection,
  name: string,
  servers: number,
): Promise<readonly Link[] | null> {
  const replies = await connection.requestMany("$SYS.REQ.SERVER.PING.LEAFZ", "{}", {
    strategy: "count",
    maxMessages: servers,
    maxWait: 1_000,
  });
  const links: Link[] = [];
  let answers = 0;
  for await (const reply of replies) {
    const { server, data } = reply.json<{
      readonly server: { readonly id: string };
      readonly data?: {
        readonly leafs?: readonly { readonly id: number; readonly name: string }[];
      };
    }>();
    answers += 1;
    for (const leaf of data?.leafs ?? []) {
      if (leaf.name === name) links.push({ server: server.id, cid: leaf.id });
    }
  }
  return answers < servers ? null : links;
}
