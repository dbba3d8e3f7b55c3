import * as assert from "uvu/assert";
import { suite } from "uvu";

import { testUnless } from "../support/skip.ts";
import { explore, missingBuildTools, prepareExplorer, told } from "./explore.ts";
import { counterexamples, needless, slice } from "./runs.ts";

/** Every state of the ownership protocol within bounds; README.md says what is modelled. */
const test = suite("ownership model");
const LIMIT_MS = 120_000;

test.before(async () => {
  if (missingBuildTools === null) await prepareExplorer();
});

for (const { without, title, bounds, broken, steps } of counterexamples) {
  testUnless(test, missingBuildTools, `B6.2 ${title}`, async () => {
    const found = await explore(`--without=${without} ${bounds}`, LIMIT_MS);
    assert.is(found.broken, broken, told(found));
    let at = -1;
    for (const step of steps) {
      at = found.trace.findIndex((line, index) => index > at && step.test(line));
      assert.ok(at >= 0, `${String(step)} is not on the way:\n${told(found)}`);
    }
    // The very same bounds with the rule.
    const kept = await explore(bounds, LIMIT_MS);
    assert.equal([kept.broken, kept.complete], ["none", true], told(kept));
  });
}

for (const { name, bounds } of needless) {
  testUnless(
    test,
    missingBuildTools,
    `B6.2 left out alone it breaks nothing: ${name}`,
    async () => {
      const found = await explore(bounds, LIMIT_MS);
      assert.equal([found.broken, found.complete], ["none", true], told(found));
    },
  );
}

for (const { name, bounds } of slice) {
  testUnless(
    test,
    missingBuildTools,
    `B6.2 with every rule nothing is broken in any state: ${name}`,
    async () => {
      const found = await explore(bounds, LIMIT_MS);
      assert.equal([found.broken, found.complete], ["none", true], told(found));
      assert.ok(found.states > 500, `only ${found.states} states`);
    },
  );
}

test.run();
