import { suite } from "uvu";
import * as assert from "uvu/assert";

import { loadNativeEngine } from "../../native/index.ts";
import { testUnless } from "../../test/support/skip.ts";
import type { Log } from "../kernel/ports/log.ts";
import { refuse } from "../kernel/result.ts";
import { systemClock } from "../kernel/system-clock.ts";
import { chooseEngine } from "./engine.ts";

const test = suite("a cell's engine");

const probe = loadNativeEngine();
if (probe.ok) await probe.value.stop();
const noNative = probe.ok ? null : `${probe.failure.reason}; ${probe.failure.next}`;

class Lines implements Log {
  readonly warnings: object[] = [];
  info(): void {}
  error(): void {}
  warn(fields: object): void {
    this.warnings.push(fields);
  }
  child(): Log {
    return this;
  }
}

const missing = () => refuse("addon_missing", "the addon is not built", "npm run prestart");

for (const wanted of ["auto", "native"] as const) {
  testUnless(test, noNative, `is the native one with ${wanted} where the addon loads`, async () => {
    const log = new Lines();
    const engine = chooseEngine(wanted, systemClock(), log);
    assert.ok(engine.ok);
    if (!engine.ok) return;
    assert.is(engine.value.implementation, "native");
    assert.equal(log.warnings, []);
    await engine.value.stop();
  });
}

test("is the portable one with auto where the addon does not load, and the log says why", () => {
  const log = new Lines();
  const engine = chooseEngine("auto", systemClock(), log, missing);
  assert.ok(engine.ok && engine.value.implementation === "portable");
  const { failure } = missing();
  assert.equal(log.warnings, [{ code: failure.code, reason: failure.reason, next: failure.next }]);
});

test("is never another one than asked for", () => {
  const native = chooseEngine("native", systemClock(), new Lines(), missing);
  assert.ok(!native.ok && native.failure.code === "addon_missing");
  const portable = chooseEngine("portable", systemClock(), new Lines(), () => {
    throw new Error("the addon must not be loaded");
  });
  assert.ok(portable.ok && portable.value.implementation === "portable");
});

test.run();
