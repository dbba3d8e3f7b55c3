import { existsSync, readFileSync } from "node:fs";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { allowedError, errorReached, type Oracle } from "../../actors/models/oracle.ts";
import { oracleFiles, oraclePage, oraclePagePath } from "./oracle-page.ts";

const test = suite("oracles");
const files = await oracleFiles();

test("B7.4 every oracle of every model holds within its tolerance", () => {
  const broken = files.flatMap(({ path, oracles }) =>
    oracles
      .filter((oracle) => !(errorReached(oracle) <= allowedError(oracle)))
      .map((oracle) => `${path}: ${oracle.model}, ${oracle.quantity}: ${errorReached(oracle)}`),
  );
  assert.equal(broken, []);
  assert.ok(files.some(({ oracles }) => oracles.length > 0));
});

test("B7.4 ORACLES.md is what `npm run models:oracles` writes", () => {
  assert.ok(existsSync(oraclePagePath));
  assert.is(readFileSync(oraclePagePath, "utf8"), oraclePage(files));
});

const oracle = (expected: string | number, computed: number, tolerance?: number): Oracle => ({
  model: "m",
  formula: "f",
  source: "s",
  provenance: "C",
  quantity: "q",
  expected,
  ...(tolerance === undefined ? {} : { tolerance }),
  compute: () => computed,
});

test("half a unit of the last printed digit is allowed, or a relative 1e-8 where that is more", () => {
  assert.is(allowedError(oracle("0.672", 0)), 0.5e-3);
  assert.is(allowedError(oracle("-2.50e-3", 0)), 0.5e-5);
  assert.is(allowedError(oracle("65", 0)), 0.5);
  assert.is(allowedError(oracle("66253.4893", 0)), 66253.4893e-8);
  assert.is(allowedError(oracle(0.5, 0)), 0.5e-8);
  assert.is(allowedError(oracle(0, 0)), 1e-8);
  assert.is(allowedError(oracle("65.0", 0, 0.7)), 0.7);
  assert.throws(() => allowedError(oracle("1/3", 0)), /decimal number/);
});

test("a computation that gives no number holds no oracle", () => {
  const error = errorReached(oracle("1.0", Number.NaN));
  assert.not(error <= allowedError(oracle("1.0", Number.NaN)));
});

test.run();
