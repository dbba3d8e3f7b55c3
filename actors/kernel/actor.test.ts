import { suite } from "uvu";
import * as assert from "uvu/assert";
import { setup } from "xstate";

import {
  ms,
  probe,
  type ProbeMessage,
  type ProbeStart,
  type ProbeWorld,
  probeWorld,
} from "../../test/support/probe-actors.ts";
import type { ActorContext, ActorDefinition, ActorSystem } from "./actor.ts";
import { actorSystem } from "./actor-system.ts";
import { trapProcessFailures } from "./blame.ts";
import { supervisorSpec } from "./child-spec.ts";
import { deadLetterStore } from "./dead-letters.ts";
import type { Exit } from "./exit.ts";
import { type ManualClock, manualClock } from "./manual-clock.ts";
import type { Log } from "./ports/log.ts";
import type { Result } from "./result.ts";
import { seededRandomness } from "./seeded-randomness.ts";

const test = suite("actor");

async function world(
  mailbox: Partial<ActorDefinition["mailbox"]> = {},
  start: ProbeStart = {},
): Promise<ProbeWorld> {
  const made = probeWorld(mailbox);
  const started = await made.system.start(
    supervisorSpec("desk", [probe("a", { start }), probe("b")], {
      backoff: { initial: ms(100), maximum: ms(100), jitter: 0, resetAfter: ms(1_000) },
      intensity: { maximumRestarts: 10, within: ms(1_000) },
    }),
  );
  assert.ok(started.ok);
  made.news();
  return made;
}

const a = "/desk/a";
const nodeOf = (made: ProbeWorld, path: string) =>
  made.system.tree().find((node) => node.path === path);
const code = (result: Result<unknown>): string => (result.ok ? "ok" : result.failure.code);

test("messages are handled one at a time, in order, the next one after the promise of the one before", async () => {
  const made = await world();
  made.ref(a).send({ do: "work", forMs: 50 });
  made.ref(a).send({ do: "echo", text: "after" });
  await made.pass(49);
  assert.equal(made.news(), ["work a"]);
  await made.pass(1);
  assert.equal(made.news(), ["worked a", "echo a after"]);
});

test("an ask resolves with the reply", async () => {
  const made = await world();
  const asked = made.ref(a).ask({ do: "echo", text: "hello" }, ms(100));
  const pending = made.clock.pending;
  await made.clock.settle();
  assert.equal(await asked, { ok: true, value: "hello" });
  assert.is(made.clock.pending, pending - 1, "its time-out is cancelled");
});

test("an ask without a reply times out, and a later failure does not answer it twice", async () => {
  const made = await world();
  const asked = made.ref(a).ask({ do: "stay_silent" }, ms(100));
  await made.pass(100);
  assert.is(code(await asked), "timeout");
  assert.is(made.system.counters().refusals["timeout"], 1);
});

test("an actor that ends answers what it was asked: the outcome is not known", async () => {
  const made = await world();
  const asked = made.ref(a).ask({ do: "stay_silent" }, ms(10_000));
  made.ref(a).send({ do: "throw_in_timer", text: "late" });
  await made.pass(5);
  assert.is(code(await asked), "internal");
});

test("a full mailbox refuses with busy, and unanswered asks fill it too", async () => {
  const made = await world({ capacity: 3 });
  const ref = made.ref(a);
  const unanswered = ref.ask({ do: "stay_silent" }, ms(100));
  await made.clock.settle();
  assert.ok(ref.send({ do: "work", forMs: 10 }).ok);
  assert.ok(ref.send({ do: "echo", text: "1" }).ok);
  const refused = ref.send({ do: "echo", text: "2" });
  assert.is(code(refused), "busy");
  assert.is(code(await ref.ask({ do: "echo", text: "3" }, ms(1))), "busy");
  assert.is(made.system.counters().refusals["busy"], 2);
  await made.pass(100);
  assert.is(code(await unanswered), "timeout");
  assert.ok(ref.send({ do: "echo", text: "4" }).ok);
  await made.clock.settle();
  assert.equal(made.news(), ["work a", "worked a", "echo a 1", "echo a 4"]);
});

