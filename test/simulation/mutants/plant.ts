/** Loaded before a hunt: changes source files as they are read (`node --import`). */
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { repository } from "../../support/shared-data.ts";
import { mutants } from "./mutants.ts";

const name = process.env["MERIDIAN_MUTANT"] ?? "";
const mutant = mutants.find((one) => one.name === name);
if (mutant === undefined) throw new Error(`no mutant ${JSON.stringify(name)}`);
const sources = new Map<string, string>();
for (const { file, find, replace } of mutant.edits) {
  const url = pathToFileURL(join(repository, file)).href;
  const source = sources.get(url) ?? readFileSync(join(repository, file), "utf8");
  sources.set(
    url,
    source.replace(find, () => replace),
  );
}

registerHooks({
  load(url, context, next) {
    const source = sources.get(url);
    const loaded = next(url, context);
    return source === undefined ? loaded : { ...loaded, source };
  },
});
