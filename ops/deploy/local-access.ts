import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { CellConfiguration, ClientGrants } from "../../schemas/configuration.ts";
import { writeWhole } from "./whole-file.ts";

/** Trading account of the one who starts a cluster, over shared memory. */
export const localAccount = 1_001;

/** Bytes that the address of a unix socket has room for, its closing zero not counted. */
const longestSocketPath = 107;

/**
 * Where processes of this machine connect to a region's cell over shared memory. The file of grants is
 * made at the first start, with one for the user who starts the cluster, and kept. Null when the path of
 * the data folder is too long for a socket.
 */
export function ensureLocalAccess(
  dataDirectory: string,
  region: string,
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
      grants: [{ token, user, account: localAccount, permissions: [] }],
    };
    writeWhole(grantsFile, `${JSON.stringify(first, null, 2)}\n`);
  }
  return { socket, grantsFile };
}
