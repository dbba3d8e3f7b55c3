import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { CellConfiguration, CellConfigurationFile } from "../../schemas/configuration.ts";
import { ensureCertificates } from "./certificates.ts";
import { ensureEdges, ensureLocalAccess } from "./local-access.ts";
import { guestSubject } from "../../schemas/subjects.ts";
import { type Profile, cellUser, guestSlots, guestUser, reporterUser, usersOf } from "./roles.ts";
import { type Credentials, ensureSeeds } from "./seeds.ts";
import {
  type ClusterPlan,
  type RegionPorts,
  loopback,
  natsUrl,
  serverConfiguration,
  storeDirectory,
} from "./topology.ts";
import { writeWhole } from "./whole-file.ts";

/** Name of the one stretched NATS cluster. */
const clusterName = "meridian";

/** Settings of all cells of a cluster. */
export interface CellSettings {
  readonly regionsDirectory: string;
  readonly engine: CellConfiguration["engine"];
  readonly flow: CellConfiguration["flow"];
  /** Absent: automatic. */
  readonly takeover?: CellConfiguration["takeover"];
}

/** The configuration file of a region's server. */
export const serverFile = (dataDirectory: string, region: string): string =>
  join(dataDirectory, "nats", `${region}.conf`);
/** The configuration file of a region's cell. */
export const cellFile = (dataDirectory: string, region: string): string =>
  join(dataDirectory, "cells", `${region}.json`);

/** The credentials of a user; throws RangeError for a name that the plan does not have. */
export function credentialsOf(plan: ClusterPlan, name: string): Credentials {
  const found = plan.users.find(({ user }) => user.name === name);
  if (found === undefined) throw new RangeError(`the cluster has no user ${name}`);
  return found;
}

/**
 * Everything servers need in the data folder: certificates and users (made once and kept),
 * configuration files (written anew). Server processes can be started afterwards.
 */
export async function prepareServers(
  dataDirectory: string,
  ports: Readonly<Record<string, RegionPorts>>,
  profile: Profile,
): Promise<ClusterPlan> {
  const regions = Object.keys(ports);
  const plan: ClusterPlan = {
    name: clusterName,
    profile,
    dataDirectory,
    servers: Object.entries(ports).map(([region, own]) => ({ region, ports: own })),
    certificates: await ensureCertificates(join(dataDirectory, "tls"), regions, Date.now()),
    users: ensureSeeds(join(dataDirectory, "users"), usersOf(regions)),
  };
  for (const server of plan.servers) {
    mkdirSync(storeDirectory(dataDirectory, server.region), { recursive: true, mode: 0o700 });
    writeWhole(serverFile(dataDirectory, server.region), serverConfiguration(plan, server));
  }
  return plan;
}

/** Writes the configuration file of each region's cell. */
export function prepareCells(plan: ClusterPlan, settings: CellSettings): void {
  for (const { region, ports } of plan.servers) {
    const dataDirectory = join(plan.dataDirectory, "cells", region);
    mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
    const others = plan.servers.filter((server) => server.region !== region);
    const configuration: CellConfigurationFile = {
      region,
      cell: `${region.slice(0, 29)}-1`,
      regions: plan.servers.map((server) => server.region),
      profile: plan.profile,
      dataDirectory,
      regionsDirectory: settings.regionsDirectory,
      nats: {
        servers: [natsUrl(ports), ...others.map((server) => natsUrl(server.ports))],
        caFile: plan.certificates.authorityFile,
        seedFile: credentialsOf(plan, cellUser(region).name).seedFile,
        systemSeedFile: credentialsOf(plan, reporterUser(region).name).seedFile,
        guests: guestSlots.map((slot) => ({
          subject: guestSubject(region, slot),
          seedFile: credentialsOf(plan, guestUser(region, slot).name).seedFile,
        })),
      },
      http: { host: loopback, port: ports.http },
      engine: settings.engine,
      edges: ensureEdges(plan.dataDirectory, region, loopback),
      clients: ensureLocalAccess(plan.dataDirectory, region),
      flow: settings.flow,
      takeover: settings.takeover ?? "automatic",
    };
    writeWhole(cellFile(plan.dataDirectory, region), `${JSON.stringify(configuration, null, 2)}\n`);
  }
}
