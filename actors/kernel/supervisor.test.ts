import { suite } from "uvu";
import * as assert from "uvu/assert";

import { ms, probe, type ProbeWorld, probeWorld } from "../../test/support/probe-actors.ts";
import { type ChildSpec, type SupervisorStart, supervisorSpec } from "./child-spec.ts";
import type { Exit } from "./exit.ts";

const test = suite("supervisor");

const exactly = { initial: ms(100), maximum: ms(400), jitter: 0, resetAfter: ms(10_000) };
const immediate = { initial: ms(0), maximum: ms(0), jitter: 0, resetAfter: ms(10_000) };

async function world(
  children: readonly ChildSpec[],
  options: Partial<Omit<SupervisorStart, "children">> = {},
): Promise<ProbeWorld> {
  const made = probeWorld();
  const started = await made.system.start(
    supervisorSpec("top", children, { backoff: exactly, ...options }),
  );
  assert.ok(started.ok, JSON.stringify(started));
  made.news();
  return made;
}

async function crash(made: ProbeWorld, path: string, text = "boom"): Promise<void> {
  assert.ok(made.ref(path).send({ do: "crash", text }).ok);
  await made.clock.settle();
}

const stateOf = (made: ProbeWorld, path: string): string =>
  made.system.tree().find((node) => node.path === path)?.state ?? "absent";
const restartsOf = (made: ProbeWorld, path: string): number =>
  made.system.tree().find((node) => node.path === path)?.restarts ?? -1;

test("children start in order and stop in reverse", async () => {
  const made = probeWorld();
  await made.system.start(supervisorSpec("top", [probe("a"), probe("b"), probe("c")]));
  assert.equal(made.news(), ["start a#1", "start b#1", "start c#1"]);
  await made.system.stop();
  assert.equal(made.news(), [
    "terminate c",
    "exit c#1",
    "terminate b",
    "exit b#1",
    "terminate a",
    "exit a#1",
  ]);
  assert.equal((await made.system.ended).reason, { kind: "shutdown" });
});

test("a child that takes long to stop is waited for before the one started earlier is stopped", async () => {
  const made = await world([probe("a"), probe("b", { start: { terminateMs: 300 } })]);
  const stopped = made.system.stop();
  await made.pass(299);
  assert.equal(made.news(), ["terminate b"]);
  await made.pass(1);
  assert.equal(made.news(), ["terminated b", "exit b#1", "terminate a", "exit a#1"]);
  await stopped;
});

test("a child that does not stop in its shutdown time is killed", async () => {
  const made = await world([probe("a", { start: { terminateMs: "forever" }, shutdown: ms(500) })]);
  const exits: Exit[] = [];
  made.system.watch("/top/a", (exit) => exits.push(exit));
  const stopped = made.system.stop();
  await made.pass(499);
  assert.equal(exits, []);
  await made.pass(1);
  await stopped;
  assert.equal(exits, [{ path: "/top/a", incarnation: 1, reason: { kind: "killed" } }]);
});

test("brutal_kill does not ask", async () => {
  const made = await world([probe("a", { shutdown: "brutal_kill" })]);
  await made.system.stop();
  assert.equal(made.news(), ["exit a#1"]);
});

test("one_for_one restarts the failed child only, after its back-off", async () => {
  const made = await world([probe("a"), probe("b"), probe("c")]);
  await crash(made, "/top/b");
  assert.is(stateOf(made, "/top/b"), "restarting");
  assert.is(stateOf(made, "/top/a"), "open");
  await made.pass(99);
  assert.equal(made.news(), ["crash b boom", "exit b#1"]);
  await made.pass(1);
  assert.equal(made.news(), ["start b#2", "crash b boom", "exit b#2"]);
});

test("one_for_all stops the others in reverse and starts all in order", async () => {
  const made = await world([probe("a"), probe("b"), probe("c")], { strategy: "one_for_all" });
  made.ref("/top/b").send({ do: "throw_in_timer", text: "late" });
  await made.pass(5);
  assert.equal(made.news(), ["exit b#1", "terminate c", "exit c#1", "terminate a", "exit a#1"]);
  await made.pass(99);
  assert.equal(made.news(), []);
  await made.pass(1);
  assert.equal(made.news(), ["start a#2", "start b#2", "start c#2"]);
});

