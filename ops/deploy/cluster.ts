import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Result, ok } from "../../actors/kernel/result.ts";
import type { CellConfiguration, CellConfigurationFile } from "../../schemas/configuration.ts";
import type { IncidentsConfigurationFile } from "../../schemas/incidents-configuration.ts";
import type { AssetPlacement } from "../../schemas/placement.ts";
import { consoleSettings } from "./console.ts";
import { guestSubject } from "../../schemas/subjects.ts";
import { distrustOthers } from "./authority.ts";
import { checkCertificates, ensureCertificates, ensureUserCertificates } from "./certificates.ts";
import { ensureEncryptionKeys, withoutSpentKey, writeEncryptionKeys } from "./encryption.ts";
import { ensureEdges, ensureLocalAccess } from "./local-access.ts";
import { type MovedPort, choosePorts, serverPorts, wantedPorts } from "./ports.ts";
import type { Region } from "./regions.ts";
import {
  type Profile,
  cellUser,
  guestSlots,
  guestUser,
  reporterUser,
  siteUser,
  usersOf,
} from "./roles.ts";
import { type Credentials, ensureSeeds } from "./seeds.ts";
import { serverConfiguration, storeDirectory } from "./server-configuration.ts";
import {
  type ClusterPlan,
  type FirstPorts,
  type ServerPlan,
  type Topology,
  globalServers,
  loopback,
  natsUrl,
  placementOf,
  serverPlaces,
  serversOf,
} from "./topology.ts";
import { ensureSites, readSites } from "./edge-sites.ts";
import { writeWhole } from "./whole-file.ts";

/** Settings of all cells of a cluster. */
export interface CellSettings {
  readonly regionsDirectory: string;
  readonly engine: CellConfiguration["engine"];
  readonly flow: CellConfiguration["flow"];
  /** Absent: no order is traced. */
  readonly tracing?: NonNullable<CellConfigurationFile["tracing"]>;
  /** Absent: automatic. */
  readonly takeover?: CellConfiguration["takeover"];
  /** Absent: a minute to acknowledge, pages on NATS only. */
  readonly incidents?: IncidentsConfigurationFile;
}

/** What a cluster is made of. */
export interface ClusterSettings {
  readonly topology: Topology;
  readonly profile: Profile;
  /** Those that are started, in the order of their numbers. */
  readonly regions: readonly Region[];
  /** All that are declared. */
  readonly declared: readonly Region[];
  readonly firstPorts: FirstPorts;
  /** A cluster that runs: its servers and cells keep the ports they have. */
  readonly running?: ClusterPlan;
}

/** The configuration file of a server. */
export const serverFile = (dataDirectory: string, server: string): string =>
  join(dataDirectory, "nats", `${server}.conf`);
/** The configuration file of a region's cell. */
export const cellFile = (dataDirectory: string, region: string): string =>
  join(dataDirectory, "cells", `${region}.json`);
/** The folder of certificates. */
export const certificatesFolder = (dataDirectory: string): string => join(dataDirectory, "tls");
/** The file of the key of encryption at rest. */
export const encryptionFile = (dataDirectory: string): string =>
  join(dataDirectory, "nats", "encryption.json");

/** Users that connect as clients; the server of an edge site shows the certificate that it has as a server. */
export const clientsOf = (users: readonly Credentials[]): readonly Credentials[] =>
  users.filter(({ user }) => user.role !== "site");

/** The credentials of a user; throws RangeError for a name that the plan does not have. */
export function credentialsOf(plan: ClusterPlan, name: string): Credentials {
  const found = plan.users.find(({ user }) => user.name === name);
  if (found === undefined) throw new RangeError(`the cluster has no user ${name}`);
  return found;
}

/**
 * Chooses ports, and makes what servers need in the data folder: certificates, users and keys (made once
 * and kept). Failure codes: as choosePorts, checkCertificates, ensureEncryptionKeys.
 */
