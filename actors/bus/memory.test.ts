import { suite } from "uvu";
import * as assert from "uvu/assert";

import { manualClock } from "../kernel/manual-clock.ts";
import { durationNs } from "../kernel/units.ts";
import { MemoryBroker, MemoryBus } from "./memory.ts";
import { subjectMatches } from "./subjects.ts";

const test = suite("bus in memory");

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const text = (payload: Uint8Array | undefined): string => Buffer.from(payload ?? []).toString();

test("wildcards stand for one token, or for the rest", () => {
  assert.ok(subjectMatches("cmd.*.M.submit", "cmd.eu.M.submit"));
  assert.ok(subjectMatches("cmd.>", "cmd.eu.M.submit"));
  assert.not.ok(subjectMatches("cmd.>", "cmd"));
  assert.not.ok(subjectMatches("cmd.*", "cmd.eu.M"));
  assert.not.ok(subjectMatches("cmd.*.M", "cmd.eu"));
});

test("an append is stored on its expected tail and on no other, subject by subject", async () => {
  const bus = new MemoryBus(new MemoryBroker(), manualClock());
  assert.equal(await bus.journal.append("S", "a", bytes("1"), 0), {
    fate: "stored",
    streamSequence: 1,
  });
  assert.equal(await bus.journal.append("S", "b", bytes("2"), 0), {
    fate: "stored",
    streamSequence: 2,
  });
  assert.equal(await bus.journal.append("S", "a", bytes("3"), 0), { fate: "wrong_tail" });
  await bus.journal.append("S", "a", bytes("3"), 1);
  const tail = await bus.journal.tail("S", "a");
  assert.is(tail.ok && tail.value?.streamSequence, 3);
  const next = await bus.journal.next("S", "a", 2);
  assert.is(next.ok && text(next.value?.payload), "3");
  assert.equal(await bus.journal.next("S", "b", 3), { ok: true, value: null });
});

test("faults leave stored, not stored, or stored late what they say", async () => {
  const broker = new MemoryBroker();
  const bus = new MemoryBus(broker, manualClock());
  const stored = (): number => broker.messages("S", "a").length;
  broker.appendFault = () => ({ fault: "undecided_not_stored", reason: "timeout" });
  assert.is((await bus.journal.append("S", "a", bytes("1"), 0)).fate, "undecided");
  assert.is(stored(), 0);
  broker.appendFault = () => ({ fault: "undecided_late", reason: "timeout" });
  await bus.journal.append("S", "a", bytes("1"), 0);
  assert.is(stored(), 0);
  broker.deliverLate();
  assert.is(stored(), 1);
  broker.appendFault = () => ({ fault: "undecided_stored", reason: "503" });
  await bus.journal.append("S", "a", bytes("2"), 1);
  assert.is(stored(), 2);
  broker.loseSuffix("S", 1);
  broker.appendFault = () => null;
  assert.equal(await bus.journal.append("S", "a", bytes("3"), 1), {
    fate: "stored",
    streamSequence: 2,
  });
});

test("a key changes only for who knows its revision", async () => {
  const bus = new MemoryBus(new MemoryBroker(), manualClock());
  const made = await bus.keys.compareAndSet("LEASE", "own.a", bytes("1"), 0);
  assert.ok(made.ok);
  const again = await bus.keys.compareAndSet("LEASE", "own.a", bytes("2"), 0);
  assert.is(again.ok ? "" : again.failure.code, "conflict");
  await bus.keys.compareAndSet("LEASE", "cell.b", bytes("2"), 0);
  const listed = await bus.keys.list("LEASE", "own.");
  assert.equal(listed.ok && [...listed.value.keys()], ["own.a"]);
});

test("requests time out under the clock, and fail at once without a server or a responder", async () => {
  const clock = manualClock();
  const bus = new MemoryBus(new MemoryBroker(), clock);
  const nobody = await bus.request("q", bytes(""), durationNs(1e9));
  assert.is(nobody.ok ? "" : nobody.failure.code, "no_responders");
  const silent = bus.serve("q", () => {});
  const pending = bus.request("q", bytes(""), durationNs(1e9));
  await clock.advance(durationNs(1e9));
  const late = await pending;
  assert.is(late.ok ? "" : late.failure.code, "timeout");
  silent.unsubscribe();
  bus.serve("q", (request) => request.respond(bytes(`<${text(request.payload)}>`)));
  const answer = await bus.request("q", bytes("x"), durationNs(1e9));
  assert.is(answer.ok && text(answer.value), "<x>");
  bus.setConnected(false);
  bus.publish("md", bytes("x"));
  const cut = await bus.request("q", bytes("x"), durationNs(1e9));
  assert.is(cut.ok ? "" : cut.failure.code, "disconnected");
  assert.equal(bus.state(), { connected: false, reconnects: 0, server: "memory", dropped: 1 });
});

test("a payload is private to each receiver", async () => {
  const bus = new MemoryBus(new MemoryBroker(), manualClock());
  const seen: Uint8Array[] = [];
  for (let count = 0; count < 2; count += 1) {
    bus.subscribe("md.*", (_, payload) => {
      seen.push(payload.slice());
      payload.fill(0);
    });
  }
  bus.publish("md.x", bytes("ab"));
  await Promise.resolve();
  assert.equal(seen.map(text), ["ab", "ab"]);
});

test.run();