test("rest_for_one restarts the failed child and those started after it", async () => {
  const made = await world([probe("a"), probe("b"), probe("c")], { strategy: "rest_for_one" });
  made.ref("/top/b").send({ do: "throw_in_timer", text: "late" });
  await made.pass(5);
  assert.equal(made.news(), ["exit b#1", "terminate c", "exit c#1"]);
  assert.is(stateOf(made, "/top"), "restarting");
  await made.pass(100);
  assert.equal(made.news(), ["start b#2", "start c#2"]);
  assert.is(stateOf(made, "/top"), "running");
});

test("rest_for_one: an earlier child that fails during the back-off takes the whole rest along", async () => {
  const made = await world([probe("a"), probe("b"), probe("c")], { strategy: "rest_for_one" });
  for (const id of ["b", "a"]) {
    made.ref(`/top/${id}`).send({ do: "throw_in_timer", text: "late" });
    await made.pass(50);
  }
  assert.equal(made.news(), ["exit b#1", "terminate c", "exit c#1", "exit a#1"]);
  await made.pass(54);
  assert.equal(made.news(), [], "the first group's timer must not start the larger group early");
  await made.pass(1);
  assert.equal(made.news(), ["start a#2", "start b#2", "start c#2"]);
});

test("rest_for_one: a group whose back-off ends while others are stopped gives way to a larger one", async () => {
  const slow = probe("slow", { start: { terminateMs: 300 } });
  const made = await world([slow, probe("a"), probe("b"), probe("c")], {
    strategy: "rest_for_one",
  });
  made.ref("/top/b").send({ do: "throw_in_timer", text: "late" });
  await made.pass(5);
  const stopping = made.system.terminateChild("/top/slow");
  made.ref("/top/a").send({ do: "throw_in_timer", text: "late" });
  await made.pass(300);
  assert.ok((await stopping).ok);
  assert.equal(made.news().slice(-2), ["terminated slow", "exit slow#1"]);
  await made.pass(99);
  assert.equal(made.news(), []);
  await made.pass(1);
  assert.equal(made.news(), ["start a#2", "start b#2", "start c#2"]);
});

test("a permanent child restarts after a normal exit, a transient one only after a failure", async () => {
  const made = await world([
    probe("permanent"),
    probe("transient", { restart: "transient" }),
    probe("temporary", { restart: "temporary" }),
  ]);
  for (const id of ["permanent", "transient", "temporary"]) {
    made.ref(`/top/${id}`).send({ do: "finish" });
  }
  await made.pass(200);
  assert.equal(
    made.news().filter((line) => line.startsWith("start")),
    ["start permanent#2"],
  );
  assert.is(stateOf(made, "/top/transient"), "stopped");
  assert.is(stateOf(made, "/top/temporary"), "absent");
  assert.ok((await made.system.restartChild("/top/transient")).ok);
  made.ref("/top/transient").send({ do: "throw_in_timer", text: "late" });
  await made.pass(200);
  assert.equal(made.news(), ["start transient#2", "exit transient#2", "start transient#3"]);
});

test("a temporary child that fails is forgotten, also by one_for_all", async () => {
  const made = await world([probe("a"), probe("t", { restart: "temporary" })], {
    strategy: "one_for_all",
  });
  made.ref("/top/a").send({ do: "throw_in_timer", text: "late" });
  await made.pass(200);
  assert.equal(made.news(), ["exit a#1", "terminate t", "exit t#1", "start a#2"]);
  assert.is(stateOf(made, "/top/t"), "absent");
});

test("the back-off doubles up to its maximum and starts over after a long run", async () => {
  const made = await world([probe("a")], {
    intensity: { maximumRestarts: 100, within: ms(1_000_000) },
  });
  const delays: number[] = [];
  const fail = async (): Promise<void> => {
    made.ref("/top/a").send({ do: "throw_in_timer", text: "late" });
    await made.pass(5);
    let waited = 0;
    while (stateOf(made, "/top/a") === "restarting") {
      await made.pass(10);
      waited += 10;
    }
    delays.push(waited);
  };
  for (let count = 0; count < 5; count += 1) await fail();
  await made.pass(9_995);
  await fail();
  assert.equal(delays, [100, 200, 400, 400, 400, 100]);
});

