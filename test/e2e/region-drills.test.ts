import { join } from "node:path";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { loadNativeEngine } from "../../native/index.ts";
import { missingForWideArea, runInside } from "../regions/wide-area.ts";
import { missingNatsServer } from "../support/nats-cluster.ts";
import { repository } from "../support/shared-data.ts";
import { seed } from "../support/seed.ts";
import { testUnless } from "../support/skip.ts";

/** A slice of `npm run soak -- region-drills`. */

const test = suite("drills on three regions");
const probe = loadNativeEngine();
if (probe.ok) await probe.value.stop();
const missing =
  missingForWideArea() ?? missingNatsServer() ?? (probe.ok ? null : probe.failure.reason);
const program = join(repository, "test", "regions", "run.ts");

testUnless(
  test,
  missing,
  "B8.3 B9.4 B9.7 a killed region, a partition that heals and an owner cut from the leaders lose, change and double no acknowledged order",
  async () => {
    const code = await runInside(program, [
      `--seed=${seed(20_261)}`,
      "--count=3",
      "--lasts=5000",
      "--faults=region_killed,healing_under_load,partial_partition",
    ]);
    if (code === null) {
      console.log("SKIP drills on three regions: this machine does not allow network namespaces");
      return;
    }
    assert.is(code, 0, "a promise was broken: see the lines that begin with BROKEN");
  },
);

test.run();
