import { suite } from "uvu";
import * as assert from "uvu/assert";

import {
  atOnce,
  code,
  fail,
  finish,
  inner,
  listed,
  restartsOf,
  startsIn,
  stateOf,
  tree,
} from "../../test/support/conformance-world.ts";
import { ms, probe, probeWorld } from "../../test/support/probe-actors.ts";
import { type ChildSpec, supervisorSpec } from "./child-spec.ts";

/** What OTP documents of the supervisor behaviour: start, restart types, strategies, intensity, stop. */
const test = suite("OTP supervisor");

const restartTypes = ["permanent", "transient", "temporary"] as const;
const trio = (): ChildSpec[] => [probe("a"), probe("b"), probe("c")];

// Start and stop

test("B7.8 children are started in the order of the list, each after the one before", async () => {
  const made = probeWorld();
  await made.system.start(supervisorSpec("top", trio()));
  assert.equal(startsIn(made.news()), ["a#1", "b#1", "c#1"]);
});

test("B7.8 children are stopped in reverse order of start", async () => {
  const made = await tree(trio());
  await made.system.stop();
  assert.equal(
    made.news().filter((line) => line.startsWith("exit")),
    ["exit c#1", "exit b#1", "exit a#1"],
  );
});

test("B7.8 a start that fails stops the children already started, in reverse, and fails the supervisor", async () => {
  const made = probeWorld();
  const bad = probe("bad", { start: { failStarts: [1] } });
  const started = await made.system.start(supervisorSpec("top", [probe("a"), probe("b"), bad]));
  assert.is(code(started), "start_failed");
  assert.equal(
    made.news().filter((line) => line.startsWith("exit")),
    ["exit b#1", "exit a#1"],
  );
});

test("B7.8 after a start that failed no later child is started", async () => {
  const made = probeWorld();
  const bad = probe("bad", { start: { failStarts: [1] } });
  await made.system.start(supervisorSpec("top", [bad, probe("after")]));
  assert.equal(startsIn(made.news()), []);
});

test("B7.8 an empty list of children is allowed", async () => {
  const made = await tree([]);
  assert.is(stateOf(made, "/top"), "running");
  assert.equal(listed(made, "/top"), []);
});

test("B7.8 a child that has nothing to do (ignore) keeps its place without running", async () => {
  const made = await tree([probe("a", { start: { ignoreStarts: [1] } }), probe("b")]);
  assert.equal(listed(made, "/top"), ["a worker stopped", "b worker running"]);
});

test("B7.8 a temporary child that has nothing to do is not kept", async () => {
  const made = await tree([
    probe("a", { restart: "temporary", start: { ignoreStarts: [1] } }),
    probe("b"),
  ]);
  assert.equal(listed(made, "/top"), ["b worker running"]);
});

test("B7.8 a child that had nothing to do is started when it is asked for again", async () => {
  const made = await tree([probe("a", { start: { ignoreStarts: [1] } })]);
  assert.is(code(await made.system.restartChild("/top/a")), "ok");
  assert.is(stateOf(made, "/top/a"), "open");
});

test("B7.8 shutdown with a time: the child is asked to stop and has that long", async () => {
  const made = await tree([probe("a", { start: { terminateMs: 90 }, shutdown: ms(100) })]);
  const stopped = made.system.stop();
  await made.pass(90);
  await stopped;
  assert.equal(made.news(), ["terminate a", "terminated a", "exit a#1"]);
});

test("B7.8 shutdown with a time: after it the child is killed", async () => {
  const made = await tree([probe("a", { start: { terminateMs: 110 }, shutdown: ms(100) })]);
  const stopped = made.system.stop();
  await made.pass(99);
  assert.equal(made.news(), ["terminate a"]);
  await made.pass(1);
  await stopped;
  assert.equal(made.news(), ["exit a#1"]);
});

test("B7.8 shutdown brutal_kill: the child is not asked", async () => {
  const made = await tree([probe("a", { shutdown: "brutal_kill" })]);
  await made.system.stop();
  assert.equal(made.news(), ["exit a#1"]);
});

test("B7.8 shutdown infinity: the supervisor waits as long as it takes", async () => {
  const made = await tree([
    probe("a", { start: { terminateMs: 10_000_000 }, shutdown: "infinity" }),
  ]);
  const stopped = made.system.stop();
  await made.pass(9_999_999);
  assert.equal(made.news(), ["terminate a"]);
  await made.pass(1);
  await stopped;
  assert.equal(made.news(), ["terminated a", "exit a#1"]);
});

