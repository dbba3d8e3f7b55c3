import { readFileSync } from "node:fs";
import { type NatsConnection, connect, nkeyAuthenticator } from "nats";
import { inboxPrefix } from "../../schemas/subjects.ts";

/** How to log in: a user's name, the file of its seed, the cluster's authority. */
export interface Login {
  readonly user: string;
  readonly seedFile: string;
  readonly authorityFile: string;
  readonly servers: readonly string[];
}

/** Connects as a user of the cluster; throws when no server answers within `timeoutMs`. */
export async function connectAs(login: Login, timeoutMs = 2_000): Promise<NatsConnection> {
  const seed = Buffer.from(readFileSync(login.seedFile, "utf8").trim());
  return connect({
    servers: [...login.servers],
    name: `meridian ${login.user}`,
    authenticator: nkeyAuthenticator(seed),
    inboxPrefix: inboxPrefix(login.user),
    tls: { caFile: login.authorityFile },
    timeout: timeoutMs,
    noRandomize: true,
    maxReconnectAttempts: 2,
  });
}
