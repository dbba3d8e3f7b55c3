import { type DataClass, residencyTag } from "../../schemas/placement.ts";
import {
  actorSnapshotBucket,
  auditStream,
  directoryBucket,
  eventLogStream,
  eventStream,
  journalStream,
  leaseBucket,
} from "../../schemas/subjects.ts";
import type { Region } from "./regions.ts";

/** A stream as JetStream reports it. */
export interface StreamSite {
  readonly name: string;
  /** Tags that it was placed by. */
  readonly tags: readonly string[];
  /** Servers with a replica, offline ones as well: they keep what they have. */
  readonly servers: readonly string[];
  /** Streams that it copies from, as a mirror or by sources. */
  readonly origins: readonly string[];
}

/** A replica where the data may not be kept. */
export interface ResidencyFault {
  readonly stream: string;
  /** Where the data originates; empty: not known. */
  readonly home: string;
  readonly dataClass: DataClass | "unknown";
  readonly keptIn: string;
  readonly server: string;
  readonly allowed: readonly string[];
}

interface Origin {
  readonly home: string;
  readonly dataClass: DataClass;
}

/** Leases and directory: names of cells, actors and markets, no client's data. */
const controlStreams: ReadonlySet<string> = new Set([`KV_${leaseBucket}`, `KV_${directoryBucket}`]);

/** What is in a stream, by its name: an audit trail is of several regions. */
function originsByName(regions: readonly Region[]): ReadonlyMap<string, readonly Origin[]> {
  const origins = new Map<string, Origin[]>();
  const add = (stream: string, home: string, dataClass: DataClass): void => {
    origins.set(stream, [...(origins.get(stream) ?? []), { home, dataClass }]);
  };
  for (const { name: home, groups, markets } of regions) {
    add(eventLogStream(home), home, "positions");
    add(`KV_${actorSnapshotBucket(home)}`, home, "positions");
    add(eventStream(home), home, "events");
    const [group] = groups;
    add(auditStream(group ?? home), home, group === undefined ? "positions" : "orders");
    const journals = Object.values(markets).map((market) =>
      journalStream(market.group, market.shard),
    );
    for (const journal of new Set(journals)) add(journal, home, "orders");
  }
  return origins;
}

/** Of a journal that no file declares: it was made for a market that an operator made. */
const originsByTags = (site: StreamSite, regions: readonly Region[]): readonly Origin[] =>
  regions
    .filter(({ name }) => site.tags.includes(residencyTag(name, "orders")))
    .map(({ name }) => ({ home: name, dataClass: "orders" }));

/**
 * Replicas that are where residency does not allow them, copies of a stream like the stream itself.
 * `regionOf`: the region of a server, null for one that is not of this cluster. A stream whose content
 * is not known is a fault wherever it is: nobody can say that it may be there.
 */
export function residencyFaults(
  sites: readonly StreamSite[],
  regions: readonly Region[],
  regionOf: (server: string) => string | null,
): readonly ResidencyFault[] {
  const byName = originsByName(regions);
  const bySite = new Map(sites.map((site) => [site.name, site]));
  const originsOf = (name: string, seen: ReadonlySet<string>): readonly (Origin | null)[] => {
    const site = bySite.get(name);
    const copied = (site?.origins ?? []).filter((each) => !seen.has(each));
    if (copied.length > 0) {
      return copied.flatMap((each) => originsOf(each, new Set([...seen, each])));
    }
    const tagged = site === undefined ? [] : originsByTags(site, regions);
    const found = byName.get(name) ?? tagged;
    return found.length === 0 ? [null] : found;
  };
  return sites
    .filter(({ name }) => !controlStreams.has(name))
    .flatMap((site) =>
      originsOf(site.name, new Set([site.name])).flatMap((origin) =>
        site.servers.flatMap((server) => faultOf(site.name, server, origin, regions, regionOf)),
      ),
    );
}

function faultOf(
  stream: string,
  server: string,
  origin: Origin | null,
  regions: readonly Region[],
  regionOf: (server: string) => string | null,
): readonly ResidencyFault[] {
  const keptIn = regionOf(server);
  const place = { stream, keptIn: keptIn ?? "", server };
  if (origin === null) return [{ ...place, home: "", dataClass: "unknown", allowed: [] }];
  const { home, dataClass } = origin;
  const allowed = regions.find(({ name }) => name === home)?.residency[dataClass];
  if (keptIn !== null && allowed?.includes(keptIn) !== false) return [];
  return [{ ...place, home, dataClass, allowed: allowed ?? [] }];
}

/** One line for people. */
export const describeFault = (fault: ResidencyFault): string =>
  fault.dataClass === "unknown"
    ? `${fault.stream} on ${fault.server}: what is in it is not known, so that no region may keep it`
    : `${fault.stream} on ${fault.server}: ${fault.dataClass} of ${fault.home} may be kept in ${fault.allowed.join(", ") || "any region of the cluster"}, not in ${fault.keptIn || "a server of nobody"}`;
