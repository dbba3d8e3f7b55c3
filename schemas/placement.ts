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

/** Regions that may keep what originates in a region, by class of data; a class without a list: any. */
export type ResidencyLists = Readonly<Partial<Record<DataClass, readonly string[]>>>;

/**
 * Regions that a client's data of one class may go through: those that may keep what originates in `home`, of
 * `regions`, in their order. `residencyOf`: what the home region declares.
 */
export const allowedRegions = (
  regions: readonly string[],
  residencyOf: ResidencyLists | undefined,
  dataClass: DataClass,
): readonly string[] =>
  regions.filter((region) => residencyOf?.[dataClass]?.includes(region) !== false);

/** Where the streams of one kind are. */
export interface AssetPlacement {
  /** Empty: whichever; in the compact topology there is one. */
  readonly cluster: string;
  /** A server must have all of them. */
  readonly tags: readonly string[];
  readonly replicas: number;
}
