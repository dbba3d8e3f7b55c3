/** Writes regions/SURVIVES.md anew: node test/simulation/renew-survives.ts */
import { writeFileSync } from "node:fs";

import { survivalPage, survivesFile } from "./mode-survival.ts";

writeFileSync(survivesFile, await survivalPage());
