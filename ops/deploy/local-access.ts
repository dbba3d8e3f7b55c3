import { randomBytes, randomInt } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { CellConfiguration, ClientGrants, EdgeAccess } from "../../schemas/configuration.ts";
import type { Profile } from "./roles.ts";
import { writeWhole } from "./whole-file.ts";

/** Trading account of the one who starts a cluster, over shared memory. */
export const localAccount = 1_001;

/** User and member name of the one who starts a cluster, for OUCH and the feeds. */
export const localMember = "local";

/** Bytes that the address of a unix socket has room for, its closing zero not counted. */
const longestSocketPath = 107;

/**
 * Where processes of this machine connect to a region's cell over shared memory. The file of grants is
 * made at the first start and kept: in the demo profile with one for the user who starts the cluster, in
 * production with none. Null when the path of the data folder is too long for a socket.
 */
export function ensureLocalAccess(
  dataDirectory: string,
  region: string,
  profile: Profile,
): CellConfiguration["clients"] {
  const socket = join(dataDirectory, "cells", region, "clients.sock");
  if (Buffer.byteLength(socket) > longestSocketPath) return null;
  const folder = join(dataDirectory, "clients");
  const grantsFile = join(folder, `${region}.json`);
  if (!existsSync(grantsFile)) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const token = randomBytes(32).toString("hex");
    const user = process.getuid?.() ?? 0;
    const first: ClientGrants = {
      grants: profile === "demo" ? [{ token, user, account: localAccount, permissions: [] }] : [],
    };
    writeWhole(grantsFile, `${JSON.stringify(first, null, 2)}\n`);
  }
  return { socket, grantsFile };
}

/**
 * OUCH and ITCH of a region's markets, on loopback and any free ports. The access file is made at the first
 * start and kept: in the demo profile with one member and subscriber for the user who starts the cluster, in
 * production with none. All regions have the
 * same: a market's next owner must recognize, by the member's session, what the last one was sent.
 */
export function ensureEdges(
  dataDirectory: string,
  host: string,
  profile: Profile,
): NonNullable<CellConfiguration["edges"]> {
  const folder = join(dataDirectory, "clients");
  const accessFile = join(folder, "edges.json");
  if (!existsSync(accessFile)) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const password = randomBytes(5).toString("hex");
    const session = randomInt(1, 2 ** 48 - 1);
    const local: EdgeAccess = {
      members: [
        {
          username: localMember,
          password,
          session,
          account: localAccount,
          firm: "HOME",
          group: 0,
          cancelOnDisconnect: false,
        },
      ],
      subscribers: [{ username: localMember, password }],
    };
    const first = profile === "demo" ? local : { members: [], subscribers: [] };
    writeWhole(accessFile, `${JSON.stringify(first, null, 2)}\n`);
  }
  return { accessFile, host, packetsHost: host, ports: {}, symbols: {}, feed: true };
}

/** Where a region's cell writes where its markets listen. */
export const edgesFile = (dataDirectory: string, region: string): string =>
  join(dataDirectory, "cells", region, "edges.json");