test("a restart keeps the waiting messages", async () => {
  const made = await world({ parkAfter: 1 });
  made.ref(a).send({ do: "crash", text: "x" });
  made.ref(a).send({ do: "echo", text: "waited" });
  await made.clock.settle();
  assert.is(nodeOf(made, a)?.mailbox, 1);
  made.ref(a).send({ do: "echo", text: "sent during the back-off" });
  await made.pass(100);
  assert.equal(made.news(), [
    "crash a x",
    "exit a#1",
    "start a#2",
    "echo a waited",
    "echo a sent during the back-off",
  ]);
});

test("with onRestart drop a restart starts with an empty mailbox, and the dropped become dead letters", async () => {
  const made = await world({ onRestart: "drop" });
  made.ref(a).send({ do: "crash", text: "x" });
  const asked = made.ref(a).ask({ do: "echo", text: "waited" }, ms(10_000));
  await made.pass(100);
  assert.equal(made.news(), ["crash a x", "exit a#1", "start a#2"]);
  assert.is(code(await asked), "internal");
  assert.equal(made.system.deadLetters.counts(), { dropped_at_restart: 2 });
});

test("a message that keeps crashing its actor is parked, and the actor goes on with the next", async () => {
  const made = await world({ parkAfter: 3 });
  const asked = made.ref(a).ask({ do: "crash", text: "poison" }, ms(10_000));
  made.ref(a).send({ do: "echo", text: "next" });
  await made.pass(1_000);
  assert.equal(
    made.news().filter((line) => !/^(start|exit)/.test(line)),
    ["crash a poison", "crash a poison", "crash a poison", "echo a next"],
  );
  assert.is(code(await asked), "internal");
  const [letter] = made.system.deadLetters.list();
  assert.is(letter?.reason, "poison");
  assert.is(letter?.path, a);
  assert.is(letter?.message, '{"do":"crash","text":"poison"}');
  assert.is(letter?.failure, "Error: poison (receive)");
  assert.is(made.system.counters().parked, 1);
  assert.is(nodeOf(made, a)?.restarts, 3);
});

test("a message in work when its actor is stopped for a sibling is not blamed, and done again", async () => {
  const made = probeWorld({ parkAfter: 1 });
  await made.system.start(
    supervisorSpec("desk", [probe("a", { shutdown: "brutal_kill" }), probe("b")], {
      strategy: "one_for_all",
    }),
  );
  made.ref(a).send({ do: "work", forMs: 50 });
  made.ref("/desk/b").send({ do: "throw_in_timer", text: "late" });
  await made.pass(1_000);
  assert.equal(
    made.news().filter((line) => line.startsWith("work ")),
    ["work a", "work a"],
  );
  assert.is(made.system.counters().parked, 0);
});

test("a stop lets the message in work finish and leaves the waiting ones to dead letters", async () => {
  const made = await world();
  made.ref(a).send({ do: "work", forMs: 50 });
  const asked = made.ref(a).ask({ do: "echo", text: "never" }, ms(10_000));
  await made.clock.settle();
  const stopped = made.system.terminateChild(a);
  await made.pass(50);
  await stopped;
  assert.equal(made.news(), ["work a", "worked a", "terminate a", "exit a#1"]);
  assert.is(code(await asked), "not_found");
  assert.equal(made.system.deadLetters.counts(), { actor_ended: 1 });
});

test("sending to a stopped actor and to an unknown path is refused and kept as dead letters", async () => {
  const made = await world();
  const ref = made.ref(a);
  await made.system.terminateChild(a);
  assert.is(code(ref.send({ do: "echo", text: "late" })), "not_found");
  await made.system.deleteChild(a);
  assert.is(code(ref.send({ do: "echo", text: "later" })), "not_found");
  assert.equal(made.system.deadLetters.counts(), { not_found: 2 });
  assert.is(made.system.counters().refusals["not_found"], 2);
});

