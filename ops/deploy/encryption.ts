import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { type Result, ok, refuse } from "../../actors/kernel/result.ts";
import { writeWhole } from "./whole-file.ts";

const key = z.string().regex(/^[0-9a-f]{64}$/, "64 hexadecimal digits");
const keysSchema = z
  .strictObject({
    current: key,
    /** The key before, while anything may be written with it. */
    previous: key.optional(),
    /** Servers that write with the key before still. */
    pending: z.array(z.string()).default([]),
  })
  .refine(({ previous, pending }) => previous !== undefined || pending.length === 0, {
    error: "pending servers, and no previous key",
  });

/** What JetStream encrypts its files with. */
export type EncryptionKeys = Readonly<z.infer<typeof keysSchema>>;

const newKey = (): string => randomBytes(32).toString("hex");

export function writeEncryptionKeys(file: string, keys: EncryptionKeys): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeWhole(file, `${JSON.stringify(keys, null, 2)}\n`);
}

/**
 * The keys in `file` (mode 0600) that JetStream encrypts its files with, made at the first call. Failure
 * code: encryption_key_invalid; a new key instead of a damaged one would make every stored stream unreadable.
 */
export function ensureEncryptionKeys(file: string): Result<EncryptionKeys> {
  if (!existsSync(file)) {
    const keys = { current: newKey(), pending: [] };
    writeEncryptionKeys(file, keys);
    return ok(keys);
  }
  try {
    return ok(keysSchema.parse(JSON.parse(readFileSync(file, "utf8"))));
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    return refuse(
      "encryption_key_invalid",
      `${file}: ${reason}`,
      "restore it from your backup: without this key the streams cannot be read",
    );
  }
}

/** Keys with a new one that these servers have yet to change to; one that was begun goes on. */
export function replacedKeys(
  { current, previous, pending }: EncryptionKeys,
  servers: readonly string[],
): EncryptionKeys {
  if (previous !== undefined && pending.length > 0) return { current, previous, pending };
  return { current: newKey(), previous: current, pending: [...servers] };
}

/** The server writes with the new key from its next start on. */
export const changedOver = (keys: EncryptionKeys, server: string): EncryptionKeys => ({
  ...keys,
  pending: keys.pending.filter((name) => name !== server),
});

/** Where no server runs: a key that nothing is written with any more is forgotten. */
export const withoutSpentKey = (keys: EncryptionKeys): EncryptionKeys =>
  keys.pending.length > 0 ? keys : { current: keys.current, pending: [] };

/** What a server is started with. `before`: opens what it kept alone until it is written anew. */
export function keysOfServer(
  keys: EncryptionKeys,
  server: string,
): { readonly key: string; readonly before: string | null } {
  const { current, previous = current, pending } = keys;
  if (pending.includes(server)) return { key: previous, before: null };
  return { key: current, before: previous === current ? null : previous };
}
