/**
 * Long runs of what CI runs a slice of: `npm run soak -- NAME [--seed=N] [--count=N]`. Each soak is a
 * file test/soak/NAME.soak.ts that exports `soak(options)`, prints what it counted and throws when it found a fault.
 */
import { existsSync, globSync } from "node:fs";
import { basename, join } from "node:path";

import { repository } from "./support/shared-data.ts";

export interface SoakOptions {
  readonly seed: number;
  /** How much of whatever the soak counts; each soak names its unit and its default. */
  readonly count: number | null;
}

const given = process.argv.slice(2);
const name = given.find((argument) => !argument.startsWith("--"));
const folder = join(repository, "test", "soak");
const known = globSync("*.soak.ts", { cwd: folder }).map((file) => basename(file, ".soak.ts"));
if (name === undefined || !existsSync(join(folder, `${name}.soak.ts`))) {
  console.error(
    `${name === undefined ? "no soak named" : `no soak "${name}"`}; one of: ${known.join(", ")}`,
  );
  process.exit(2);
}
const option = (key: string): number | null => {
  const text = given.find((argument) => argument.startsWith(`--${key}=`))?.slice(key.length + 3);
  return text === undefined ? null : Number(text);
};
const options: SoakOptions = {
  seed: option("seed") ?? Math.floor(performance.timeOrigin) % 2 ** 31,
  count: option("count"),
};
console.log(`soak ${name}: SEED=${options.seed}`);
const started = performance.now();
const module = (await import(join(folder, `${name}.soak.ts`))) as {
  soak(options: SoakOptions): Promise<void>;
};
await module.soak(options);
console.log(`soak ${name}: passed in ${Math.round((performance.now() - started) / 1000)} s`);
