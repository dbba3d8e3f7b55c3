import { type NatsConnection, connect } from "nats";
import { loginFrom } from "../../actors/bus/login-files.ts";
import { connectionOptions } from "../../actors/bus/nats.ts";

/** How to log in: a user's name, the file of its seed (its certificate lies beside), the cluster's authority. */
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
    ...loginFrom(login.seedFile, login.authorityFile),
  });
  return connect({ ...options, timeout: timeoutMs, reconnect: false });
}
