import { readFileSync, statSync } from "node:fs";

import type { z } from "zod";

import { ok, refuse, type Result } from "../kernel/result.ts";
import { describeIssues } from "./reference-data.ts";

const anybodyElse = 0o077;

/** A JSON file with secrets, which nobody but its owner can read. Code: configuration_invalid. */
export function readPrivateFile<Data>(file: string, schema: z.ZodType<Data>): Result<Data> {
  const bad = (fault: string, next = `correct ${file}`): Result<never> =>
    refuse("configuration_invalid", `${file}: ${fault}`, next);
  try {
    if ((statSync(file).mode & anybodyElse) !== 0) {
      return bad("others than its owner can read the secrets in it", `chmod 600 ${file}`);
    }
    const checked = schema.safeParse(JSON.parse(readFileSync(file, "utf8")));
    return checked.success ? ok(checked.data) : bad(describeIssues(checked.error));
  } catch (error) {
    return bad(error instanceof Error ? error.message : "it cannot be read");
  }
}
