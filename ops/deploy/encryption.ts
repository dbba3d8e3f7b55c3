import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { type Result, ok, refuse } from "../../actors/kernel/result.ts";
import { writeWhole } from "./whole-file.ts";

/** Keys that JetStream encrypts its files with: the one in use, and the one before while files may need it. */
export interface EncryptionKeys {
  readonly current: string;
  readonly previous: string | null;
}

const key = z.string().regex(/^[0-9a-f]{64}$/, "64 hexadecimal digits");
const keysSchema = z.strictObject({ current: key, previous: key.nullable() });

const newKey = (): string => randomBytes(32).toString("hex");

/**
 * The keys in `file` (mode 0600), made at the first call. Failure code: encryption_key_invalid; a new key
 * instead of a damaged one would make every stored stream unreadable.
 */
export function ensureEncryptionKeys(file: string): Result<EncryptionKeys> {
  if (!existsSync(file)) return storeKeys(file, { current: newKey(), previous: null });
  try {
    return ok(keysSchema.parse(JSON.parse(readFileSync(file, "utf8"))));
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    return refuse(
      "encryption_key_invalid",
      `${file}: ${reason}`,
      "restore the file from your backup: stored streams cannot be read without it",
    );
  }
}

/**
 * A new key in use, the old one kept as the previous one: a server that starts with both reads what the
 * old one wrote. Failure code: encryption_key_invalid.
 */
export function rotateEncryptionKeys(file: string): Result<EncryptionKeys> {
  const keys = ensureEncryptionKeys(file);
  if (!keys.ok) return keys;
  return storeKeys(file, { current: newKey(), previous: keys.value.current });
}

function storeKeys(file: string, keys: EncryptionKeys): Result<EncryptionKeys> {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeWhole(file, `${JSON.stringify(keys, null, 2)}\n`);
  return ok(keys);
}
