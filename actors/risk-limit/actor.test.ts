import { suite } from "uvu";
import * as assert from "uvu/assert";

import type { ActorRef, ActorSystem } from "../kernel/actor.ts";
import { actorSystem } from "../kernel/actor-system.ts";
import { supervisorSpec } from "../kernel/child-spec.ts";
import { deadLetterStore } from "../kernel/dead-letters.ts";
import { type ManualClock, manualClock } from "../kernel/manual-clock.ts";
import { memoryEventLog } from "../kernel/memory-event-log.ts";
import type { EventLog } from "../kernel/ports/event-log.ts";
import type { Log } from "../kernel/ports/log.ts";
import { refuse, type Result } from "../kernel/result.ts";
import { seededRandomness } from "../kernel/seeded-randomness.ts";
import { durationNs, quantityLots } from "../kernel/units.ts";
import { riskLimitActor } from "./actor.ts";
import { noLimits } from "./limits.ts";
import type { RiskLimitMessage, RiskLimitReply } from "./messages.ts";

const test = suite("risk limit actor");

const path = "/risk/acme";
const second = durationNs(1_000_000_000);

interface World {
  readonly system: ActorSystem;
  readonly clock: ManualClock;
  readonly account: ActorRef<RiskLimitMessage, RiskLimitReply>;
  /** Asks and lets the actor work; time passes only when the reply needs it. */
  ask(message: RiskLimitMessage): Promise<Result<RiskLimitReply>>;
}

async function world(events: EventLog): Promise<World> {
  const clock = manualClock();
  const log: Log = { info() {}, warn() {}, error() {}, child: () => log };
  const definition = riskLimitActor({ events });
  const system = actorSystem({
    definitions: [definition],
    clock,
    log,
    randomness: seededRandomness(1),
    deadLetters: deadLetterStore(clock),
  });
  const limits = {
    ...noLimits,
    maximumOrderQuantity: quantityLots(10),
    maximumOpenQuantity: quantityLots(25),
  };
  const started = await system.start(
    supervisorSpec("risk", [
      {
        id: "acme",
        type: "risk-limit",
        start: { region: "eu-central", name: "acme", limits, incarnation: 1 },
        restart: "permanent",
        shutdown: second,
      },
    ]),
  );
  assert.ok(started.ok);
  await clock.settle();
  const account = system.find(definition, path);
  if (!account.ok) throw new Error(account.failure.reason);
  return {
    system,
    clock,
    account: account.value,
    async ask(message) {
      const asked = account.value.ask(message, durationNs(60e9));
      for (let waited = 0; waited < 20; waited += 1) await clock.advance(second);
      return asked;
    },
  };
}

const reserve = (commandId: string, quantity: number): RiskLimitMessage => ({
  type: "reserve",
  commandId,
  quantity: quantityLots(quantity),
});

/** `done 7`, `repeated 7`, `limit_exceeded 7`, or the failure of the ask. */
function said(result: Result<RiskLimitReply>): string {
  if (!result.ok) return result.failure.code;
  const { value } = result;
  const word = value.type === "refused" ? value.failure.code : value.repeated ? "repeated" : "done";
  return `${word} ${value.outcome.reserved}`;
}
const stateOf = ({ system }: World) => system.tree().find((node) => node.path === path);

test("commands are carried out, refused and repeated", async () => {
  const made = await world(memoryEventLog());
  assert.is(stateOf(made)?.state, "active");
  assert.is(said(await made.ask(reserve("a", 7))), "done 7");
  assert.is(said(await made.ask(reserve("b", 11))), "limit_exceeded 7");
  assert.is(said(await made.ask(reserve("a", 7))), "repeated 7");
  assert.is(
    said(await made.ask({ type: "release", commandId: "c", quantity: quantityLots(2) })),
    "done 5",
  );
  assert.is(said(await made.ask({ type: "describe" })), "done 5");
});

test("after a stop and a start, and after a failure, everything is as before", async () => {
  const events = memoryEventLog();
  const made = await world(events);
  for (let index = 0; index < 1_100; index += 1) {
    made.account.send(reserve(`in ${index}`, 5));
    made.account.send({ type: "release", commandId: `out ${index}`, quantity: quantityLots(5) });
    if (index % 50 === 0) await made.clock.settle();
  }
  assert.is(said(await made.ask(reserve("kept", 9))), "done 9");
  await made.system.terminateChild(path);
  await made.system.restartChild(path);
  assert.is(said(await made.ask({ type: "describe" })), "done 9");
  assert.is(said(await made.ask(reserve("kept", 9))), "repeated 9");
  assert.is(stateOf(made)?.restarts, 1);

  const elsewhere = await world(events);
  assert.is(said(await elsewhere.ask({ type: "describe" })), "done 9");
  assert.is(said(await elsewhere.ask(reserve("kept", 9))), "repeated 9");
});

