import { suite } from "uvu";
import * as assert from "uvu/assert";

import { wire } from "../../../../schemas/messages.ts";
import { changesOf, limitCommand, limitFault, limitFields, limitsAfter } from "./limit-rules.ts";

const test = suite("limits as a form has them");

test("B8.7 the form has every limit of the schema, in its order", () => {
  const schema = Object.keys(Object.getPrototypeOf(wire.risk.v1.Limits.decode(new Uint8Array())));
  assert.equal(
    limitFields.map(({ field }) => field),
    schema.filter((name) => limitFields.some(({ field }) => field === name)),
  );
  const numbers = schema.filter((name) => /^(maximum|message|execution|collar)/.test(name));
  assert.is(limitFields.length, numbers.length, numbers.join());
});

test("B8.7 only what is written changes, and the rest is sent as it was", () => {
  const held = { maximumOrderQuantity: 10, maximumPosition: 500 };
  const changes = changesOf(held, {
    maximumPosition: "400",
    maximumOrderQuantity: "10",
    collar: "x",
    maximumLoss: "",
  });
  assert.equal(
    changes.map(({ flag, from, to }) => [flag, from, to]),
    [["position", 500, 400]],
  );
  const after = limitsAfter(held, changes);
  assert.equal([after.maximumOrderQuantity, after.maximumPosition, after.collar], [10, 400, 0]);
  assert.is(
    limitCommand("eu", "desk", changes, true),
    "npx meridian account limit desk --set position=400 --dry-run --region eu --as operator",
  );
});

test("a limit is a whole number that is exact", () => {
  assert.equal(["", "0", "12", "9007199254740991"].map(limitFault), [null, null, null, null]);
  for (const text of ["-1", "1.5", "1e3", "9007199254740993", "many"]) {
    assert.is(limitFault(text), "a whole number, 0 or more", text);
  }
});

test.run();
