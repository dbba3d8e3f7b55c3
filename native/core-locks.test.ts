import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { repository } from "../test/support/shared-data.ts";
import { missingAddon, testUnless } from "../test/support/skip.ts";
import { until } from "../test/support/until.ts";
import { loadNativeEngine } from "./index.ts";

const test = suite("core locks between processes");
const missing =
  missingAddon ??
  (availableParallelism() === 2
    ? null
    : "needs a machine of two processors: with more there is a core for both");

testUnless(
  test,
  missing,
  "A4.1 the second engine of a host of two cores runs fused and unpinned until the first is gone",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "core-locks-"));
    const program = `
      import { loadNativeEngine } from ${JSON.stringify(join(repository, "native/index.ts"))};
      const engine = loadNativeEngine({ processor: "auto", coreLocks: ${JSON.stringify(folder)} });
      console.log(engine.ok && engine.value.health().placement.isSplit);
      setInterval(() => {}, 1000);
    `;
    const other = spawn(process.execPath, ["--input-type=module", "--eval", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      const [line] = (await once(createInterface({ input: other.stdout }), "line")) as [string];
      assert.is(line, "true");
      assert.is(readdirSync(folder).length, 1);
      const loaded = loadNativeEngine({ processor: "auto", coreLocks: folder });
      if (!loaded.ok) throw new Error(loaded.failure.reason);
      const engine = loaded.value;
      const { isSplit, match, isPinned } = engine.health().placement;
      assert.equal([isSplit, match, isPinned], [false, null, false]);
      other.kill("SIGKILL");
      await once(other, "exit");
      await until("the core of a process that was killed is free", async () => {
        return engine.health().placement.isSplit;
      });
      await engine.stop();
    } finally {
      other.kill("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

test.run();
