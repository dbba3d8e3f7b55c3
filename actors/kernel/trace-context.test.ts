import { suite } from "uvu";
import * as assert from "uvu/assert";

import { parseTraceparent, traceparent } from "./trace-context.ts";

const test = suite("trace context");

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const spanId = "00f067aa0ba902b7";

test("the example of the recommendation is read and written again", () => {
  const text = `00-${traceId}-${spanId}-01`;
  const context = parseTraceparent(text);
  assert.equal(context, { traceId, spanId, isSampled: true });
  assert.is(context === null ? "" : traceparent(context), text);
  assert.is(parseTraceparent(`00-${traceId}-${spanId}-00`)?.isSampled, false);
});

test("a later version may have more fields, version 00 may not", () => {
  assert.is(parseTraceparent(`cc-${traceId}-${spanId}-01-what`)?.isSampled, true);
  assert.is(parseTraceparent(`00-${traceId}-${spanId}-01-what`), null);
});

test("what is no context is none", () => {
  for (const text of [
    "",
    "00",
    `ff-${traceId}-${spanId}-01`,
    `00-${"0".repeat(32)}-${spanId}-01`,
    `00-${traceId}-${"0".repeat(16)}-01`,
    `00-${traceId.toUpperCase()}-${spanId}-01`,
    `00-${traceId}-${spanId}-1`,
    `00-${traceId.slice(1)}-${spanId}-01`,
    `cc-${traceId}-${spanId}-01-${"x".repeat(1_000)}`,
  ]) {
    assert.is(parseTraceparent(text), null, text);
  }
});

test.run();