test("B7.8 each child has a shutdown time of its own, counted from its own turn", async () => {
  const made = await tree([
    probe("a", { start: { terminateMs: "forever" }, shutdown: ms(30) }),
    probe("b", { start: { terminateMs: "forever" }, shutdown: ms(70) }),
  ]);
  const stopped = made.system.stop();
  await made.pass(70);
  assert.equal(made.news(), ["terminate b", "exit b#1", "terminate a"]);
  await made.pass(29);
  assert.equal(made.news(), []);
  await made.pass(1);
  await stopped;
  assert.equal(made.news(), ["exit a#1"]);
});

test("B7.8 a supervisor stopped by its parent ends as shutdown, and so do its children", async () => {
  const made = await tree([inner([probe("x")])]);
  const reasons: string[] = [];
  for (const path of ["/top/inner", "/top/inner/x"]) {
    made.system.watch(path, (exit) => reasons.push(`${exit.path} ${exit.reason.kind}`));
  }
  await made.system.stop();
  await made.clock.settle();
  assert.equal(reasons, ["/top/inner/x shutdown", "/top/inner shutdown"]);
});

// Restart types

for (const restart of restartTypes) {
  test(`B7.8 a ${restart} child ${restart === "temporary" ? "is never" : "is"} restarted after a failure`, async () => {
    const made = await tree([probe("a", { restart })]);
    await fail(made, "/top/a");
    assert.equal(startsIn(made.news()), restart === "temporary" ? [] : ["a#2"]);
  });

  test(`B7.8 a ${restart} child ${restart === "permanent" ? "is" : "is not"} restarted after a normal exit`, async () => {
    const made = await tree([probe("a", { restart })]);
    await finish(made, "/top/a");
    assert.equal(startsIn(made.news()), restart === "permanent" ? ["a#2"] : []);
  });
}

test("B7.8 a transient child that ends as shutdown is not restarted", async () => {
  const group = inner([probe("x", { restart: "temporary", significant: true })], {
    autoShutdown: "any_significant",
  });
  const made = await tree([{ ...group, restart: "transient" }]);
  await finish(made, "/top/inner/x");
  assert.is(stateOf(made, "/top/inner"), "stopped");
});

test("B7.8 a transient child that is killed is restarted", async () => {
  const made = await tree([
    probe("victim", { restart: "transient" }),
    inner([probe("slow", { start: { terminateMs: "forever" }, shutdown: ms(10) })]),
  ]);
  made.ref("/top/victim").send({ do: "link", path: "/top/inner/slow" });
  await made.clock.settle();
  const stopping = made.system.terminateChild("/top/inner/slow");
  await made.pass(10);
  await stopping;
  assert.equal(startsIn(made.news()), ["victim#2"]);
});

test("B7.8 a permanent child whose normal exit repeats uses up the intensity too", async () => {
  const made = await tree([probe("a")], {
    intensity: { maximumRestarts: 1, within: ms(1_000) },
  });
  await finish(made, "/top/a");
  await finish(made, "/top/a");
  assert.is((await made.system.ended).reason.kind, "failed");
});

test("B7.8 the specification of a temporary child is forgotten when it ends", async () => {
  const made = await tree([probe("a", { restart: "temporary" })]);
  await fail(made, "/top/a");
  assert.is(code(made.system.childSpec("/top/a")), "not_found");
});

test("B7.8 the specification of a transient child stays when it ends normally", async () => {
  const made = await tree([probe("a", { restart: "transient" })]);
  await finish(made, "/top/a");
  assert.equal(listed(made, "/top"), ["a worker stopped"]);
});

// Strategies

test("B7.8 one_for_one restarts only the child that ended", async () => {
  const made = await tree(trio());
  await fail(made, "/top/b");
  assert.equal(made.news(), ["exit b#1", "start b#2"]);
});

test("B7.8 one_for_all stops all the others in reverse, then starts all in order", async () => {
  const made = await tree(trio(), { strategy: "one_for_all" });
  await fail(made, "/top/b");
  assert.equal(made.news(), [
    "exit b#1",
    "terminate c",
    "exit c#1",
    "terminate a",
    "exit a#1",
    "start a#2",
    "start b#2",
    "start c#2",
  ]);
});

