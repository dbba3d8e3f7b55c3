import { readFileSync } from "node:fs";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { survivalPage, survivesFile } from "./mode-survival.ts";

const test = suite("what each mode survives");

test("B9.3 the table of what each mode survives is what the simulation finds", async () => {
  assert.fixture(readFileSync(survivesFile, "utf8"), await survivalPage());
});

test.run();