/** An event log whose next appends meet faults, and that can be closed for a while. */
function faultyLog(): EventLog & { faults: ("stored" | "not_stored")[]; unreachable: number } {
  const inner = memoryEventLog();
  const unavailable = () => refuse("unavailable", "no answer", "read again");
  const log = {
    faults: [] as ("stored" | "not_stored")[],
    unreachable: 0,
    async append(name: string, expected: number, batch: readonly Uint8Array[]) {
      const fault = log.faults.shift();
      if (fault === undefined) return inner.append(name, expected, batch);
      if (fault === "stored") await inner.append(name, expected, batch);
      return unavailable();
    },
    async read(name: string, after: number, limit: number) {
      if (log.unreachable === 0) return inner.read(name, after, limit);
      log.unreachable -= 1;
      return unavailable();
    },
  };
  return log;
}

test("an append that was kept though it seemed to fail is done once", async () => {
  const events = faultyLog();
  const made = await world(events);
  events.faults = ["stored"];
  events.unreachable = 3;
  assert.is(said(await made.ask(reserve("a", 7))), "repeated 7");
  assert.is(said(await made.ask(reserve("b", 7))), "done 14");
  assert.is(stateOf(made)?.restarts, 0);
});

test("an append that was not kept is tried again until it is", async () => {
  const events = faultyLog();
  const made = await world(events);
  events.faults = ["not_stored", "not_stored"];
  assert.is(said(await made.ask(reserve("a", 7))), "done 7");
  assert.is(said(await made.ask({ type: "describe" })), "done 7");
});

test("while its log cannot be read at the start it waits, and messages wait with it", async () => {
  const events = faultyLog();
  events.unreachable = 5;
  const made = await world(events);
  const asked = made.account.ask(reserve("a", 7), durationNs(60e9));
  await made.clock.settle();
  assert.is(stateOf(made)?.state, "restoring");
  await made.clock.advance(second);
  assert.is(said(await asked), "done 7");
  assert.is(stateOf(made)?.state, "active");
});

test("another writer of its log is a failure: it restarts from the log, and the command is carried out", async () => {
  const events = memoryEventLog();
  const made = await world(events);
  const intruder = await world(events);
  assert.is(said(await intruder.ask(reserve("theirs", 4))), "done 4");
  assert.is(said(await made.ask(reserve("ours", 3))), "done 7");
  assert.is(stateOf(made)?.restarts, 1);
  assert.match(stateOf(made)?.lastFailure ?? "", /wrong_sequence/);
});

test("an account killed while its log does not answer writes nothing afterwards", async () => {
  const answers: (() => void)[] = [];
  let appends = 0;
  const inner = memoryEventLog();
  const events: EventLog = {
    read: (name, after, limit) => inner.read(name, after, limit),
    async append() {
      appends += 1;
      await new Promise<void>((resolve) => answers.push(resolve));
      return refuse("unavailable", "no answer", "read again");
    },
  };
  const made = await world(events);
  made.account.send(reserve("a", 1));
  await made.clock.settle();
  const stopped = made.system.terminateChild(path);
  await made.clock.advance(second);
  await stopped;
  for (const answer of answers) answer();
  await made.clock.advance(durationNs(60e9));
  assert.is(appends, 1);
  assert.is(made.system.counters().lateErrors, 0);
});

test("a full log refuses what changes something and still answers questions", async () => {
  const made = await world(memoryEventLog(1));
  assert.is(said(await made.ask(reserve("a", 1))), "done 1");
  assert.is(said(await made.ask(reserve("b", 1))), "log_full 1");
  assert.is(said(await made.ask({ type: "describe" })), "done 1");
});

test("a damaged event stops the account and never becomes a wrong limit", async () => {
  const events = memoryEventLog();
  await events.append("risk-limit.acme", 0, [Uint8Array.from([1, 2, 3])]);
  const made = await world(events);
  const asked = made.account.ask({ type: "describe" }, durationNs(600e9));
  await made.clock.advance(durationNs(100e9));
  assert.is(said(await asked), "not_found");
  assert.is((await made.system.ended).reason.kind, "failed");
});

test("more commands than its mailbox holds are refused busy", async () => {
  const events = faultyLog();
  events.unreachable = 1_000;
  const made = await world(events);
  let busy = 0;
  for (let index = 0; index < 300; index += 1) {
    const sent = made.account.send(reserve(`${index}`, 1));
    if (!sent.ok && sent.failure.code === "busy") busy += 1;
  }
  assert.is(busy, 300 - 256);
});

test.run();
