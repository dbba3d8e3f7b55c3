import { suite } from "uvu";
import * as assert from "uvu/assert";

import { atOnce, code, stateOf, tell } from "../../test/support/conformance-world.ts";
import { ms, probe, type ProbeWorld, probeWorld } from "../../test/support/probe-actors.ts";
import type { ActorDefinition } from "./actor.ts";
import { supervisorSpec } from "./child-spec.ts";

/** System messages, stash and receive time-outs; the mailbox as a queue is in mailbox.test.ts. */
const test = suite("actor mailbox");

const a = "/top/a";

async function world(mailbox: Partial<ActorDefinition["mailbox"]> = {}): Promise<ProbeWorld> {
  const made = probeWorld(mailbox);
  const intensity = { maximumRestarts: 100, within: ms(1_000) };
  const spec = supervisorSpec("top", [probe("a")], { backoff: atOnce, intensity });
  assert.ok((await made.system.start(spec)).ok);
  made.news();
  return made;
}

/** Keeps the actor at work for 10 ms, so that what is sent now waits. */
async function occupy(made: ProbeWorld): Promise<void> {
  await tell(made, a, { do: "work", forMs: 10 });
}

const texts = (made: ProbeWorld): string[] =>
  made.news().flatMap((line) => /^echo a (.*)$/.exec(line)?.[1] ?? []);

test("B7.8 a system message is worked on before all ordinary ones that wait, and in order among its kind", async () => {
  const made = await world();
  await occupy(made);
  const ref = made.ref(a);
  for (const text of ["1", "2"]) ref.send({ do: "echo", text });
  for (const text of ["s1", "s2"]) ref.signal({ do: "echo", text });
  ref.send({ do: "echo", text: "3" });
  await made.pass(10);
  assert.equal(texts(made), ["s1", "s2", "1", "2", "3"]);
});

test("B7.8 a full mailbox keeps no system message out, and system messages have a bound of their own", async () => {
  const made = await world({ capacity: 2, signals: 2 });
  await occupy(made);
  const ref = made.ref(a);
  const echo = { do: "echo", text: "x" } as const;
  assert.equal([ref.send(echo), ref.send(echo)].map(code), ["ok", "busy"]);
  assert.equal([1, 2, 3].map(() => ref.signal(echo)).map(code), ["ok", "ok", "busy"]);
  assert.is(made.system.counters().refusals["busy"], 2);
  await made.pass(10);
  assert.is(texts(made).length, 3);
});

test("B7.8 an ask in the system lane is answered though the mailbox is full of asks that wait for their answers", async () => {
  const made = await world({ capacity: 3 });
  const silent = [1, 2, 3].map(() => made.ref(a).ask({ do: "stay_silent" }, ms(10_000)));
  await made.clock.settle();
  assert.is(code(await made.ref(a).ask({ do: "echo", text: "x" }, ms(10))), "busy");
  const asked = made.ref(a).ask({ do: "echo", text: "urgent" }, ms(10), "system");
  await made.clock.settle();
  assert.equal(await asked, { ok: true, value: "urgent" });
  await made.pass(10_000);
  assert.equal((await Promise.all(silent)).map(code), ["timeout", "timeout", "timeout"]);
});

test("B7.8 a system message does not overtake the one in work, and survives a restart like all others", async () => {
  const made = await world({ parkAfter: 1 });
  made.ref(a).send({ do: "crash", text: "x" });
  made.ref(a).send({ do: "echo", text: "ordinary" });
  made.ref(a).signal({ do: "echo", text: "system" });
  await made.clock.settle();
  assert.equal(texts(made), ["system", "ordinary"]);
  assert.is(made.system.counters().parked, 1);
});

test("B7.8 a system message that keeps crashing its actor is parked, too", async () => {
  const made = await world({ parkAfter: 3 });
  made.ref(a).signal({ do: "crash", text: "poison" });
  made.ref(a).send({ do: "echo", text: "next" });
  await made.clock.settle();
  assert.equal(texts(made), ["next"]);
  assert.equal(made.system.deadLetters.counts(), { poison: 1 });
});

