import { suite } from "uvu";

import { checkCrashRun, crashRun } from "../../test/support/crash-run.ts";
import { seed } from "../../test/support/seed.ts";

const test = suite("crashes");

test("B7.7 after 20,000 crashes every registry of the kernel is as it was (npm run soak -- crashes: 10^6)", async () => {
  checkCrashRun(await crashRun(seed(20_261_126), 20_000));
});

test.run();
