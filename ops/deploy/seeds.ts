import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createUser, fromSeed } from "@nats-io/nkeys";
import type { User } from "./roles.ts";

/** A user with its public key and the file of its seed. */
export interface Credentials {
  readonly user: User;
  readonly publicKey: string;
  readonly seedFile: string;
}

function storedPublicKey(path: string): string | null {
  if (!existsSync(path)) return null;
  try {
    return fromSeed(Buffer.from(readFileSync(path, "utf8").trim())).getPublicKey();
  } catch {
    // A damaged seed cannot log in any more: the user gets a new one.
    return null;
  }
}

/** The users' nkeys in `folder`, made at the first call; seeds are files of mode 0600. */
export function ensureSeeds(folder: string, users: readonly User[]): readonly Credentials[] {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return users.map((user) => {
    const seedFile = join(folder, `${user.name}.nk`);
    const stored = storedPublicKey(seedFile);
    if (stored !== null) return { user, publicKey: stored, seedFile };
    const pair = createUser();
    const draft = `${seedFile}.${process.pid}`;
    writeFileSync(draft, `${Buffer.from(pair.getSeed()).toString("utf8")}\n`, { mode: 0o600 });
    renameSync(draft, seedFile);
    return { user, publicKey: pair.getPublicKey(), seedFile };
  });
}
