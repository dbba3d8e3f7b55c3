import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../test/support/seed.ts";
import { seededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import { formatPrice, parsePrice, parseWhole } from "./prices.ts";

const test = suite("prices and numbers as people write them");

test("a price is units with the market's decimals", () => {
  assert.is(formatPrice(6_400_050, 2), "64000.50");
  assert.is(formatPrice(5, 2), "0.05");
  assert.is(formatPrice(-5, 2), "-0.05");
  assert.is(formatPrice(42, 0), "42");
  assert.equal(parsePrice("64000.50", 2), { ok: true, value: 6_400_050 });
  assert.equal(parsePrice("64000.5", 2), { ok: true, value: 6_400_050 });
  assert.equal(parsePrice("64000", 2), { ok: true, value: 6_400_000 });
  assert.equal(parsePrice("64000.5000", 2), { ok: true, value: 6_400_050 });
});

test("what is no price, or finer than the market's units, is refused", () => {
  for (const text of ["", "abc", "1e5", "-1", "1.", ".5", "1,5", "1.005", "9".repeat(16)]) {
    const parsed = parsePrice(text, 2);
    assert.ok(!parsed.ok && parsed.failure.code === "usage", text);
  }
});

test("writing and reading a price gives the same units", () => {
  const first = seed(4);
  const random = seededRandomness(first);
  for (let step = 0; step < 1_000; step += 1) {
    const decimals = random.below(10);
    const units = random.below(2 ** 31);
    const text = formatPrice(units, decimals);
    assert.equal(parsePrice(text, decimals), { ok: true, value: units }, `SEED=${first} ${text}`);
  }
});

test("a whole number has bounds", () => {
  assert.equal(parseWhole("7", "level", 10), { ok: true, value: 7 });
  for (const text of ["0", "-1", "1.5", "11", "", "x", "99999999999999999"]) {
    assert.ok(!parseWhole(text, "level", 10).ok, text);
  }
});

test.run();
