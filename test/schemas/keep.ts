/**
 * Keeps the schemas as a release has them, for the tests of later ones:
 *
 *   node test/schemas/keep.ts RELEASE
 *
 * Run once, when the release is made. What is kept is never changed: it is what its programs write.
 */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { type KeptSchemas, presentRoot, samplesOf } from "./samples.ts";

const [release = ""] = process.argv.slice(2);
const file = join(import.meta.dirname, "kept", `${release}.json`);
if (!/^\d+\.\d+\.\d+$/.test(release) || existsSync(file)) {
  console.error(
    existsSync(file) ? `${release} is kept already` : "usage: keep.ts RELEASE, for example 0.2.0",
  );
  process.exit(2);
}
const root = presentRoot();
const kept: KeptSchemas = { release, descriptor: root.toJSON(), samples: samplesOf(root) };
writeFileSync(file, `${JSON.stringify(kept, null, 1)}\n`);
console.log(`${kept.samples.length} samples of ${release} are kept`);
