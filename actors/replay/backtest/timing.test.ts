import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../../test/support/seed.ts";
import { modelRandomness } from "../../models/random/generator.ts";
import { Agenda } from "./agenda.ts";
import { Channel, constantDelay } from "./latency.ts";

const test = suite("timing of a backtest");
const SEED = seed(60_606);

test("the agenda gives the earliest first, and what was added first among equals", () => {
  const random = modelRandomness(SEED);
  const agenda = new Agenda<readonly [number, number]>();
  const all: (readonly [number, number])[] = [];
  const taken: (readonly [number, number])[] = [];
  for (let added = 0; added < 3_000; added += 1) {
    // Times fall into few values, and only later than what was taken: equals are frequent.
    const after = taken[taken.length - 1]?.[0] ?? 0;
    const entry = [after + random.below(20), added] as const;
    all.push(entry);
    agenda.add(entry[0], entry);
    if (random.below(3) > 0) continue;
    const first = agenda.take();
    if (first !== null) taken.push(first);
  }
  for (let one = agenda.take(); one !== null; one = agenda.take()) taken.push(one);
  assert.is(taken.length, all.length);
  taken.forEach((entry, at) => {
    const before = taken[at - 1];
    if (before === undefined) return;
    const isLater = entry[0] > before[0] || (entry[0] === before[0] && entry[1] > before[1]);
    assert.ok(isLater, `SEED=${SEED} ${String(before)} before ${String(entry)}`);
  });
  assert.is(agenda.next, Number.POSITIVE_INFINITY);
  assert.is(agenda.take(), null);
});

test("messages of a channel never overtake, however late one of them is", () => {
  const channel = new Channel({ kind: "lognormal", medianNs: 50_000, sigma: 1 }, SEED);
  const delays: number[] = [];
  let last = 0;
  for (let sent = 0; sent < 20_000; sent += 1) {
    const now = sent * 1_000;
    const arrival = channel.arrival(now);
    assert.ok(arrival >= last && arrival > now);
    last = arrival;
    delays.push(arrival - now);
  }
  assert.ok(new Set(delays).size > 100);
});

test("half of the delays of a quiet channel are above the median that was asked for", () => {
  const channel = new Channel({ kind: "lognormal", medianNs: 50_000, sigma: 0.5 }, SEED);
  let above = 0;
  const sent = 4_000;
  for (let message = 0; message < sent; message += 1) {
    const now = message * 1e9;
    if (channel.arrival(now) - now > 50_000) above += 1;
  }
  // Standard error of the share: 0.0079.
  assert.ok(Math.abs(above / sent - 0.5) < 4 * 0.0079, `SEED=${SEED} ${above / sent}`);
  const steady = new Channel(constantDelay(7_000), SEED);
  assert.equal(
    [1, 2, 900].map((now) => steady.arrival(now)),
    [7_001, 7_002, 7_900],
  );
});

test.run();
