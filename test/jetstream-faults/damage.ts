import {
  closeSync,
  fsyncSync,
  openSync,
  readSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";

import type { Randomness } from "../../actors/kernel/ports/randomness.ts";
import type { TestServer } from "../support/nats-cluster.ts";

/** Turns one bit of a file over; returns where. */
export function flipBit(file: string, random: Randomness): number {
  const at = random.below(statSync(file).size);
  const open = openSync(file, "r+");
  try {
    const byte = Buffer.alloc(1);
    readSync(open, byte, 0, 1, at);
    byte.writeUInt8(byte.readUInt8(0) ^ (1 << random.below(8)), 0);
    writeSync(open, byte, 0, 1, at);
    fsyncSync(open);
  } finally {
    closeSync(open);
  }
  return at;
}

/** Cuts a file somewhere; returns where. */
export function cutFile(file: string, random: Randomness): number {
  const at = random.below(Math.max(1, statSync(file).size));
  truncateSync(file, at);
  return at;
}

/** Every file below a folder whose name fits. */
export function filesBelow(folder: string, name: RegExp): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(
      (entry) =>
        entry.isFile() &&
        name.test(entry.name) &&
        statSync(join(entry.parentPath, entry.name)).size > 0,
    )
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Does something to the files of a server that is not running, as a damaged disk would. */
export async function whileDown(server: TestServer, damage: () => void): Promise<void> {
  await server.kill("SIGKILL");
  damage();
  await server.start();
}

/** What an operator does when a replica is damaged: the server copies the stream from its peers. */
export const copyAnew = (server: TestServer, streamFolder: string): Promise<void> =>
  whileDown(server, () => rmSync(streamFolder, { recursive: true, force: true }));