test("more restarts than the intensity allows end the supervisor, and only within the window", async () => {
  const made = await world([probe("a"), probe("b")], {
    backoff: immediate,
    intensity: { maximumRestarts: 2, within: ms(1_000) },
  });
  const fail = async (): Promise<void> => {
    made.ref("/top/a").send({ do: "throw_in_timer", text: "late" });
    await made.pass(5);
  };
  for (let count = 0; count < 6; count += 1) {
    await fail();
    await made.pass(600);
  }
  assert.is(restartsOf(made, "/top/a"), 6);
  made.news();
  await fail();
  await fail();
  const exit = await made.system.ended;
  assert.is(exit.reason.kind, "failed");
  assert.match(JSON.stringify(exit.reason), /more than 2 restarts within 1000 ms.*\/top\/a/);
  assert.equal(made.news().slice(-2), ["terminate b", "exit b#1"]);
  assert.is(made.system.counters().escalations, 1);
});

test("an escalation is answered by the parent: the inner supervisor starts again with its children", async () => {
  const inner = supervisorSpec("inner", [probe("a"), probe("b")], {
    backoff: immediate,
    intensity: { maximumRestarts: 0, within: ms(1_000) },
  });
  const made = await world([inner, probe("sibling")]);
  made.ref("/top/inner/a").send({ do: "throw_in_timer", text: "late" });
  await made.pass(5);
  assert.is(stateOf(made, "/top/inner"), "restarting");
  assert.is(stateOf(made, "/top/inner/b"), "restarting");
  assert.ok(made.ref("/top/inner/b").send({ do: "echo", text: "kept" }).ok);
  await made.pass(100);
  assert.equal(made.news(), [
    "exit a#1",
    "terminate b",
    "exit b#1",
    "start a#2",
    "start b#2",
    "echo b kept",
  ]);
  assert.is(restartsOf(made, "/top/inner"), 1);
  assert.match(
    made.system.tree().find((node) => node.path === "/top/inner")?.lastFailure ?? "",
    /RestartIntensityError: more than 0 restarts.*\(children\)/,
  );
});

test("a supervisor that starts again counts its restarts from nothing", async () => {
  const inner = supervisorSpec("inner", [probe("a")], {
    backoff: immediate,
    intensity: { maximumRestarts: 1, within: ms(100_000) },
  });
  const made = await world([inner]);
  const fail = async (): Promise<void> => {
    made.ref("/top/inner/a").send({ do: "throw_in_timer", text: "late" });
    await made.pass(300);
  };
  await fail();
  await fail();
  assert.is(restartsOf(made, "/top/inner"), 1);
  await fail();
  assert.is(restartsOf(made, "/top/inner"), 1);
  await fail();
  assert.is(restartsOf(made, "/top/inner"), 2);
});

test("a failed restore is a failure: it is tried again after the next back-off", async () => {
  const made = await world([probe("a", { start: { restoreMs: 1, failRestores: 2 } })]);
  await made.pass(1);
  assert.is(stateOf(made, "/top/a"), "restarting");
  await made.pass(101 + 201);
  assert.equal(made.news(), ["exit a#1", "start a#2", "exit a#2", "start a#3", "restored a"]);
});

test("a child whose create throws stops the start of the tree, and what had started is stopped", async () => {
  const made = probeWorld();
  const started = await made.system.start(
    supervisorSpec("top", [
      supervisorSpec("inner", [probe("a"), probe("b", { start: { failStarts: [1] } })]),
      probe("c"),
    ]),
  );
  assert.not(started.ok);
  if (!started.ok) {
    assert.is(started.failure.code, "start_failed");
    assert.match(started.failure.reason, /\/top\/inner\/b could not be started: start 1 of b/);
  }
  assert.equal(made.news(), ["start a#1", "terminate a", "exit a#1"]);
  assert.is((await made.system.ended).reason.kind, "failed");
});

for (const strategy of ["one_for_one", "one_for_all", "rest_for_one"] as const) {
  test(`a create that throws at a restart is tried again after the next back-off (${strategy})`, async () => {
    const made = await world([probe("a"), probe("b", { start: { failStarts: [2, 3] } })], {
      strategy,
    });
    made.ref("/top/b").send({ do: "throw_in_timer", text: "late" });
    await made.pass(5 + 100 + 200 + 399);
    assert.is(stateOf(made, "/top/b"), "restarting");
    await made.pass(1);
    assert.is(stateOf(made, "/top/b"), "open");
    assert.is(stateOf(made, "/top/a"), "open");
    assert.is(restartsOf(made, "/top/a"), strategy === "one_for_all" ? 3 : 0);
  });
}

