/**
 * What decides where data is kept: data classes, the tags of servers that streams are placed by, and the
 * clusters of a supercluster.
 */

/** What residency is declared for. */
export const dataClasses = ["orders", "positions", "events"] as const;
/**
 * `orders`: journals of markets; `positions`: events and snapshots of strategies, executions and risk limits;
 * `events`: what a market tells its own region.
 */
export type DataClass = (typeof dataClasses)[number];

/** The cluster of a supercluster that has one server of each region. */
export const globalCluster = "glb";

/** The one cluster of the compact topology. */
export const stretchedCluster = "meridian";
/** Names that no region may have. */
export const reservedNames: readonly string[] = [stretchedCluster, globalCluster, "launcher"];

/** Tags of servers, lower case: nats-server compares them so. */
export const regionTag = (region: string): string => `region:${region}`.toLowerCase();
/** The server's region may hold journals of the replication group. */
export const groupTag = (group: string): string => `group:${group}`.toLowerCase();
/** The server's region may keep that class of data of `home`. */
export const residencyTag = (home: string, dataClass: DataClass): string =>
  `keeps:${home}.${dataClass}`.toLowerCase();

/** Where the streams of one kind are. */
export interface AssetPlacement {
  /** Empty: whichever; in the compact topology there is one. */
  readonly cluster: string;
  /** A server must have all of them. */
  readonly tags: readonly string[];
  readonly replicas: number;
}