test("B7.8 stashed messages wait until they are let go, and then come first, in their order", async () => {
  const made = await world();
  for (const text of ["1", "2"]) await tell(made, a, { do: "stash", text });
  await tell(made, a, { do: "echo", text: "meanwhile" });
  assert.equal(made.news(), ["echo a meanwhile"]);
  made.ref(a).send({ do: "open" });
  made.ref(a).send({ do: "echo", text: "behind" });
  await made.clock.settle();
  assert.equal(made.news(), ["open a", "unstashed a 1", "unstashed a 2", "echo a behind"]);
});

test("B7.8 what is stashed takes room in the mailbox", async () => {
  const made = await world({ capacity: 2 });
  for (const text of ["1", "2"]) await tell(made, a, { do: "stash", text });
  assert.is(code(made.ref(a).send({ do: "echo", text: "x" })), "busy");
  assert.is(code(made.ref(a).signal({ do: "open" })), "ok");
  await made.clock.settle();
  assert.is(code(made.ref(a).send({ do: "echo", text: "x" })), "ok");
});

test("B7.8 an ask that is stashed is answered when it is let go", async () => {
  const made = await world();
  const asked = made.ref(a).ask({ do: "stash", text: "1" }, ms(100));
  await made.pass(50);
  made.ref(a).send({ do: "open" });
  await made.pass(50);
  assert.equal(await asked, { ok: true, value: "1" });
});

test("B7.8 a restart lets go what was stashed, before what waits", async () => {
  const made = await world({ parkAfter: 1 });
  await tell(made, a, { do: "stash", text: "1" });
  made.ref(a).send({ do: "crash", text: "x" });
  await made.clock.settle();
  // Delivered: the one that was stashed, the crash, and the stashed one again to the new incarnation.
  assert.is(made.system.counters().delivered, 3);
  await tell(made, a, { do: "open" });
  assert.equal(made.news().slice(-2), ["open a", "unstashed a 1"]);
});

test("B7.8 a stop moves what was stashed to the dead letters, first what came first", async () => {
  const made = await world();
  await tell(made, a, { do: "stash", text: "1" });
  await occupy(made);
  made.ref(a).send({ do: "echo", text: "2" });
  const stopped = made.system.terminateChild(a);
  await made.pass(10);
  await stopped;
  assert.equal(
    made.system.deadLetters.list().map(({ reason, message }) => `${reason} ${message}`),
    ['actor_ended {"do":"stash","text":"1"}', 'actor_ended {"do":"echo","text":"2"}'],
  );
});

test("B7.8 a receive time-out calls back when nothing came for that long, and again after each such span", async () => {
  const made = await world();
  await tell(made, a, { do: "receive_timeout", afterMs: 100 });
  await made.pass(99);
  assert.equal(made.news(), []);
  await made.pass(1);
  assert.equal(made.news(), ["idle a"]);
  await made.pass(200);
  assert.equal(made.news(), ["idle a", "idle a"]);
});

test("B7.8 every message starts a receive time-out anew, and one in work keeps it off", async () => {
  const made = await world();
  await tell(made, a, { do: "receive_timeout", afterMs: 100 });
  await made.pass(90);
  await tell(made, a, { do: "echo", text: "x" });
  await made.pass(90);
  made.ref(a).send({ do: "work", forMs: 150 });
  await made.pass(249);
  assert.equal(made.news(), ["echo a x", "work a", "worked a"]);
  await made.pass(1);
  assert.equal(made.news(), ["idle a"]);
});

test("B7.8 a receive time-out ends when it is taken back, and with its incarnation", async () => {
  const made = await world({ parkAfter: 1 });
  await tell(made, a, { do: "receive_timeout", afterMs: 100 });
  await tell(made, a, { do: "receive_timeout", afterMs: null });
  await tell(made, a, { do: "receive_timeout", afterMs: 50 });
  await tell(made, a, { do: "crash", text: "x" });
  made.news();
  await made.pass(1_000);
  assert.equal(made.news(), []);
  assert.is(stateOf(made, a), "open");
});

test.run();