test("creates that keep throwing are escalated", async () => {
  const made = await world([probe("a", { start: { failStarts: [2, 3, 4, 5, 6, 7] } })]);
  made.ref("/top/a").send({ do: "throw_in_timer", text: "late" });
  await made.pass(5_000);
  assert.match(JSON.stringify(await made.system.ended), /start 6 of a failed \(create\)/);
});

test("children are added, stopped, started again and deleted at run time", async () => {
  const made = await world([]);
  const { system } = made;
  const code = async (
    call: Promise<{ ok: boolean; failure?: { code: string } }>,
  ): Promise<string> => {
    const result = await call;
    return result.ok ? "ok" : (result.failure?.code ?? "");
  };
  assert.is(await code(system.startChild("/top", probe("x"))), "ok");
  assert.is(await code(system.startChild("/top", probe("x"))), "already_started");
  assert.is(await code(system.startChild("/nowhere", probe("x"))), "not_found");
  assert.is(await code(system.startChild("/top", probe("bad id"))), "definition_invalid");
  assert.is(
    await code(system.startChild("/top", { ...probe("y"), type: "none" })),
    "definition_invalid",
  );
  assert.is(
    await code(system.startChild("/top", probe("z", { start: { failStarts: [1] } }))),
    "start_failed",
  );
  assert.is(stateOf(made, "/top/z"), "absent");
  assert.is(await code(system.deleteChild("/top/x")), "still_running");
  assert.is(await code(system.restartChild("/top/x")), "already_started");
  assert.is(await code(system.terminateChild("/top/x")), "ok");
  assert.is(stateOf(made, "/top/x"), "stopped");
  assert.is(await code(system.restartChild("/top/x")), "ok");
  assert.is(await code(system.terminateChild("/top/x")), "ok");
  assert.is(await code(system.deleteChild("/top/x")), "ok");
  assert.is(await code(system.deleteChild("/top/x")), "not_found");
  assert.equal(made.news(), [
    "start x#1",
    "terminate x",
    "exit x#1",
    "start x#2",
    "terminate x",
    "exit x#2",
  ]);
});

test("a supervisor refuses one child more than it may have", async () => {
  const made = await world([probe("a")], { maximumChildren: 1 });
  const refused = await made.system.startChild("/top", probe("b"));
  assert.is(refused.ok ? "" : refused.failure.code, "busy");
  assert.is(made.system.counters().refusals["busy"], 1);
});

test("a child stopped by hand stays stopped when its siblings restart", async () => {
  const made = await world([probe("a"), probe("b")], { strategy: "one_for_all" });
  await made.system.terminateChild("/top/b");
  made.ref("/top/a").send({ do: "throw_in_timer", text: "late" });
  await made.pass(200);
  assert.is(stateOf(made, "/top/a"), "open");
  assert.is(stateOf(made, "/top/b"), "stopped");
});

test("a child stopped by hand stays stopped when its supervisor restarts", async () => {
  const inner = supervisorSpec("inner", [probe("a"), probe("b")], {
    intensity: { maximumRestarts: 0, within: ms(1_000) },
  });
  const made = await world([inner]);
  await made.system.terminateChild("/top/inner/b");
  made.ref("/top/inner/a").send({ do: "throw_in_timer", text: "late" });
  await made.pass(200);
  assert.is(restartsOf(made, "/top/inner"), 1);
  assert.is(stateOf(made, "/top/inner/a"), "open");
  assert.is(stateOf(made, "/top/inner/b"), "stopped");
});

test("a supervisor that is stopping a child takes so many calls and refuses the next", async () => {
  const made = await world([probe("slow", { start: { terminateMs: 300 } })]);
  const stopping = made.system.terminateChild("/top/slow");
  const calls = Array.from({ length: 1_024 }, (_, index) =>
    made.system.startChild("/top", probe(`p${index}`)),
  );
  await made.pass(300);
  assert.ok((await stopping).ok);
  const results = await Promise.all(calls);
  assert.is(results.filter(({ ok }) => ok).length, 1_023);
  assert.equal(
    results.flatMap((result) => (result.ok ? [] : [result.failure.code])),
    ["busy"],
  );
});

test("a child stopped during its back-off is not started by the timer", async () => {
  const made = await world([probe("a")]);
  await crash(made, "/top/a");
  await made.system.terminateChild("/top/a");
  await made.pass(1_000);
  assert.is(stateOf(made, "/top/a"), "stopped");
  assert.is(made.clock.pending, 0);
});

