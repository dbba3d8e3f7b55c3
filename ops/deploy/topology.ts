import {
  type AssetPlacement,
  type ResidencyLists,
  dataClasses,
  globalCluster,
  groupTag,
  regionTag,
  residencyTag,
  stretchedCluster,
} from "../../schemas/placement.ts";
import type { EncryptionKeys } from "./encryption.ts";
import type { Certificates } from "./certificates.ts";
import type { Region } from "./regions.ts";
import type { Profile } from "./roles.ts";
import type { Credentials } from "./seeds.ts";

/**
 * `compact`: one stretched cluster with a server per region. `supercluster`: a cluster of its own in each
 * region and one, `glb`, with a server of each region, joined by gateways.
 */
export const topologies = ["compact", "supercluster"] as const;
export type Topology = (typeof topologies)[number];

/** `http`: health and status of a region's cell; the others are a server's. */
export const portKinds = ["nats", "route", "http", "websocket", "gateway", "leaf"] as const;
export type PortKind = (typeof portKinds)[number];
/** First port of each kind; of leaf nodes 7422 when it is absent. */
export type FirstPorts = Readonly<
  Record<Exclude<PortKind, "leaf">, number> & { readonly leaf?: number }
>;

/** Ports of one server on loopback. */
export interface ServerPorts {
  /** NATS clients. */
  readonly nats: number;
  /** Servers of the same cluster among each other. */
  readonly route: number;
  /** NATS clients in browsers; null: not served. */
  readonly websocket: number | null;
  /** Servers of other clusters; null: there is only one cluster. */
  readonly gateway: number | null;
  /** Servers of edge sites; null: not served. */
  readonly leaf: number | null;
}

/** A server before it has ports. */
export interface ServerPlace {
  readonly name: string;
  readonly region: string;
  /** Name of its NATS cluster. */
  readonly cluster: string;
  readonly tags: readonly string[];
}

export interface ServerPlan extends ServerPlace {
  readonly ports: ServerPorts;
  /** Regions whose founders it lets connect. */
  readonly founders: readonly RegionPlan[];
}

/** A region of the cluster, with the cell that serves it. */
export interface RegionPlan {
  readonly name: string;
  /** Port of the cell's health and status. */
  readonly http: number;
  /** As its file declares it. */
  readonly residency: ResidencyLists;
}

/** Everything a cluster is generated from. */
export interface ClusterPlan {
  readonly topology: Topology;
  readonly profile: Profile;
  readonly dataDirectory: string;
  readonly regions: readonly RegionPlan[];
  readonly servers: readonly ServerPlan[];
  readonly certificates: Certificates;
  readonly users: readonly Credentials[];
  /** What JetStream encrypts its files with. */
  readonly encryption: EncryptionKeys;
}

export const loopback = "127.0.0.1";

/** URL a client connects to. */
export const natsUrl = (ports: Pick<ServerPorts, "nats">): string =>
  `tls://${loopback}:${ports.nats}`;
/** URL of a cell's health and status. */
export const httpUrl = (region: Pick<RegionPlan, "http">): string =>
  `http://${loopback}:${region.http}`;
/** URL a browser connects to; without TLS in the demo profile, where it listens on loopback only. */
export const websocketUrl = (profile: Profile, port: number): string =>
  `${profile === "demo" ? "ws" : "wss"}://${loopback}:${port}`;

/** Servers of the region's own cluster, or its server of the stretched one. */
export const serversOf = (plan: ClusterPlan, region: string): readonly ServerPlan[] =>
  plan.servers.filter((each) => each.region === region && each.cluster !== globalCluster);
/** Servers that keep what is replicated over regions, the region's own first. */
export const globalServers = (plan: ClusterPlan, region: string): readonly ServerPlan[] => {
  const all = plan.servers.filter((each) => each.cluster === globalCluster);
  return [
    ...all.filter((each) => each.region === region),
    ...all.filter((each) => each.region !== region),
  ];
};

/** What streams are placed by: the region, its groups, and what of other regions it may keep. */
export function tagsOf(region: Region, regions: readonly Region[]): readonly string[] {
  const kept = regions.flatMap((home) =>
    dataClasses
      .filter((dataClass) => home.residency[dataClass]?.includes(region.name) !== false)
      .map((dataClass) => residencyTag(home.name, dataClass)),
  );
  return [regionTag(region.name), ...region.groups.map(groupTag), ...kept, ...region.tags];
}

/** The servers of a cluster of these regions. `declared`: all regions that any of them may keep data of. */
export function serverPlaces(
  topology: Topology,
  regions: readonly Region[],
  declared: readonly Region[],
): readonly ServerPlace[] {
  return regions.flatMap((region) => {
    const tags = tagsOf(region, declared);
    const place = (name: string, cluster: string): ServerPlace => ({
      name,
      region: region.name,
      cluster,
      tags,
    });
    if (topology === "compact") return [place(region.name, stretchedCluster)];
    const own = Array.from({ length: region.serverCount }, (_unused, index) =>
      place(`${region.name}-${index + 1}`, region.name),
    );
    return [...own, place(`${region.name}-${globalCluster}`, globalCluster)];
  });
}

/** Where a region's streams are made. */
export interface RegionPlacement {
  readonly control: AssetPlacement;
  readonly journals: AssetPlacement;
  readonly positions: AssetPlacement;
  readonly events: AssetPlacement;
}

const mostReplicas = 3;

/**
 * Which cluster keeps what of a region. Leases, directory and journals are kept over regions, always; what
 * actors write is as well where residency leaves three regions for it, else in the home region alone, with
 * as many replicas as that has servers; events stay in the home region.
 */
export function placementOf(
  topology: Topology,
  region: Region,
  regions: readonly Region[],
): RegionPlacement {
  const overRegions = topology === "compact" ? stretchedCluster : globalCluster;
  const atHome = topology === "compact" ? stretchedCluster : region.name;
  const homeReplicas = topology === "compact" ? 1 : Math.min(mostReplicas, region.serverCount);
  const replicas = Math.min(mostReplicas, regions.length);
  const keepers = regions.filter(
    (each) => region.residency.positions?.includes(each.name) !== false,
  );
  const home = [regionTag(region.name)];
  return {
    control: { cluster: overRegions, tags: [], replicas },
    journals: { cluster: overRegions, tags: [], replicas },
    positions:
      keepers.length >= replicas
        ? { cluster: overRegions, tags: [residencyTag(region.name, "positions")], replicas }
        : { cluster: atHome, tags: home, replicas: homeReplicas },
    events: { cluster: atHome, tags: home, replicas: homeReplicas },
  };
}
