import { suite } from "uvu";
import * as assert from "uvu/assert";

import { silentLog } from "../../test/support/ports.ts";
import { missingAddon, testUnless } from "../../test/support/skip.ts";
import { systemClock } from "../kernel/system-clock.ts";
import type { Log } from "../kernel/ports/log.ts";
import { chooseEngine } from "./engine.ts";

const test = suite("the engine a cell runs on");
const clock = systemClock();

async function withAddonAt(path: string, body: () => Promise<void>): Promise<void> {
  const before = process.env["MERIDIAN_ADDON"];
  process.env["MERIDIAN_ADDON"] = path;
  try {
    await body();
  } finally {
    if (before === undefined) delete process.env["MERIDIAN_ADDON"];
    else process.env["MERIDIAN_ADDON"] = before;
  }
}

testUnless(test, missingAddon, "where the addon is built a cell runs on it unasked", async () => {
  for (const wanted of ["auto", "native"] as const) {
    const engine = chooseEngine(wanted, clock, silentLog);
    if (!engine.ok) throw new Error(engine.failure.reason);
    assert.is(engine.value.implementation, "native");
    await engine.value.stop();
  }
});

test("the portable engine runs when asked for, and where there is no addon, with the reason", async () => {
  const asked = chooseEngine("portable", clock, silentLog);
  assert.is(asked.ok && asked.value.implementation, "portable");
  const said: unknown[] = [];
  const log: Log = { ...silentLog, warn: (...line: readonly unknown[]) => void said.push(line) };
  await withAddonAt("/nowhere/meridian.node", async () => {
    const engine = chooseEngine("auto", clock, log);
    assert.is(engine.ok && engine.value.implementation, "portable");
    assert.match(JSON.stringify(said), /addon_missing.*no addon at \/nowhere/);
    const refused = chooseEngine("native", clock, log);
    assert.is(refused.ok ? "" : refused.failure.code, "addon_missing");
    assert.match(refused.ok ? "" : refused.failure.next, "node ops/bootstrap.mjs");
  });
});

test.run();
