import { createServer } from "node:net";
import { type Result, ok, refuse } from "../../actors/kernel/result.ts";
import { globalCluster } from "../../schemas/placement.ts";
import type { Region } from "./regions.ts";
import {
  type FirstPorts,
  type PortKind,
  type ServerPlace,
  type ServerPorts,
  type Topology,
  loopback,
  portKinds,
} from "./topology.ts";

/** First port of each kind; region number i wants the first plus i. */
export const defaultPorts: Required<FirstPorts> = {
  nats: 4222,
  route: 6222,
  http: 8600,
  websocket: 9222,
  gateway: 7222,
  leaf: 7422,
};

/** A port of a server, or of a region's cell. */
export interface WantedPort {
  /** Name of the server; of the region for its cell. */
  readonly owner: string;
  readonly region: string;
  readonly kind: PortKind;
  readonly port: number;
  /** The region's file says so: no other one will do. */
  readonly declared: boolean;
}

/** A port that was wanted and is taken, and the one used instead. */
export interface MovedPort {
  readonly region: string;
  readonly kind: PortKind;
  readonly wanted: number;
  readonly used: number;
}

/** True when nobody listens on the port of loopback. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: loopback, exclusive: true }, () => {
      server.close(() => resolve(true));
    });
  });
}

const highestPort = 65_535;

/** Kinds of ports that a server has. */
function kindsOf(topology: Topology, cluster: string): readonly PortKind[] {
  if (topology === "compact") return ["nats", "route", "websocket", "leaf"];
  return cluster === globalCluster
    ? ["nats", "route", "gateway"]
    : ["nats", "route", "websocket", "gateway", "leaf"];
}

/**
 * The ports of a cluster: region number i wants the first of each kind plus i, its second server that plus
 * the number of regions, and so on. `regions` in the order of their numbers.
 */
export function wantedPorts(
  topology: Topology,
  regions: readonly Region[],
  places: readonly ServerPlace[],
  first: FirstPorts,
): readonly WantedPort[] {
  const cells = regions.map(
    (region, number): WantedPort => ({
      owner: region.name,
      region: region.name,
      kind: "http",
      port: region.ports.http ?? first.http + number,
      declared: region.ports.http !== undefined,
    }),
  );
  const servers = regions.flatMap((region, number) =>
    places
      .filter((place) => place.region === region.name)
      .flatMap((place, rank) =>
        kindsOf(topology, place.cluster).map((kind): WantedPort => {
          const declarable = rank === 0 && kind !== "gateway" && kind !== "leaf";
          const said = declarable ? region.ports[kind] : undefined;
          return {
            owner: place.name,
            region: region.name,
            kind,
            port: said ?? (first[kind] ?? defaultPorts.leaf) + rank * regions.length + number,
            declared: said !== undefined,
          };
        }),
      ),
  );
  return [...cells, ...servers];
}

/** Failure code: ports_overlap (two ranges of wanted ports meet). */
function checkOverlap(wanted: readonly WantedPort[]): Result<void> {
  const seen = new Map<number, WantedPort>();
  for (const want of wanted) {
    const other = seen.get(want.port);
    if (other !== undefined) {
      return refuse(
        "ports_overlap",
        `port ${want.port} is wanted twice: as ${other.kind} of ${other.owner} and as ${want.kind} of ${want.owner}`,
        `choose first ports that lie further apart: ${portKinds.map((kind) => `--${kind}-port`).join(", ")}`,
      );
    }
    seen.set(want.port, want);
  }
  return ok(undefined);
}

/**
 * A port for each that is wanted: that one, or the next free one, by owner and kind. Failure codes:
 * ports_overlap; port_taken (one that a region's file declares); ports_exhausted.
 */
export async function choosePorts(wanted: readonly WantedPort[]): Promise<
  Result<{
    readonly ports: Readonly<Record<string, Readonly<Partial<Record<PortKind, number>>>>>;
    readonly moved: readonly MovedPort[];
  }>
> {
  const apart = checkOverlap(wanted);
  if (!apart.ok) return apart;
  // A port that another server wants is not "the next free one": one taken port moves one server.
  const reserved = new Set(wanted.map(({ port }) => port));
  const moved: MovedPort[] = [];
  const ports: Record<string, Partial<Record<PortKind, number>>> = {};
  for (const { owner, region, kind, port: want, declared } of wanted) {
    let port = want;
    while (
      port <= highestPort &&
      !((port === want || !reserved.has(port)) && (await isFree(port)))
    ) {
      if (declared) {
        return refuse(
          "port_taken",
          `${kind} port ${want}, which ${region} has to have, is taken`,
          "stop what listens there (ss -ltn), or declare another one in its region.toml",
        );
      }
      port += 1;
    }
    if (port > highestPort) {
      return refuse(
        "ports_exhausted",
        `no free ${kind} port from ${want} on for ${owner}`,
        "stop what listens there: ss -ltn",
      );
    }
    if (port !== want) {
      moved.push({ region, kind, wanted: want, used: port });
      reserved.add(port);
    }
    ports[owner] = { ...ports[owner], [kind]: port };
  }
  return ok({ ports, moved });
}

/** The ports of one server, as chosen. Throws RangeError when it was not given a port it needs. */
export function serverPorts(
  chosen: Readonly<Record<string, Readonly<Partial<Record<PortKind, number>>>>>,
  server: string,
): ServerPorts {
  const { nats, route, websocket = null, gateway = null, leaf = null } = chosen[server] ?? {};
  if (nats === undefined || route === undefined) {
    throw new RangeError(`server ${server} has no ports`);
  }
  return { nats, route, websocket, gateway, leaf };
}