export async function planCluster(
  dataDirectory: string,
  settings: ClusterSettings,
): Promise<Result<{ readonly plan: ClusterPlan; readonly moved: readonly MovedPort[] }>> {
  const { topology, profile, regions, declared, firstPorts, running } = settings;
  const places = serverPlaces(topology, regions, declared);
  const isNew = (region: string): boolean =>
    running?.regions.some(({ name }) => name === region) !== true;
  const wanted = wantedPorts(topology, regions, places, firstPorts).map((want) =>
    // In production a port is open because somebody has said so.
    profile === "production" ? { ...want, declared: true } : want,
  );
  const chosen = await choosePorts(wanted.filter(({ region }) => isNew(region)));
  if (!chosen.ok) return chosen;
  const { ports, moved } = chosen.value;
  const founders = [
    ...(running?.regions ?? []),
    ...regions
      .filter(({ name }) => isNew(name))
      .map(({ name, residency }) => ({ name, http: ports[name]?.http ?? 0, residency })),
  ];
  const kept = ensureEncryptionKeys(encryptionFile(dataDirectory));
  if (!kept.ok) return kept;
  const encryption = running === undefined ? withoutSpentKey(kept.value) : kept.value;
  writeEncryptionKeys(encryptionFile(dataDirectory), encryption);
  const names = regions.map((region) => region.name);
  if (running === undefined) await distrustOthers(certificatesFolder(dataDirectory));
  const certificates = await ensureCertificates(
    certificatesFolder(dataDirectory),
    places.map((place) => place.name),
    Date.now(),
    running !== undefined,
  );
  const users = ensureSeeds(join(dataDirectory, "users"), [
    ...usersOf(names),
    ...readSites(dataDirectory)
      .filter(({ region }) => names.includes(region))
      .map(({ region, name }) => siteUser(region, name)),
  ]);
  await ensureUserCertificates(certificatesFolder(dataDirectory), clientsOf(users), Date.now());
  await ensureSites(dataDirectory, Date.now());
  const sound = checkCertificates(
    certificates,
    Date.now(),
    // Nobody else asks clients for one.
    profile === "production" ? clientsOf(users) : [],
  );
  if (!sound.ok) return sound;
  const plan: ClusterPlan = {
    topology,
    profile,
    dataDirectory,
    regions: founders,
    servers: places.map(
      (place) =>
        running?.servers.find(({ name }) => name === place.name) ?? {
          ...place,
          ports: serverPorts(ports, place.name),
          founders,
        },
    ),
    certificates,
    users,
    encryption,
  };
  return ok({ plan, moved });
}

/** Writes the configuration file of each server. */
export function prepareServers(plan: ClusterPlan): void {
  for (const server of plan.servers) {
    mkdirSync(storeDirectory(plan.dataDirectory, server.name), { recursive: true, mode: 0o700 });
    writeWhole(serverFile(plan.dataDirectory, server.name), serverConfiguration(plan, server));
  }
}

/** Writes the configuration file of each region's cell. */
export function prepareCells(
  plan: ClusterPlan,
  regions: readonly Region[],
  settings: CellSettings,
): void {
  for (const region of regions) {
    const configuration = cellConfiguration(plan, region, regions, settings);
    mkdirSync(configuration.dataDirectory, { recursive: true, mode: 0o700 });
    writeWhole(
      cellFile(plan.dataDirectory, region.name),
      `${JSON.stringify(configuration, null, 2)}\n`,
    );
  }
}

const urlsOf = (servers: readonly ServerPlan[]): string[] =>
  servers.map(({ ports }) => natsUrl(ports));

/** As the cell's configuration has it. */
const written = ({ cluster, tags, replicas }: AssetPlacement) => ({
  cluster,
  tags: [...tags],
  replicas,
});

/** The cell that the launcher starts in a region. */
export const cellNameOf = (region: string): string => `${region.slice(0, 29)}-1`;

/** Regions that let what their actors write down be in this one: their actors may run here. */
const mayHost = (region: string, regions: readonly Region[]): string[] =>
  regions
    .filter(({ name, residency }) => name !== region && mayKeep(residency.positions, region))
    .map(({ name }) => name);
const mayKeep = (allowed: readonly string[] | undefined, region: string): boolean =>
  allowed === undefined || allowed.includes(region);

function cellConfiguration(
  plan: ClusterPlan,
  declared: Region,
  regions: readonly Region[],
  settings: CellSettings,
): CellConfigurationFile {
  const region = declared.name;
  const others = plan.regions.filter(({ name }) => name !== region);
  const placement = placementOf(plan.topology, declared, regions);
  return {
    region,
    cell: cellNameOf(region),
    regions: plan.regions.map(({ name }) => name),
    profile: plan.profile,
    dataDirectory: join(plan.dataDirectory, "cells", region),
    regionsDirectory: settings.regionsDirectory,
    nats: {
      servers: urlsOf([
        ...serversOf(plan, region),
        ...others.flatMap(({ name }) => serversOf(plan, name)),
      ]),
      journalServers: urlsOf(globalServers(plan, region)),
      caFile: plan.certificates.authorityFile,
      seedFile: credentialsOf(plan, cellUser(region).name).seedFile,
      systemSeedFile: credentialsOf(plan, reporterUser(region).name).seedFile,
      guests: guestSlots.map((slot) => ({
        subject: guestSubject(region, slot),
        seedFile: credentialsOf(plan, guestUser(region, slot).name).seedFile,
      })),
    },
    placement: {
      control: written(placement.control),
      journals: written(placement.journals),
      positions: written(placement.positions),
      events: written(placement.events),
    },
    http: { host: loopback, port: plan.regions.find(({ name }) => name === region)?.http ?? 0 },
    console: consoleSettings(plan, region),
    engine: settings.engine,
    edges: ensureEdges(plan.dataDirectory, loopback, plan.profile),
    clients: ensureLocalAccess(plan.dataDirectory, region, plan.profile),
    flow: settings.flow,
    ...(settings.tracing === undefined ? {} : { tracing: settings.tracing }),
    takeover: settings.takeover ?? "automatic",
    ...(settings.incidents === undefined ? {} : { incidents: settings.incidents }),
    actors: { hosts: mayHost(region, regions) },
  };
}
