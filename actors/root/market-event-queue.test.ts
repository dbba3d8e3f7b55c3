import { suite } from "uvu";
import * as assert from "uvu/assert";

import { engineSlots } from "./engine.ts";
import type { EngineEvent } from "../kernel/ports/matching-engine.ts";
import type { Sequence } from "../kernel/units.ts";
import { EventQueue } from "../market/event-queue.ts";

const test = suite("events that wait until they are safe");

const ticked = (sequence: number): EngineEvent => ({
  kind: "ticked",
  sequence: sequence as Sequence,
  index: 0,
  last: true,
  tag: sequence % 7,
});

test("A2.1 events leave in order, up to the safe sequence, and remember whose command caused them", () => {
  const queue = new EventQueue(engineSlots());
  const count = 10_000;
  for (let sequence = 1; sequence <= count; sequence += 1) {
    queue.push(ticked(sequence), sequence % 3 === 0);
  }
  let expected = 1;
  for (const safe of [0, 1, 4_095, 4_096, 4_097, 9_999, count, count]) {
    queue.release(safe, (event, slot, foreign) => {
      assert.is(event.sequence, expected);
      assert.is(foreign, expected % 3 === 0);
      assert.is(slot.length, 64);
      expected += 1;
    });
    assert.is(expected, safe + 1);
  }
  assert.is(queue.length, 0);
});

test.run();
