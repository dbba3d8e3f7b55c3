import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { type Result, ok, refuse } from "../../actors/kernel/result.ts";
import { writeWhole } from "./whole-file.ts";

const keySchema = z.strictObject({
  current: z.string().regex(/^[0-9a-f]{64}$/, "64 hexadecimal digits"),
});

/**
 * The key in `file` (mode 0600) that JetStream encrypts its files with, made at the first call. Failure code:
 * encryption_key_invalid; a new key instead of a damaged one would make every stored stream unreadable.
 */
export function ensureEncryptionKey(file: string): Result<string> {
  if (!existsSync(file)) {
    const current = randomBytes(32).toString("hex");
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeWhole(file, `${JSON.stringify({ current }, null, 2)}\n`);
    return ok(current);
  }
  try {
    return ok(keySchema.parse(JSON.parse(readFileSync(file, "utf8"))).current);
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    return refuse(
      "encryption_key_invalid",
      `${file}: ${reason}`,
      "restore the file from your backup: stored streams cannot be read without it",
    );
  }
}