test("B7.8 rest_for_one stops and restarts those started after the child that ended, not those before", async () => {
  const made = await tree(trio(), { strategy: "rest_for_one" });
  await fail(made, "/top/b");
  assert.equal(made.news(), ["exit b#1", "terminate c", "exit c#1", "start b#2", "start c#2"]);
});

test("B7.8 rest_for_one: the first child takes all along", async () => {
  const made = await tree(trio(), { strategy: "rest_for_one" });
  await fail(made, "/top/a");
  assert.equal(startsIn(made.news()), ["a#2", "b#2", "c#2"]);
});

test("B7.8 rest_for_one: the last child restarts alone", async () => {
  const made = await tree(trio(), { strategy: "rest_for_one" });
  await fail(made, "/top/c");
  assert.equal(startsIn(made.news()), ["c#2"]);
});

test("B7.8 rest_for_one counts the order of start, also for children added at run time", async () => {
  const made = await tree([probe("a")], { strategy: "rest_for_one" });
  await made.system.startChild("/top", probe("later"));
  made.news();
  await fail(made, "/top/a");
  assert.equal(startsIn(made.news()), ["a#2", "later#2"]);
});

for (const strategy of ["one_for_all", "rest_for_one"] as const) {
  test(`B7.8 ${strategy}: a child that is not restarted leaves its siblings alone`, async () => {
    const made = await tree([probe("a", { restart: "transient" }), probe("b")], { strategy });
    await finish(made, "/top/a");
    assert.equal(made.news(), ["exit a#1"]);
  });

  test(`B7.8 ${strategy}: a temporary sibling stopped with the group is not started again`, async () => {
    const made = await tree([probe("a"), probe("t", { restart: "temporary" })], { strategy });
    await fail(made, "/top/a");
    assert.equal(listed(made, "/top"), ["a worker running"]);
  });

  test(`B7.8 ${strategy}: stopping the group counts as one restart, however many it has`, async () => {
    const made = await tree(trio(), {
      strategy,
      intensity: { maximumRestarts: 2, within: ms(1_000) },
    });
    await fail(made, "/top/a");
    await fail(made, "/top/a");
    assert.is(stateOf(made, "/top"), "running");
    assert.is(restartsOf(made, "/top/c"), 2);
  });
}

// Intensity

test("B7.8 intensity: as many restarts as it allows within the period are made", async () => {
  const made = await tree([probe("a")], {
    intensity: { maximumRestarts: 3, within: ms(1_000) },
  });
  for (let count = 0; count < 3; count += 1) await fail(made, "/top/a");
  assert.is(restartsOf(made, "/top/a"), 3);
  assert.is(stateOf(made, "/top"), "running");
});

test("B7.8 intensity: one more stops all children and then the supervisor", async () => {
  const made = await tree([probe("a"), probe("b")], {
    intensity: { maximumRestarts: 3, within: ms(1_000) },
  });
  for (let count = 0; count < 4; count += 1) await fail(made, "/top/a");
  assert.is((await made.system.ended).reason.kind, "failed");
  assert.equal(made.news().slice(-2), ["terminate b", "exit b#1"]);
});

test("B7.8 intensity 0: the first failure ends the supervisor", async () => {
  const made = await tree([probe("a")], { intensity: { maximumRestarts: 0, within: ms(1) } });
  await fail(made, "/top/a");
  assert.is((await made.system.ended).reason.kind, "failed");
  assert.equal(startsIn(made.news()), []);
});

test("B7.8 intensity: restarts older than the period are forgotten", async () => {
  const made = await tree([probe("a")], {
    intensity: { maximumRestarts: 1, within: ms(100) },
  });
  for (let count = 0; count < 10; count += 1) {
    await fail(made, "/top/a");
    await made.pass(100);
  }
  assert.is(restartsOf(made, "/top/a"), 10);
});

test("B7.8 intensity: restarts of all children count together", async () => {
  const made = await tree(trio(), { intensity: { maximumRestarts: 2, within: ms(1_000) } });
  for (const id of ["a", "b", "c"]) await fail(made, `/top/${id}`);
  assert.is((await made.system.ended).reason.kind, "failed");
});

