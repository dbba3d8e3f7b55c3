import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { cellConfigurationSchema, edgesFileSchema } from "../../schemas/configuration.ts";
import { edgesFile } from "./local-access.ts";

/** A TCP port that a process listens on. */
export interface OpenPort {
  readonly address: string;
  readonly port: number;
}

const listening = "0A";
const loopbackAddresses: ReadonlySet<string> = new Set([
  "0100007F",
  "00000000000000000000000001000000",
]);

function readLines(path: string): readonly string[] {
  try {
    return readFileSync(path, "utf8").trim().split("\n").slice(1);
  } catch {
    return [];
  }
}

/** Sockets that a process holds; none of a process that is gone or somebody else's. */
function socketsOf(pid: number): ReadonlySet<string> {
  const sockets = new Set<string>();
  try {
    const folder = `/proc/${pid}/fd`;
    for (const name of readdirSync(folder)) {
      const inode = /^socket:\[(\d+)\]$/.exec(targetOf(join(folder, name)))?.[1];
      if (inode !== undefined) sockets.add(inode);
    }
  } catch {
    return sockets;
  }
  return sockets;
}

function targetOf(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    // Closed since the folder was listed.
    return "";
  }
}

/** TCP ports that these processes listen on; `address` is `loopback`, or as the kernel has it. */
export function openPortsOf(pids: readonly number[]): readonly OpenPort[] {
  const found: OpenPort[] = [];
  for (const pid of pids) {
    const sockets = socketsOf(pid);
    for (const table of ["tcp", "tcp6"]) {
      for (const line of readLines(`/proc/${pid}/net/${table}`)) {
        const fields = line.trim().split(/\s+/);
        const [address = "", port = ""] = (fields[1] ?? "").split(":");
        if (fields[3] !== listening || !sockets.has(fields[9] ?? "")) continue;
        const known = loopbackAddresses.has(address) ? "loopback" : address;
        found.push({ address: known, port: Number.parseInt(port, 16) });
      }
    }
  }
  return found;
}

const listen = z.object({ listen: z.string() });
const serverSchema = listen.extend({
  cluster: listen.optional(),
  gateway: listen.optional(),
  websocket: listen.optional(),
  leafnodes: listen.optional(),
});

const portOf = (address: string): number => Number(address.slice(address.lastIndexOf(":") + 1));

/** TCP ports that the configuration files of a cluster name, and those that markets have written down. */
export function statedPorts(
  dataDirectory: string,
  servers: readonly string[],
  regions: readonly string[],
): ReadonlySet<number> {
  const ports = new Set<number>();
  const read = (...path: readonly string[]): unknown =>
    JSON.parse(readFileSync(join(dataDirectory, ...path), "utf8"));
  for (const server of servers) {
    const {
      listen: own,
      cluster,
      gateway,
      websocket,
      leafnodes,
    } = serverSchema.parse(read("nats", `${server}.conf`));
    const others = [cluster, gateway, websocket, leafnodes];
    for (const address of [own, ...others.map((part) => part?.listen)]) {
      if (address !== undefined) ports.add(portOf(address));
    }
  }
  for (const region of regions) {
    ports.add(cellConfigurationSchema.parse(read("cells", `${region}.json`)).http.port);
    for (const { orders, feed } of marketsOf(edgesFile(dataDirectory, region))) {
      ports.add(orders);
      ports.add(feed);
    }
  }
  return ports;
}

function marketsOf(file: string): readonly { readonly orders: number; readonly feed: number }[] {
  try {
    return Object.values(edgesFileSchema.parse(JSON.parse(readFileSync(file, "utf8"))).markets);
  } catch {
    // It is written when markets open their doors.
    return [];
  }
}
