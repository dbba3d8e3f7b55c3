import { globSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { parse } from "smol-toml";
import { z } from "zod";

import { parseSteps } from "./scenario-language.ts";
import type { Line } from "./scenario-language.ts";

const folder = dirname(fileURLToPath(import.meta.url));

const caseShape = z.strictObject({
  /** A sentence: what happens. */
  name: z.string().regex(/^[A-Z0-9].{10,}[^.]$/),
  /** What of native/engine/README.md it is about; names are in `rules.ts`. */
  rules: z.array(z.string()).min(1),
  /** Options of the first `configure`; "none": the case begins unconfigured. */
  given: z.string().optional(),
  /** Kinds of events that are not compared. */
  ignore: z.array(z.string()).optional(),
  /** Why the case is not played yet. */
  skip: z.string().optional(),
  steps: z.string(),
});
const fileShape = z.strictObject({
  title: z.string(),
  ignore: z.array(z.string()).optional(),
  case: z.array(caseShape).min(1),
});

export interface Case {
  readonly file: string;
  readonly name: string;
  readonly rules: readonly string[];
  readonly ignored: ReadonlySet<string>;
  readonly skip: string | null;
  /** Parsed anew each time: some cases have tens of thousands of lines. */
  lines(): readonly Line[];
}

/** Every case of every file; throws an Error that says which file cannot be read. */
export function loadCases(): Case[] {
  return globSync("*.toml", { cwd: folder })
    .sort()
    .flatMap((file) => {
      const read = fileShape.safeParse(parse(readFileSync(join(folder, file), "utf8")));
      if (!read.success) throw new Error(`${file}: ${z.prettifyError(read.error)}`);
      const { data } = read;
      return data.case.map((one): Case => {
        const configure = one.given === "none" ? "" : `configure ${one.given ?? ""}\n`;
        const ignored = new Set(one.ignore ?? data.ignore ?? []);
        const { name, rules, skip = null } = one;
        const lines = (): readonly Line[] => parseSteps(configure + one.steps);
        return { file: basename(file, ".toml"), name, rules, ignored, skip, lines };
      });
    });
}
