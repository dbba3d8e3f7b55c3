import { suite } from "uvu";
import * as assert from "uvu/assert";

import { ms, probeWorld, probe } from "../../test/support/probe-actors.ts";
import { supervisorSpec } from "./child-spec.ts";
import { machineStates } from "./machine-states.ts";
import { supervisorMachine } from "./supervisor-machine.ts";
import { RecentCount } from "./vitals.ts";

const test = suite("vitals");

test("restarts of the last ten minutes are counted, older ones are not", () => {
  const count = new RecentCount();
  const minute = (number: number) => ms(Math.round(number * 60_000));
  for (let index = 0; index < 3; index += 1) count.add(minute(1));
  count.add(minute(6));
  assert.is(count.read(minute(6)), 4);
  assert.is(count.read(minute(10.4)), 4);
  assert.is(count.read(minute(11.1)), 1);
  assert.is(count.read(minute(16.5)), 0);
  count.add(minute(60));
  assert.is(count.read(minute(60)), 1, "a long silence leaves nothing behind");
});

test("B4.1 a failed actor is a restart of each branch above it, and says on which message it failed", async () => {
  const made = probeWorld({ parkAfter: 3 });
  const tree = supervisorSpec("top", [supervisorSpec("inner", [probe("one"), probe("two")])]);
  assert.ok((await made.system.start(tree)).ok);
  const counts = (path: string) => made.system.node(path)?.row().below;
  assert.equal(counts("/top"), { nodes: 3, failed: 0, restarting: 0, recentRestarts: 0 });
  const changes = made.system.changes;
  void made.ref("/top/inner/one").send({ do: "crash", text: "once" });
  await made.pass(10);
  assert.is(counts("/top")?.recentRestarts, 1);
  assert.is(counts("/top/inner")?.recentRestarts, 1);
  assert.ok(made.system.changes > changes);
  const node = made.system.node("/top/inner/one");
  assert.is(node?.row().recentRestarts, 1);
  const [end] = node?.vitals.ends ?? [];
  assert.is(end?.incarnation, 1);
  assert.is(end?.reason.kind, "failed");
  assert.match(end?.message ?? "", /"do":"crash"/);
  assert.is(end?.because, "");
  const [transition] = node?.vitals.transitions ?? [];
  assert.is(transition?.cause, "restart");
  assert.is(made.system.node("/top/inner/two")?.vitals.ends.length, 0);
});

test("a sibling that is stopped for another's failure names it, and so does a supervisor that gives up", async () => {
  const made = probeWorld();
  const intensity = { maximumRestarts: 1, within: ms(10_000) };
  const inner = supervisorSpec("inner", [probe("one"), probe("two")], {
    strategy: "one_for_all",
    intensity,
  });
  assert.ok((await made.system.start(supervisorSpec("top", [inner]))).ok);
  const crash = async (): Promise<void> => {
    void made.ref("/top/inner/one").send({ do: "crash", text: "again" });
    await made.pass(200);
  };
  const last = (path: string) => made.system.node(path)?.vitals.ends.at(-1);
  await crash();
  assert.is(last("/top/inner/two")?.because, "/top/inner/one");
  await crash();
  assert.is(last("/top/inner")?.because, "/top/inner/one");
  assert.is(last("/top/inner/two")?.because, "/top/inner");
  await made.pass(5_000);
  assert.is(made.system.node("/top/inner")?.row().condition, "running");
  const causes = made.system.node("/top/inner")?.vitals.transitions.map(({ cause }) => cause);
  assert.ok(causes?.includes("group_ended") && causes.includes("end"), String(causes));
});

test("what is kept of one node has a limit", async () => {
  const made = probeWorld({ parkAfter: 1 });
  const intensity = { maximumRestarts: 1_000, within: ms(10_000) };
  assert.ok((await made.system.start(supervisorSpec("top", [probe("one")], { intensity }))).ok);
  for (let index = 0; index < 30; index += 1) {
    void made.ref("/top/one").send({ do: "crash", text: String(index) });
    await made.pass(5_000);
  }
  const vitals = made.system.node("/top/one")?.vitals;
  assert.is(vitals?.ends.length, 5);
  assert.match(vitals?.ends.at(-1)?.message ?? "", /"29"/);
  assert.is(vitals?.transitions.length, 20);
});

test("a machine's states are told as data, parents first", () => {
  const states = machineStates(supervisorMachine);
  assert.equal(
    states.map(({ name, kind, initial }) => `${name} ${kind}${initial ? " initial" : ""}`),
    [
      " compound initial",
      "starting atomic initial",
      "running atomic",
      "restarting atomic",
      "stopping atomic",
      "ended final",
    ],
  );
  assert.equal(states[0]?.transitions, [{ event: "end", target: "stopping", guarded: false }]);
  assert.equal(states[2]?.transitions, [
    { event: "group_ended", target: "restarting", guarded: false },
  ]);
});

test.run();
