import { readFileSync } from "node:fs";
import { join } from "node:path";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { repository } from "../../support/shared-data.ts";
import { huntMutant, mutants, withoutRules } from "./hunts.ts";

const test = suite("planted defects");

test("B7.8 each planted defect fits the sources as they are", () => {
  for (const { name, edits } of mutants) {
    for (const { file, find, replace } of edits) {
      const source = readFileSync(join(repository, file), "utf8");
      assert.is(source.split(find).length - 1, 1, `${name} in ${file}: ${find}`);
      assert.is.not(find, replace, name);
    }
  }
  assert.ok(mutants.length >= 20);
});

/** Those that the first runs find; `npm run soak -- mutants` hunts all of them. */
for (const name of ["no-adoption", "sessions-are-forgotten", "events-are-left-out"]) {
  test(`B7.8 a defect in the sources is found: ${name}`, async () => {
    const mutant = mutants.find((one) => one.name === name);
    if (mutant === undefined) throw new Error(`no mutant ${name}`);
    const { found, said } = await huntMutant(mutant, 1, 10);
    assert.ok(found, said);
  });
}

for (const mutant of withoutRules) {
  test(`B6.2 the trace of ${mutant.trace} fails when its rule is taken out of the sources: ${mutant.about}`, async () => {
    const { found, said } = await huntMutant(mutant, 1, 1);
    assert.ok(found, said);
  });
}

test.run();