test("messages and lifecycle events that an actor does not know become dead letters", async () => {
  const made = await world();
  made.ref(a).send({ do: "no such thing" } as unknown as ProbeMessage);
  made.ref(a).send({ do: "unknown_event" });
  await made.clock.settle();
  assert.equal(
    made.system.deadLetters.list().map((letter) => [letter.reason, letter.message]),
    [
      ["unknown_message", '{"do":"no such thing"}'],
      ["unknown_message", '{"type":"not_now"}'],
    ],
  );
  assert.is(nodeOf(made, a)?.state, "open");
});

test("a failing lifecycle action is the failure of its actor and of nobody else", async () => {
  const made = await world();
  made.ref(a).send({ do: "fail_machine" });
  await made.clock.settle();
  assert.is(nodeOf(made, a)?.lastFailure, "Error: action failed (lifecycle)");
  assert.is(nodeOf(made, a)?.state, "restarting");
  assert.is(nodeOf(made, "/desk/b")?.state, "open");
  assert.equal(
    made.logged.map(({ level }) => level),
    ["error"],
  );
});

test("a delayed transition of the lifecycle machine runs on the clock port", async () => {
  const made = await world({}, { lifetimeMs: 3_000 });
  await made.pass(2_999);
  assert.is(nodeOf(made, a)?.state, "open");
  await made.pass(1);
  assert.is(nodeOf(made, a)?.state, "restarting");
});

test("the message that led to a normal exit is done, also for a permanent actor", async () => {
  const made = await world();
  made.ref(a).send({ do: "finish" });
  await made.pass(1_000);
  assert.equal(made.news(), ["exit a#1", "start a#2"]);
});

test("messages wait until the actor has restored itself", async () => {
  const made = await world({}, { restoreMs: 40 });
  made.ref(a).send({ do: "echo", text: "early" });
  await made.pass(39);
  assert.equal(made.news(), []);
  await made.pass(1);
  assert.equal(made.news(), ["restored a", "echo a early"]);
});

test("a rejected task and a throw in a timer fail the actor that started them", async () => {
  const made = await world();
  made.ref(a).send({ do: "reject_task", text: "in a task" });
  await made.pass(5);
  assert.is(nodeOf(made, a)?.lastFailure, "Error: in a task (task)");
  made.ref("/desk/b").send({ do: "throw_in_timer", text: "in a timer" });
  await made.pass(5);
  assert.is(nodeOf(made, "/desk/b")?.lastFailure, "Error: in a timer (timer)");
});

test("timers, tasks and watches of an actor end with it", async () => {
  const made = await world();
  made.ref(a).send({ do: "watch", path: "/desk/b" });
  made.ref(a).send({ do: "throw_in_timer", text: "never" });
  await made.pass(1);
  await made.system.terminateChild(a);
  await made.system.terminateChild("/desk/b");
  assert.is(made.clock.pending, 0);
  await made.pass(100);
  assert.equal(made.news(), ["terminate a", "exit a#1", "terminate b", "exit b#1"]);
  assert.is(made.system.counters().failures, 0);
});

