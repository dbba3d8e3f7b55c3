/** `npm run models:oracles`: writes actors/models/ORACLES.md; the exit code is 1 when an oracle does not hold. */
import { writeFileSync } from "node:fs";

import { allowedError, errorReached } from "../../actors/models/oracle.ts";
import { oracleFiles, oraclePage, oraclePagePath } from "./oracle-page.ts";

const files = await oracleFiles();
writeFileSync(oraclePagePath, oraclePage(files));
const all = files.flatMap(({ path, oracles }) => oracles.map((oracle) => ({ path, oracle })));
for (const { path, oracle } of all) {
  const error = errorReached(oracle);
  if (error <= allowedError(oracle)) continue;
  process.exitCode = 1;
  console.error(
    `${path}: ${oracle.model}, ${oracle.quantity}: expected ${oracle.expected}, error ${error}, allowed ${allowedError(oracle)}`,
  );
}
console.log(`${all.length} oracles in ${files.length} files; written to actors/models/ORACLES.md`);
