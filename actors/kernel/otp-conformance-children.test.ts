import { suite } from "uvu";
import * as assert from "uvu/assert";

import {
  code,
  fail,
  finish,
  inner,
  listed,
  pool,
  restartsOf,
  startsIn,
  stateOf,
  tree,
} from "../../test/support/conformance-world.ts";
import { ms, probe, probeWorld } from "../../test/support/probe-actors.ts";
import { supervisorSpec } from "./child-spec.ts";

/** What OTP documents of the calls to a supervisor, of simple_one_for_one and of auto_shutdown. */
const test = suite("OTP children");

// Calls

test("B7.8 start_child adds the child behind the others and starts it", async () => {
  const made = await tree([probe("a")]);
  assert.is(code(await made.system.startChild("/top", probe("b"))), "ok");
  assert.equal(listed(made, "/top"), ["a worker running", "b worker running"]);
});

test("B7.8 start_child of an id that runs is refused, and so is one that is stopped but known", async () => {
  const made = await tree([probe("a")]);
  assert.is(code(await made.system.startChild("/top", probe("a"))), "already_started");
  await made.system.terminateChild("/top/a");
  assert.is(code(await made.system.startChild("/top", probe("a"))), "already_started");
  assert.equal(startsIn(made.news()), []);
});

test("B7.8 start_child whose start fails keeps no specification", async () => {
  const made = await tree([]);
  const bad = probe("bad", { start: { failStarts: [1] } });
  assert.is(code(await made.system.startChild("/top", bad)), "start_failed");
  assert.equal(listed(made, "/top"), []);
});

test("B7.8 terminate_child stops the child and keeps its specification", async () => {
  const made = await tree([probe("a")]);
  assert.is(code(await made.system.terminateChild("/top/a")), "ok");
  assert.equal(listed(made, "/top"), ["a worker stopped"]);
  assert.equal(startsIn(made.news()), []);
});

test("B7.8 terminate_child of a temporary child forgets its specification", async () => {
  const made = await tree([probe("a", { restart: "temporary" })]);
  await made.system.terminateChild("/top/a");
  assert.equal(listed(made, "/top"), []);
});

test("B7.8 terminate_child of a child that is stopped already is done", async () => {
  const made = await tree([probe("a")]);
  await made.system.terminateChild("/top/a");
  assert.is(code(await made.system.terminateChild("/top/a")), "ok");
});

test("B7.8 terminate_child obeys the child's shutdown time", async () => {
  const made = await tree([probe("a", { start: { terminateMs: "forever" }, shutdown: ms(40) })]);
  const stopped = made.system.terminateChild("/top/a");
  await made.pass(39);
  assert.is(stateOf(made, "/top/a"), "stopping");
  await made.pass(1);
  assert.is(code(await stopped), "ok");
});

test("B7.8 restart_child starts a stopped child again by its specification", async () => {
  const made = await tree([probe("a")]);
  await made.system.terminateChild("/top/a");
  assert.is(code(await made.system.restartChild("/top/a")), "ok");
  assert.is(stateOf(made, "/top/a"), "open");
});

test("B7.8 restart_child of a running child is refused", async () => {
  const made = await tree([probe("a")]);
  assert.is(code(await made.system.restartChild("/top/a")), "already_started");
  assert.is(restartsOf(made, "/top/a"), 0);
});

test("B7.8 restart_child whose start fails leaves the child stopped and known", async () => {
  const made = await tree([probe("a", { start: { failStarts: [2] } })]);
  await made.system.terminateChild("/top/a");
  assert.is(code(await made.system.restartChild("/top/a")), "start_failed");
  assert.equal(listed(made, "/top"), ["a worker stopped"]);
});

test("B7.8 restart_child is no restart of the intensity", async () => {
  const made = await tree([probe("a")], { intensity: { maximumRestarts: 0, within: ms(1_000) } });
  for (let count = 0; count < 5; count += 1) {
    await made.system.terminateChild("/top/a");
    await made.system.restartChild("/top/a");
  }
  assert.is(stateOf(made, "/top/a"), "open");
});