test("an error that comes after its actor's end is counted and logged, and restarts nobody", async () => {
  const made = await world();
  made.ref(a).send({ do: "reject_task", text: "late" });
  await made.pass(1);
  await made.system.terminateChild(a);
  await made.pass(100);
  assert.is(made.system.counters().lateErrors, 1);
  assert.is(made.system.counters().failures, 0);
  assert.match(made.logged.at(-1)?.text ?? "", /after the actor's end/);
});

test("a death watch tells every exit of a path, and noproc when nothing is there", async () => {
  const made = await world();
  const exits: Exit[] = [];
  const unwatch = made.system.watch(a, (exit) => exits.push(exit));
  made.system.watch("/desk/none", (exit) => exits.push(exit));
  made.ref("/desk/b").send({ do: "watch", path: a });
  made.ref(a).send({ do: "throw_in_timer", text: "failed" });
  await made.pass(200);
  made.ref(a).send({ do: "finish" });
  await made.pass(200);
  await made.system.terminateChild(a);
  await made.clock.settle();
  assert.equal(
    exits.map((exit) => `${exit.path}#${exit.incarnation} ${exit.reason.kind}`),
    ["/desk/none#0 noproc", "/desk/a#1 failed", "/desk/a#2 normal", "/desk/a#3 shutdown"],
  );
  assert.equal(
    made.news().filter((line) => line.includes("saw")),
    ["b saw /desk/a#1 failed", "b saw /desk/a#2 normal", "b saw /desk/a#3 shutdown"],
  );
  unwatch();
  await made.system.restartChild(a);
  await made.system.terminateChild(a);
  await made.clock.settle();
  assert.is(exits.length, 4);
});

test("a failure keeps the chain of causes", async () => {
  const made = await world();
  made.ref(a).send({ do: "crash", text: "outer" });
  await made.clock.settle();
  assert.match(JSON.stringify(made.logged), /caused by: Error: the cause/);
});

test("what escapes to the process is blamed on the actor that started it, and only on it", async () => {
  const made = await world();
  const unowned: unknown[] = [];
  // uvu listens too and would report the error as its own.
  const others = {
    uncaughtException: process.listeners("uncaughtException"),
    unhandledRejection: process.listeners("unhandledRejection"),
  };
  process.removeAllListeners("uncaughtException").removeAllListeners("unhandledRejection");
  const release = trapProcessFailures((error) => unowned.push(error));
  try {
    made.ref(a).send({ do: "throw_in_raw_timer", text: "in a raw timer" });
    made.ref("/desk/b").send({ do: "reject_unhandled", text: "unhandled" });
    setTimeout(() => {
      throw new Error("nobody's");
    }, 2);
    await new Promise((resolve) => setTimeout(resolve, 50));
  } finally {
    release();
    for (const listener of others.uncaughtException) process.on("uncaughtException", listener);
    for (const listener of others.unhandledRejection) process.on("unhandledRejection", listener);
  }
  assert.is(nodeOf(made, a)?.lastFailure, "Error: in a raw timer (process)");
  assert.is(nodeOf(made, "/desk/b")?.lastFailure, "Error: unhandled (process)");
  assert.equal(unowned.map(String), ["Error: nobody's"]);
  assert.is(made.system.counters().failures, 2);
});

test("a flood of messages is worked off in turns, and all of it", async () => {
  const made = await world({ capacity: 1_000 });
  for (let count = 0; count < 1_000; count += 1) {
    assert.ok(made.ref(a).send({ do: "echo", text: String(count) }).ok);
  }
  assert.is(await made.clock.settle(), 7, "after each 128 messages others get a turn");
  const echoed = made.news();
  assert.is(echoed.length, 1_000);
  assert.is(echoed.at(-1), "echo a 999");
});

const idle = setup({}).createMachine({ initial: "open", states: { open: {} } });

/** A system with one actor whose context the test uses as the actor's code would. */
async function withContext(): Promise<{
  readonly system: ActorSystem;
  readonly clock: ManualClock;
  /** One per incarnation. */
  readonly contexts: ActorContext[];
}> {
  const clock = manualClock();
  const contexts: ActorContext[] = [];
  const log: Log = { info() {}, warn() {}, error() {}, child: () => log };
  const system = actorSystem({
    definitions: [
      {
        type: "open",
        mailbox: { capacity: 4, onRestart: "keep", parkAfter: 1 },
        create: (context) => {
          contexts.push(context);
          return { machine: idle, input: undefined, receive() {} };
        },
      },
    ],
    clock,
    log,
    randomness: seededRandomness(5),
    deadLetters: deadLetterStore(clock),
  });
  const spec = {
    id: "a",
    type: "open",
    start: {},
    restart: "permanent",
    shutdown: ms(10),
  } as const;
  const started = await system.start(
    supervisorSpec("desk", [spec], {
      backoff: { initial: ms(0), maximum: ms(0), jitter: 0, resetAfter: ms(0) },
    }),
  );
  assert.ok(started.ok);
  return { system, clock, contexts };
}

test("what an actor registered is given back at its failure, newest first, and its signal is aborted", async () => {
  const { system, clock, contexts } = await withContext();
  const [context] = contexts as [ActorContext];
  const released: string[] = [];
  for (const name of ["first", "second"]) context.onExit(() => released.push(name));
  assert.not.ok(context.signal.aborted);
  context.callback(() => {
    throw new Error("from a subscription");
  })();
  assert.equal(released, ["second", "first"]);
  assert.ok(context.signal.aborted);
  await clock.settle();
  assert.is(contexts.length, 2);
  assert.is(system.tree()[1]?.lastFailure, "Error: from a subscription (callback)");
});

test("a callback of an ended incarnation does nothing", async () => {
  const { system, contexts } = await withContext();
  let called = 0;
  const callback = (contexts[0] as ActorContext).callback(() => {
    called += 1;
  });
  callback();
  await system.terminateChild("/desk/a");
  callback();
  assert.is(called, 1);
});

test("an actor that has ended can start nothing more", async () => {
  const { system, clock, contexts } = await withContext();
  const context = contexts[0] as ActorContext;
  await system.terminateChild("/desk/a");
  const did: string[] = [];
  context.run(async () => void did.push("task"));
  context.after(ms(1), () => did.push("timer"));
  context.watch("/desk/none", () => did.push("watch"));
  context.onExit(() => did.push("given back at once"));
  context.lifecycle.send({ type: "anything" });
  assert.is(clock.pending, 0);
  await clock.advance(ms(10));
  assert.equal(did, ["given back at once"]);
  assert.is(system.deadLetters.total, 0);
});

test("a signal that is first looked at after the end is aborted", async () => {
  const { system, contexts } = await withContext();
  await system.terminateChild("/desk/a");
  assert.ok(contexts[0]?.signal.aborted);
});

test("work that goes on after its actor's end takes no message from the next incarnation", async () => {
  const made = await world();
  made.ref(a).send({ do: "throw_in_timer", text: "while it works" });
  made.ref(a).send({ do: "work", forMs: 200 });
  for (const text of ["1", "2", "3"]) made.ref(a).send({ do: "echo", text });
  await made.pass(1_000);
  assert.equal(
    made.news().filter((line) => !/^(start|exit)/.test(line)),
    ["work a", "work a", "worked a", "worked a", "echo a 1", "echo a 2", "echo a 3"],
  );
});

test("a rejected callback is its actor's failure", async () => {
  const { system, clock, contexts } = await withContext();
  contexts[0]?.callback(async () => {
    await Promise.resolve();
    throw new Error("later");
  })();
  await clock.settle();
  assert.is(system.tree()[1]?.lastFailure, "Error: later (callback)");
});

test("an error while things are given back does not keep the rest from being given back", async () => {
  const { system, contexts } = await withContext();
  let released = false;
  contexts[0]?.onExit(() => {
    released = true;
  });
  contexts[0]?.onExit(() => {
    throw new Error("release failed");
  });
  await system.terminateChild("/desk/a");
  assert.ok(released);
  assert.is(system.counters().lateErrors, 1);
});

test("each incarnation has its own chance, the same in each run", async () => {
  const draw = async (): Promise<number[]> => {
    const { clock, contexts } = await withContext();
    contexts[0]?.callback(() => {
      throw new Error("again");
    })();
    await clock.settle();
    return contexts.map((context) => context.randomness.below(2 ** 32));
  };
  const [first, second] = [await draw(), await draw()];
  assert.equal(first, second);
  assert.is.not(first[0], first[1]);
});

test("an actor is found by its path and its definition's type", async () => {
  const { system } = await withContext();
  assert.is(system.find({ ...anything, type: "other" }, "/desk/a").ok, false);
  assert.is(system.find({ ...anything, type: "open" }, "/desk/a").ok, true);
  assert.is(system.find({ ...anything, type: "supervisor" }, "/desk").ok, false);
});

const anything: Omit<ActorDefinition, "type"> = {
  mailbox: { capacity: 1, onRestart: "keep", parkAfter: 1 },
  create: () => {
    throw new Error("find() does not create");
  },
};

test.run();
