import { join } from "node:path";

import { missingForWideArea, runInside } from "../regions/wide-area.ts";
import type { SoakOptions } from "../soak.ts";
import { missingNatsServer } from "../support/nats-cluster.ts";
import { repository } from "../support/shared-data.ts";

const DEFAULT_DRILLS = 50;

/** Drills on three real regions in network namespaces, every fault in turn (default 50). */
export async function soak({ seed, count }: SoakOptions): Promise<void> {
  const missing = missingForWideArea() ?? missingNatsServer();
  if (missing !== null) throw new Error(missing);
  const program = join(repository, "test", "regions", "run.ts");
  const code = await runInside(program, [`--seed=${seed}`, `--count=${count ?? DEFAULT_DRILLS}`]);
  if (code === null) throw new Error("this machine does not allow network namespaces");
  if (code !== 0) throw new Error("a drill broke a promise");
}