test("B7.8 delete_child forgets a stopped child, and refuses a running one", async () => {
  const made = await tree([probe("a")]);
  assert.is(code(await made.system.deleteChild("/top/a")), "still_running");
  await made.system.terminateChild("/top/a");
  assert.is(code(await made.system.deleteChild("/top/a")), "ok");
  assert.equal(listed(made, "/top"), []);
  assert.is(code(await made.system.startChild("/top", probe("a"))), "ok");
});

test("B7.8 calls about a child or a supervisor that is not there are refused", async () => {
  const made = await tree([probe("a")]);
  const { system } = made;
  assert.equal(
    [
      code(await system.terminateChild("/top/none")),
      code(await system.restartChild("/top/none")),
      code(await system.deleteChild("/top/none")),
      code(await system.startChild("/none", probe("x"))),
      code(await system.startChild("/top/a", probe("x"))),
      code(system.whichChildren("/top/a")),
      code(system.countChildren("/none")),
      code(system.childSpec("/top/none")),
    ],
    Array(8).fill("not_found"),
  );
});

test("B7.8 which_children lists every child with its kind and whether it runs", async () => {
  const made = await tree([probe("a"), inner([probe("x")]), probe("gone")]);
  await made.system.terminateChild("/top/gone");
  assert.equal(listed(made, "/top"), [
    "a worker running",
    "inner supervisor running",
    "gone worker stopped",
  ]);
});

test("B7.8 which_children shows a child that waits for its restart as restarting", async () => {
  const waits = { initial: ms(100), maximum: ms(100), jitter: 0, resetAfter: ms(1_000) };
  const made = await tree([probe("a")], { backoff: waits });
  await fail(made, "/top/a");
  assert.equal(listed(made, "/top"), ["a worker restarting"]);
});

test("B7.8 count_children counts specifications, active ones, supervisors and workers", async () => {
  const made = await tree([probe("a"), probe("b"), inner([probe("x")])]);
  await made.system.terminateChild("/top/b");
  const counted = made.system.countChildren("/top");
  assert.equal(counted, {
    ok: true,
    value: { specs: 3, active: 2, supervisors: 1, workers: 2 },
  });
});

test("B7.8 get_childspec gives the specification a child was started with", async () => {
  const spec = probe("a", { shutdown: ms(77) });
  const made = await tree([spec]);
  assert.equal(made.system.childSpec("/top/a"), { ok: true, value: spec });
});

// simple_one_for_one

test("B7.8 simple_one_for_one starts without children", async () => {
  const made = await tree([pool()]);
  assert.equal(listed(made, "/top/pool"), []);
});

test("B7.8 simple_one_for_one: a child is the template with an id and start data of its own", async () => {
  const made = await tree([pool({ shutdown: ms(44) })]);
  const start = { restoreMs: 3 };
  assert.is(code(await made.system.startChild("/top/pool", { id: "x", start })), "ok");
  assert.equal(made.system.childSpec("/top/pool/x"), {
    ok: true,
    value: {
      id: "x",
      type: "probe",
      restart: "permanent",
      shutdown: ms(44),
      significant: false,
      start,
    },
  });
});

test("B7.8 simple_one_for_one restarts the child that failed with its own start data, and no other", async () => {
  const made = await tree([pool()]);
  for (const id of ["x", "y"]) {
    await made.system.startChild("/top/pool", { id, start: { restoreMs: 1 } });
  }
  await made.pass(1);
  made.news();
  await fail(made, "/top/pool/x");
  await made.pass(1);
  assert.equal(made.news(), ["exit x#1", "start x#2", "restored x"]);
});

test("B7.8 simple_one_for_one: terminate_child stops the child and forgets it", async () => {
  const made = await tree([pool()]);
  await made.system.startChild("/top/pool", { id: "x", start: {} });
  assert.is(code(await made.system.terminateChild("/top/pool/x")), "ok");
  assert.equal(listed(made, "/top/pool"), []);
});

test("B7.8 simple_one_for_one: restart_child and delete_child are refused", async () => {
  const made = await tree([pool()]);
  await made.system.startChild("/top/pool", { id: "x", start: {} });
  assert.is(code(await made.system.restartChild("/top/pool/x")), "dynamic_child");
  assert.is(code(await made.system.deleteChild("/top/pool/x")), "dynamic_child");
  assert.is(stateOf(made, "/top/pool/x"), "open");
});

