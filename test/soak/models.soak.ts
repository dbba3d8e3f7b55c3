import { globSync } from "node:fs";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";

import type { SoakOptions } from "../soak.ts";
import { repository } from "../support/shared-data.ts";

/**
 * The statistical versions of the model tests: every test/models/*.soak.ts exports
 * `soak(options)`, in the order of their names, each with the same seed. `count` is passed on: each
 * file names its unit and its default.
 */
export async function soak(options: SoakOptions): Promise<void> {
  const folder = join(repository, "test", "models");
  const files = globSync("*.soak.ts", { cwd: folder }).sort();
  if (files.length === 0) throw new Error("test/models holds no *.soak.ts");
  for (const file of files) {
    const started = performance.now();
    const module = (await import(pathToFileURL(join(folder, file)).href)) as {
      soak(options: SoakOptions): Promise<void> | void;
    };
    await module.soak(options);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`models: ${basename(file, ".soak.ts")} holds, ${seconds} s`);
  }
}