test("a child added at run time comes back with its supervisor", async () => {
  const inner = supervisorSpec("inner", [], {
    intensity: { maximumRestarts: 0, within: ms(1_000) },
  });
  const made = await world([inner]);
  await made.system.startChild("/top/inner", probe("added"));
  made.ref("/top/inner/added").send({ do: "throw_in_timer", text: "late" });
  await made.pass(200);
  assert.equal(made.news(), ["start added#1", "exit added#1", "start added#2"]);
});

test("stopping the tree while a group waits for its back-off starts nothing more", async () => {
  const made = await world([probe("a"), probe("b")], { strategy: "one_for_all" });
  made.ref("/top/a").send({ do: "throw_in_timer", text: "late" });
  await made.pass(5);
  await made.system.stop();
  assert.is(made.clock.pending, 0);
  await made.pass(1_000);
  assert.is(made.news().filter((line) => line.startsWith("start")).length, 0);
});

test("calls made while children are being stopped wait for their turn", async () => {
  const made = await world([probe("slow", { start: { terminateMs: 300 } }), probe("b")]);
  const stopping = made.system.terminateChild("/top/slow");
  const adding = made.system.startChild("/top", probe("c"));
  made.ref("/top/b").send({ do: "throw_in_timer", text: "late" });
  await made.pass(200);
  assert.equal(made.news(), ["terminate slow", "exit b#1"]);
  await made.pass(100);
  assert.ok((await stopping).ok);
  assert.ok((await adding).ok);
  await made.pass(100);
  assert.equal(made.news(), ["terminated slow", "exit slow#1", "start c#1", "start b#2"]);
});

test("a numeric shutdown of a supervisor kills what has not stopped by then", async () => {
  const inner = {
    ...supervisorSpec("inner", [
      probe("a"),
      probe("b", { start: { terminateMs: "forever" }, shutdown: "infinity" }),
    ]),
    shutdown: ms(700),
  };
  const made = await world([inner]);
  const stopped = made.system.stop();
  await made.pass(699);
  assert.is(stateOf(made, "/top/inner/a"), "open");
  await made.pass(1);
  await stopped;
  assert.equal(made.news(), ["terminate b", "exit b#1", "exit a#1"]);
});

test("a kill also ends what a failed start of a supervisor had started", async () => {
  const inner = supervisorSpec(
    "inner",
    [
      probe("slow", { start: { terminateMs: 5_000 }, shutdown: "infinity" }),
      probe("b", { start: { failStarts: [2] } }),
    ],
    { intensity: { maximumRestarts: 0, within: ms(1_000) } },
  );
  const middle = { ...supervisorSpec("middle", [inner], { backoff: immediate }), shutdown: ms(50) };
  const made = await world([middle]);
  made.ref("/top/middle/inner/b").send({ do: "throw_in_timer", text: "late" });
  await made.pass(5_010);
  assert.equal(made.news().slice(-2), ["start slow#2", "terminate slow"]);
  const stopped = made.system.stop();
  await made.pass(50);
  await stopped;
  assert.equal(made.news(), ["exit slow#2"]);
});

test("the time limit of a supervisor's stop ends with the stop", async () => {
  const made = await world([{ ...supervisorSpec("inner", [probe("a")]), shutdown: ms(700) }]);
  await made.system.stop();
  assert.is(made.clock.pending, 0);
});

test("a second tree is refused", async () => {
  const made = await world([]);
  const again = await made.system.start(supervisorSpec("top", []));
  assert.is(again.ok ? "" : again.failure.code, "already_started");
});

test("a faulty specification is refused with the path to the fault", async () => {
  const faults: readonly [ChildSpec, RegExp][] = [
    [supervisorSpec("top", [probe("a"), probe("a")]), /two children with the id a/],
    [supervisorSpec("top", [supervisorSpec("b.c", [])]), /\/top\/b\.c: an id/],
    [supervisorSpec("top", [{ ...probe("a"), shutdown: ms(0) }]), /shutdown must be/],
    [{ ...supervisorSpec("top", []), start: { children: [] } }, /not that of a supervisor/],
    [supervisorSpec("top", [], { backoff: { ...exactly, jitter: 2 } }), /jitter/],
    [
      supervisorSpec("top", [], { intensity: { maximumRestarts: -1, within: ms(1) } }),
      /maximumRestarts/,
    ],
  ];
  for (const [spec, expected] of faults) {
    const refused = await probeWorld().system.start(spec);
    assert.not(refused.ok);
    if (!refused.ok) assert.match(refused.failure.reason, expected);
  }
});

test.run();
