import { suite } from "uvu";
import * as assert from "uvu/assert";

import {
  atOnce,
  code,
  fail,
  finish,
  inner,
  restartsOf,
  startsIn,
  stateOf,
  tell,
  tree,
} from "../../test/support/conformance-world.ts";
import { ms, probe, type ProbeWorld } from "../../test/support/probe-actors.ts";

/** What OTP documents of links, exit signals, monitors and the ends of a gen_server. */
const test = suite("OTP links");

const [a, b, c] = ["/top/a", "/top/b", "/top/c"] as const;
const three = (): Promise<ProbeWorld> => tree([probe("a"), probe("b"), probe("c")]);

// Links

test("B7.8 a link takes the other end along when one fails, whoever made the link", async () => {
  for (const ended of [a, b]) {
    const made = await three();
    await tell(made, a, { do: "link", path: b });
    await fail(made, ended);
    assert.equal([restartsOf(made, a), restartsOf(made, b), restartsOf(made, c)], [1, 1, 0]);
  }
});

test("B7.8 the other end ends for the same reason, and says whose it was", async () => {
  const made = await three();
  await tell(made, a, { do: "link", path: b });
  await fail(made, a);
  const failure = made.system.tree().find(({ path }) => path === b)?.lastFailure;
  assert.is(failure, "Error: linked to /top/a: failed (link)");
});

test("B7.8 links are transitive: an exit goes through all that are linked", async () => {
  const made = await three();
  await tell(made, a, { do: "link", path: b });
  await tell(made, b, { do: "link", path: c });
  await fail(made, a);
  assert.equal(
    [a, b, c].map((path) => restartsOf(made, path)),
    [1, 1, 1],
  );
});

test("B7.8 a normal exit does not end the other end", async () => {
  const made = await three();
  await tell(made, a, { do: "link", path: b });
  await finish(made, a);
  assert.is(restartsOf(made, b), 0);
  assert.is(made.system.sizes().linked, 0, "the link has ended all the same");
});

test("B7.8 an exit as shutdown ends the other end as shutdown", async () => {
  const made = await tree([probe("a"), probe("b", { restart: "transient" })]);
  await tell(made, a, { do: "link", path: b });
  await made.system.terminateChild(a);
  await made.clock.settle();
  assert.is(stateOf(made, b), "stopped", "a transient child is not restarted after shutdown");
});

test("B7.8 a kill ends the other end as killed", async () => {
  const made = await tree([probe("a", { shutdown: "brutal_kill" }), probe("b")]);
  const reasons: string[] = [];
  made.system.watch(b, (exit) => reasons.push(exit.reason.kind));
  await tell(made, a, { do: "link", path: b });
  await made.system.terminateChild(a);
  await made.clock.settle();
  assert.equal(reasons, ["killed"]);
});

test("B7.8 a link to nobody is an exit signal noproc", async () => {
  const made = await three();
  await tell(made, a, { do: "link", path: "/top/none" });
  assert.match(
    made.system.tree().find(({ path }) => path === a)?.lastFailure ?? "",
    /NoProcError: no actor runs at \/top\/none \(link\)/,
  );
});

test("B7.8 a link ends with either end: who restarts has none", async () => {
  const made = await three();
  await tell(made, a, { do: "link", path: b });
  await fail(made, a);
  await fail(made, a);
  assert.is(restartsOf(made, b), 1);
  assert.is(made.system.sizes().linked, 0);
});

test("B7.8 unlink undoes a link from either end", async () => {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    const made = await three();
    await tell(made, a, { do: "link", path: b });
    await tell(made, from, { do: "unlink", path: to });
    await fail(made, a);
    assert.is(restartsOf(made, b), 0);
    assert.is(made.system.sizes().linked, 0);
  }
});

test("B7.8 linking twice is one link: one unlink undoes it", async () => {
  const made = await three();
  await tell(made, a, { do: "link", path: b });
  await tell(made, a, { do: "link", path: b });
  await tell(made, a, { do: "unlink", path: b });
  await fail(made, a);
  assert.is(restartsOf(made, b), 0);
});

test("B7.8 a link to oneself is nothing", async () => {
  const made = await three();
  await tell(made, a, { do: "link", path: a });
  assert.is(made.system.sizes().linked, 0);
  await fail(made, a);
  assert.is(restartsOf(made, a), 1);
});

test("B7.8 who traps exits is told of them and goes on", async () => {
  const made = await three();
  await tell(made, a, { do: "trap_exits", trap: true });
  await tell(made, a, { do: "link", path: b });
  await fail(made, b);
  assert.ok(made.news().includes("a trapped /top/b failed"));
  assert.is(restartsOf(made, a), 0);
});

test("B7.8 who traps exits is told of normal ones, too, and of noproc", async () => {
  const made = await three();
  await tell(made, a, { do: "trap_exits", trap: true });
  await tell(made, a, { do: "link", path: b });
  await tell(made, a, { do: "link", path: "/top/none" });
  await finish(made, b);
  assert.equal(
    made.news().filter((line) => line.includes("trapped")),
    ["a trapped /top/none noproc", "a trapped /top/b normal"],
  );
});