test("B7.8 simple_one_for_one: a child that ended and is not restarted is forgotten", async () => {
  const made = await tree([pool({ restart: "transient" })]);
  await made.system.startChild("/top/pool", { id: "x", start: {} });
  await finish(made, "/top/pool/x");
  assert.equal(listed(made, "/top/pool"), []);
  assert.is(code(await made.system.startChild("/top/pool", { id: "x", start: {} })), "ok");
});

test("B7.8 simple_one_for_one: a child with nothing to do (ignore) is not kept", async () => {
  const made = await tree([pool()]);
  const start = { ignoreStarts: [1] };
  assert.is(code(await made.system.startChild("/top/pool", { id: "x", start })), "ok");
  assert.equal(listed(made, "/top/pool"), []);
});

test("B7.8 simple_one_for_one stops all children at the same time", async () => {
  const made = await tree([pool()]);
  for (const id of ["x", "y", "z"]) {
    await made.system.startChild("/top/pool", { id, start: { terminateMs: 100 } });
  }
  made.news();
  const stopped = made.system.stop();
  await made.pass(100);
  await stopped;
  assert.equal(made.news().slice(0, 3).sort(), ["terminate x", "terminate y", "terminate z"]);
  assert.is(made.clock.monotonic(), ms(100));
});

test("B7.8 simple_one_for_one counts the restarts of all its children together", async () => {
  const made = await tree([
    pool({}, { intensity: { maximumRestarts: 1, within: ms(1_000) } }),
    probe("uncle"),
  ]);
  for (const id of ["x", "y"]) await made.system.startChild("/top/pool", { id, start: {} });
  for (const id of ["x", "y"]) await fail(made, `/top/pool/${id}`);
  assert.is(restartsOf(made, "/top/pool"), 1);
  assert.is(restartsOf(made, "/top/uncle"), 0);
});

test("B7.8 simple_one_for_one refuses more children than it may have, and what is not in its template", async () => {
  const made = await tree([pool({}, { maximumChildren: 1 })]);
  const { system } = made;
  assert.is(code(await system.startChild("/top/pool", probe("x"))), "definition_invalid");
  assert.is(
    code(await system.startChild("/top/pool", { id: "a b", start: {} })),
    "definition_invalid",
  );
  assert.is(code(await system.startChild("/top/pool", { id: "x", start: {} })), "ok");
  assert.is(code(await system.startChild("/top/pool", { id: "x", start: {} })), "already_started");
  assert.is(code(await system.startChild("/top/pool", { id: "y", start: {} })), "busy");
});

test("B7.8 a template with children, without simple_one_for_one or with a fault is refused", async () => {
  const template = { type: "probe", restart: "permanent", shutdown: ms(1) } as const;
  const specs = [
    supervisorSpec("top", [], { template }),
    supervisorSpec("top", [], { strategy: "simple_one_for_one" }),
    supervisorSpec("top", [probe("a")], { strategy: "simple_one_for_one", template }),
    supervisorSpec("top", [], {
      strategy: "simple_one_for_one",
      template: { ...template, type: "nobody" },
    }),
  ];
  for (const spec of specs) {
    assert.is(code(await probeWorld().system.start(spec)), "definition_invalid");
  }
});

// Significant children

const significant = (id: string, restart: "transient" | "temporary" = "transient") =>
  probe(id, { restart, significant: true });
const group = (
  autoShutdown: "any_significant" | "all_significant",
  ...children: ReturnType<typeof probe>[]
) => tree([inner(children, { autoShutdown }, { restart: "transient" }), probe("uncle")]);

test("B7.8 significant with auto_shutdown never, and a permanent significant child, are refused", async () => {
  const bad = [
    supervisorSpec("top", [significant("a")]),
    supervisorSpec("top", [probe("a", { significant: true })], {
      autoShutdown: "any_significant",
    }),
    pool({ restart: "transient", significant: true }),
  ];
  for (const spec of bad) {
    assert.is(code(await probeWorld().system.start(spec)), "definition_invalid");
  }
});