test("B7.8 intensity: exits that lead to no restart do not count", async () => {
  const made = await tree(
    ["s", "t", "u"].map((id) => probe(id, { restart: "temporary" })),
    { intensity: { maximumRestarts: 0, within: ms(1_000) } },
  );
  for (const id of ["s", "t", "u"]) await fail(made, `/top/${id}`);
  assert.is(stateOf(made, "/top"), "running");
});

test("B7.8 a restart that fails is tried again, and each try counts", async () => {
  const made = await tree([probe("a", { start: { failStarts: [2, 3] } })], {
    intensity: { maximumRestarts: 3, within: ms(1_000) },
  });
  await fail(made, "/top/a");
  assert.is(stateOf(made, "/top/a"), "open");
  const worse = await tree([probe("a", { start: { failStarts: [2, 3] } })], {
    intensity: { maximumRestarts: 2, within: ms(1_000) },
  });
  await fail(worse, "/top/a");
  assert.is((await worse.system.ended).reason.kind, "failed");
});

test("B7.8 a supervisor that gives up is a failed child of its own supervisor", async () => {
  const group = inner(trio(), { intensity: { maximumRestarts: 0, within: ms(1) } });
  const made = await tree([group, probe("uncle")]);
  await fail(made, "/top/inner/b");
  assert.equal(startsIn(made.news()), ["a#2", "b#2", "c#2"]);
  assert.is(restartsOf(made, "/top/inner"), 1);
  assert.is(restartsOf(made, "/top/uncle"), 0);
});

test("B7.8 giving up climbs as far as it has to", async () => {
  const none = { intensity: { maximumRestarts: 0, within: ms(1) } };
  const made = await tree(
    [{ ...inner([inner([probe("x")], none)], none), id: "outer" }, probe("uncle")],
    none,
  );
  await fail(made, "/top/outer/inner/x");
  assert.is((await made.system.ended).reason.kind, "failed");
  assert.is(made.system.counters().escalations, 3);
});

test("B7.8 a temporary supervisor that gives up is not restarted", async () => {
  const none = { intensity: { maximumRestarts: 0, within: ms(1) } };
  const made = await tree([inner([probe("x")], none, { restart: "temporary" }), probe("b")]);
  await fail(made, "/top/inner/x");
  assert.equal(listed(made, "/top"), ["b worker running"]);
});

test("B7.8 a restarted supervisor starts its children by their specifications, in order", async () => {
  const none = { intensity: { maximumRestarts: 0, within: ms(1) } };
  const made = await tree([inner([probe("a"), probe("t", { restart: "temporary" })], none)]);
  await fail(made, "/top/inner/a");
  assert.equal(startsIn(made.news()), ["a#2"]);
});

// Specifications

test("B7.8 faulty child specifications are refused with what is wrong, and nothing is started", async () => {
  const faults: readonly [ChildSpec, RegExp][] = [
    [supervisorSpec("top", [probe("a"), probe("b"), probe("a")]), /two children with the id a/],
    [supervisorSpec("top", [{ ...probe("a"), restart: "always" as never }]), /restart must be/],
    [supervisorSpec("top", [{ ...probe("a"), shutdown: -1 as never }]), /shutdown must be/],
    [supervisorSpec("top", [{ ...probe("a"), shutdown: "soon" as never }]), /shutdown must be/],
    [supervisorSpec("top", [{ ...probe("a"), type: "nobody" }]), /no actor type "nobody"/],
    [supervisorSpec("top", [], { strategy: "two_for_one" as never }), /not that of a supervisor/],
    [
      supervisorSpec("top", [], { intensity: { maximumRestarts: -1, within: ms(1) } }),
      /maximumRestarts/,
    ],
    [
      supervisorSpec("top", [], { intensity: { maximumRestarts: 1, within: ms(0) } }),
      /window must be positive/,
    ],
    [supervisorSpec("top", [], { backoff: { ...atOnce, immediate: -1 } }), /immediate/],
    [supervisorSpec("top", [], { autoShutdown: "maybe" as never }), /not that of a supervisor/],
  ];
  for (const [spec, expected] of faults) {
    const made = probeWorld();
    const refused = await made.system.start(spec);
    assert.is(code(refused), "definition_invalid");
    if (!refused.ok) assert.match(refused.failure.reason, expected);
    assert.equal([made.did, made.system.tree()], [[], []]);
  }
});

test.run();
