import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { allowedError, errorReached, type Oracle } from "../../actors/models/oracle.ts";
import { repository } from "../support/shared-data.ts";

const folder = join(repository, "actors", "models");
export const oraclePagePath = join(folder, "ORACLES.md");

export interface OracleFile {
  /** Path below actors/models. */
  readonly path: string;
  readonly oracles: readonly Oracle[];
}

/** Every `*.oracles.ts` under actors/models, in the order of their paths. */
export async function oracleFiles(): Promise<readonly OracleFile[]> {
  const paths = globSync("**/*.oracles.ts", { cwd: folder }).sort();
  return Promise.all(
    paths.map(async (path) => {
      const module = (await import(pathToFileURL(join(folder, path)).href)) as {
        readonly oracles?: readonly Oracle[];
      };
      if (!Array.isArray(module.oracles) || module.oracles.length === 0)
        throw new TypeError(`${path} exports no oracle under the name "oracles"`);
      return { path, oracles: module.oracles };
    }),
  );
}

/** The page as biome formats it; a function of the oracles alone. */
export function oraclePage(files: readonly OracleFile[]): string {
  const all = files.flatMap((file) => file.oracles);
  const text = [
    "# Oracles",
    "",
    "Written by `npm run models:oracles`; a test fails when this page is not what that command writes, and when an oracle",
    "does not hold. *From*: R read in the source; C computed independently of the code; M the source's number from memory,",
    "an unverified source value. *Allowed* and *reached* are absolute errors.",
    "",
    `${all.length} oracles.`,
    "",
    ...files.flatMap(section),
  ].join("\n");
  return formatted(text);
}

function section({ path, oracles }: OracleFile): string[] {
  const rows = oracles.map((oracle) =>
    [
      oracle.model,
      oracle.formula,
      oracle.source,
      oracle.provenance,
      oracle.quantity,
      String(oracle.expected),
      scientific(allowedError(oracle)),
      scientific(errorReached(oracle)),
    ]
      .map(cell)
      .join(" | "),
  );
  return [
    `## ${path}`,
    "",
    "| model | formula | source | from | quantity | oracle | allowed | reached |",
    "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ...rows.map((row) => `| ${row} |`),
    "",
  ];
}

/** Two digits are all that an error needs, and all that stays when sums are taken in another order. */
const scientific = (value: number): string => (value === 0 ? "0" : value.toExponential(0));

/** Characters that Markdown would read as a column, an emphasis or a tag. */
const cell = (text: string): string => text.replaceAll(/[|*_<>\\`]/g, (sign) => `\\${sign}`);

function formatted(text: string): string {
  const biome = join(repository, "node_modules", ".bin", "biome");
  const run = spawnSync(biome, ["format", "--stdin-file-path=ORACLES.md"], {
    cwd: repository,
    input: text,
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  if (run.status !== 0) throw new Error(`biome cannot format the page: ${run.stderr}`);
  return run.stdout;
}
