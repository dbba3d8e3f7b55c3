import { readFileSync } from "node:fs";
import { type NatsConnection, connect } from "nats";
import { connectionOptions } from "../../actors/bus/nats.ts";

/** How to log in: a user's name, the file of its seed, the cluster's authority. */
export interface Login {
  readonly user: string;
  readonly seedFile: string;
  readonly authorityFile: string;
  readonly servers: readonly string[];
}

/** Connects as a user of the cluster; rejects when no server answers within `timeoutMs`. */
export async function connectAs(login: Login, timeoutMs = 2_000): Promise<NatsConnection> {
  const options = connectionOptions({
    servers: login.servers,
    user: login.user,
    seed: Buffer.from(readFileSync(login.seedFile, "utf8").trim()),
    authority: readFileSync(login.authorityFile, "utf8"),
  });
  return connect({ ...options, timeout: timeoutMs, reconnect: false });
}
