import { suite } from "uvu";
import * as assert from "uvu/assert";

import { faultOf, type Parameter, parametersOf } from "./spawn-rules.ts";

const test = suite("the spawn form");

const parameter = (change: Partial<Parameter>): Parameter => ({
  name: "p",
  description: "",
  unit: "",
  format: "",
  required: false,
  minimum: null,
  maximum: null,
  whole: false,
  choices: [],
  fallback: "",
  ...change,
});

test("a text outside its schema is told with what is allowed", () => {
  const range = parameter({ minimum: 1, maximum: 100, whole: true });
  assert.is(faultOf(range, ""), null, "what may be left out has its default");
  assert.is(faultOf({ ...range, required: true }, ""), "it is needed");
  assert.is(faultOf(range, "7"), null);
  assert.is(faultOf(range, "0"), "at least 1");
  assert.is(faultOf(range, "101"), "at most 100");
  assert.is(faultOf(range, "7.5"), "a whole number");
  assert.is(faultOf(range, "1e3"), "a number like 0.1");
  assert.is(faultOf(parameter({ choices: ["buy", "sell"] }), "hold"), "one of buy, sell");
});

test("a field has the unit, range, default and choices of its schema", () => {
  const [gamma, side] = parametersOf({
    properties: {
      gamma: {
        minimum: 0,
        maximum: 100,
        default: "0.1",
        unit: "per tick",
        description: "aversion",
      },
      side: { enum: ["buy", "sell"] },
    },
    required: ["side"],
  });
  assert.equal([gamma?.unit, gamma?.fallback, gamma?.required], ["per tick", "0.1", false]);
  assert.equal([side?.choices, side?.required], [["buy", "sell"], true]);
});

test.run();
