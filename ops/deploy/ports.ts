import { createServer } from "node:net";
import { type Result, ok, refuse } from "../../actors/kernel/result.ts";
import { type RegionPorts, loopback } from "./topology.ts";

/** First port of each kind; region number i wants the first plus i. */
export const defaultPorts: RegionPorts = {
  nats: 4222,
  route: 6222,
  http: 8600,
  websocket: 9222,
};

/** A port that was wanted and is taken, and the one used instead. */
export interface MovedPort {
  readonly region: string;
  readonly kind: keyof RegionPorts;
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

const kinds = ["nats", "route", "http", "websocket"] as const;
const highestPort = 65_535;

/**
 * Ports for each region: those wanted, or the next free ones. Failure code: ports_exhausted.
 */
export async function choosePorts(
  regions: readonly string[],
  first: RegionPorts,
): Promise<
  Result<{
    readonly ports: Readonly<Record<string, RegionPorts>>;
    readonly moved: readonly MovedPort[];
  }>
> {
  // A port that another region wants is not "the next free one": one taken port moves one region.
  const wanted = new Set(
    kinds.flatMap((kind) => regions.map((_region, index) => first[kind] + index)),
  );
  const moved: MovedPort[] = [];
  const ports: Record<string, RegionPorts> = {};
  for (const [index, region] of regions.entries()) {
    const chosen = { ...first };
    for (const kind of kinds) {
      const want = first[kind] + index;
      let port = want;
      while (
        port <= highestPort &&
        !((port === want || !wanted.has(port)) && (await isFree(port)))
      ) {
        port += 1;
      }
      if (port > highestPort) {
        return refuse(
          "ports_exhausted",
          `no free ${kind} port from ${want} on for ${region}`,
          "stop what listens there: ss -ltn",
        );
      }
      if (port !== want) {
        moved.push({ region, kind, wanted: want, used: port });
        wanted.add(port);
      }
      chosen[kind] = port;
    }
    ports[region] = chosen;
  }
  return ok({ ports, moved });
}