test("B7.8 trapping ends when it is undone, and with the incarnation", async () => {
  const made = await three();
  await tell(made, a, { do: "trap_exits", trap: true });
  await tell(made, a, { do: "trap_exits", trap: false });
  await tell(made, a, { do: "link", path: b });
  await fail(made, b);
  assert.is(restartsOf(made, a), 1);
  await tell(made, a, { do: "trap_exits", trap: true });
  await fail(made, a);
  await tell(made, a, { do: "link", path: b });
  await fail(made, b);
  assert.is(restartsOf(made, a), 3);
});

test("B7.8 a supervisor's end reaches who is linked to it, and no link ends a supervisor", async () => {
  const made = await tree([probe("a"), inner([probe("x")])]);
  await tell(made, a, { do: "link", path: "/top/inner" });
  await fail(made, a);
  assert.is(stateOf(made, "/top/inner"), "running");
  await tell(made, a, { do: "link", path: "/top/inner" });
  await made.system.terminateChild("/top/inner");
  await made.clock.settle();
  assert.is(restartsOf(made, a), 2);
});

test("B7.8 an exit that comes by a link counts against the supervisor's intensity", async () => {
  const made = await tree([probe("a"), probe("b")], {
    intensity: { maximumRestarts: 1, within: ms(1_000) },
  });
  await tell(made, a, { do: "link", path: b });
  await fail(made, a);
  assert.is((await made.system.ended).reason.kind, "failed");
});

test("B7.8 a message in work is not blamed for an exit that came by a link", async () => {
  const made = await tree([probe("a"), probe("b")], {
    intensity: { maximumRestarts: 100, within: ms(1_000) },
  });
  await tell(made, b, { do: "link", path: a });
  made.ref(b).send({ do: "work", forMs: 50 });
  for (let count = 0; count < 5; count += 1) {
    await fail(made, a);
    await tell(made, a, { do: "link", path: b });
  }
  await made.pass(100);
  assert.is(made.system.counters().parked, 0);
  assert.ok(made.news().includes("worked b"));
});

// Monitors

test("B7.8 a monitor tells the exit once, and is gone then", async () => {
  const made = await three();
  await tell(made, a, { do: "monitor", path: b });
  await fail(made, b);
  await fail(made, b);
  assert.equal(
    made.news().filter((line) => line.includes("down")),
    ["a down /top/b#1 failed"],
  );
  assert.is(made.system.sizes().watched, 0);
});

test("B7.8 a monitor tells every kind of exit, also the normal one", async () => {
  const made = await three();
  await tell(made, a, { do: "monitor", path: b });
  await finish(made, b);
  await tell(made, a, { do: "monitor", path: b });
  await made.system.terminateChild(b);
  await made.clock.settle();
  assert.equal(
    made.news().filter((line) => line.includes("down")),
    ["a down /top/b#1 normal", "a down /top/b#2 shutdown"],
  );
});

test("B7.8 a monitor of nobody tells noproc", async () => {
  const made = await three();
  await tell(made, a, { do: "monitor", path: "/top/none" });
  assert.ok(made.news().includes("a down /top/none#0 noproc"));
});

test("B7.8 a monitor has one direction: the end of the watcher ends nobody", async () => {
  const made = await three();
  await tell(made, a, { do: "monitor", path: b });
  await fail(made, a);
  assert.is(restartsOf(made, b), 0);
  assert.is(made.system.sizes().watched, 0);
});

test("B7.8 monitors add up: two of them tell twice", async () => {
  const made = await three();
  await tell(made, a, { do: "monitor", path: b });
  await tell(made, a, { do: "monitor", path: b });
  await fail(made, b);
  assert.is(made.news().filter((line) => line === "a down /top/b#1 failed").length, 2);
});

// gen_server

test("B7.8 a call to a server that fails on it is answered with a failure, not left waiting", async () => {
  const made = await three();
  const asked = made.ref(a).ask({ do: "crash", text: "on it" }, ms(100_000));
  await made.pass(1);
  assert.is(code(await asked), "internal");
});

test("B7.8 a call that is not answered in its time fails for the caller and not for the server", async () => {
  const made = await three();
  const asked = made.ref(a).ask({ do: "stay_silent" }, ms(50));
  await made.pass(50);
  assert.is(code(await asked), "timeout");
  assert.is(restartsOf(made, a), 0);
});

test("B7.8 a call to nobody fails at once", async () => {
  const made = await three();
  const ref = made.ref(a);
  await made.system.terminateChild(a);
  assert.is(code(await ref.ask({ do: "echo", text: "x" }, ms(1))), "not_found");
});

test("B7.8 terminate is called for an orderly stop, and not after a failure", async () => {
  const made = await three();
  await fail(made, a);
  assert.not.ok(made.news().includes("terminate a"));
  await made.system.terminateChild(a);
  assert.ok(made.news().includes("terminate a"));
});

test("B7.8 init that fails is a failed start, and the server never runs", async () => {
  const made = await tree([probe("a", { start: { failStarts: [2] } })], {
    intensity: { maximumRestarts: 5, within: ms(1_000) },
    backoff: { ...atOnce, initial: ms(10), maximum: ms(10) },
  });
  await fail(made, a);
  await made.pass(10);
  assert.equal(startsIn(made.news()), []);
  await made.pass(10);
  assert.equal(startsIn(made.news()), ["a#3"]);
});

test.run();