test("B7.8 any_significant: the normal exit of a significant child stops the others and ends the supervisor as shutdown", async () => {
  const made = await group("any_significant", probe("a"), significant("s"), significant("t"));
  const reasons: string[] = [];
  made.system.watch("/top/inner", (exit) => reasons.push(exit.reason.kind));
  await finish(made, "/top/inner/s");
  assert.equal(made.news(), ["exit s#1", "terminate t", "exit t#1", "terminate a", "exit a#1"]);
  assert.equal(reasons, ["shutdown"]);
  assert.is(stateOf(made, "/top/uncle"), "open");
});

test("B7.8 any_significant: a transient significant child that fails is restarted, and nothing ends", async () => {
  const made = await group("any_significant", significant("s"));
  await fail(made, "/top/inner/s");
  assert.is(stateOf(made, "/top/inner/s"), "open");
});

test("B7.8 any_significant: a temporary significant child ends the supervisor also by a failure", async () => {
  const made = await group("any_significant", probe("a"), significant("s", "temporary"));
  await fail(made, "/top/inner/s");
  assert.is(stateOf(made, "/top/inner"), "stopped");
});

test("B7.8 any_significant: a child that is not significant ends nothing", async () => {
  const made = await group(
    "any_significant",
    significant("s"),
    probe("b", { restart: "transient" }),
  );
  await finish(made, "/top/inner/b");
  assert.is(stateOf(made, "/top/inner"), "running");
});

test("B7.8 all_significant: only the end of the last significant child ends the supervisor", async () => {
  const made = await group(
    "all_significant",
    probe("a"),
    significant("s"),
    significant("t", "temporary"),
  );
  await finish(made, "/top/inner/s");
  assert.is(stateOf(made, "/top/inner"), "running");
  await fail(made, "/top/inner/t");
  assert.is(stateOf(made, "/top/inner"), "stopped");
});

test("B7.8 a significant child stopped by a call ends nothing, and is not active afterwards", async () => {
  const made = await group("all_significant", significant("s"), significant("t"));
  await made.system.terminateChild("/top/inner/s");
  assert.is(stateOf(made, "/top/inner"), "running");
  await finish(made, "/top/inner/t");
  assert.is(stateOf(made, "/top/inner"), "stopped");
});

test("B7.8 a significant child that was started again by a call is active again", async () => {
  const made = await group("all_significant", significant("s"), significant("t"));
  await made.system.terminateChild("/top/inner/s");
  await made.system.restartChild("/top/inner/s");
  await finish(made, "/top/inner/t");
  assert.is(stateOf(made, "/top/inner"), "running");
});

test("B7.8 a significant child stopped with its siblings for a restart ends nothing", async () => {
  const made = await tree([
    inner([probe("a"), significant("s", "temporary"), significant("t")], {
      strategy: "one_for_all",
      autoShutdown: "any_significant",
    }),
  ]);
  await fail(made, "/top/inner/a");
  assert.equal(listed(made, "/top/inner"), ["a worker running", "t worker running"]);
});

test("B7.8 an auto-shutdown climbs: the ended supervisor may be significant itself", async () => {
  const low = inner([significant("s")], { autoShutdown: "any_significant" });
  const middle = inner(
    [{ ...low, id: "low", restart: "transient", significant: true }, probe("b")],
    { autoShutdown: "any_significant" },
    { restart: "transient" },
  );
  const made = await tree([middle]);
  await finish(made, "/top/inner/low/s");
  assert.is(stateOf(made, "/top/inner"), "stopped");
  assert.is(stateOf(made, "/top"), "running");
});

test("B7.8 a permanent supervisor that shut itself down is restarted with all its children", async () => {
  const made = await tree([
    inner([probe("a"), significant("s")], { autoShutdown: "any_significant" }),
  ]);
  await finish(made, "/top/inner/s");
  assert.is(restartsOf(made, "/top/inner"), 1);
  assert.equal(startsIn(made.news()), ["a#2", "s#2"]);
});

test("B7.8 simple_one_for_one: all_significant ends it with its last child", async () => {
  const made = await tree([
    {
      ...pool({ restart: "temporary", significant: true }, { autoShutdown: "all_significant" }),
      restart: "transient",
    },
  ]);
  for (const id of ["x", "y"]) await made.system.startChild("/top/pool", { id, start: {} });
  await finish(made, "/top/pool/x");
  assert.is(stateOf(made, "/top/pool"), "running");
  await finish(made, "/top/pool/y");
  assert.is(stateOf(made, "/top/pool"), "stopped");
});

test.run();
