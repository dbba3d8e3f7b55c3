import { suite, type Test } from "uvu";
import * as assert from "uvu/assert";

import type { AppendFate, Bus, StoredMessage } from "../kernel/ports/bus.ts";
import type { Result } from "../kernel/result.ts";
import { durationNs } from "../kernel/units.ts";

/**
 * What every implementation of the bus port has to do, whoever stands behind it: run against real
 * servers, against the broker in memory and against the simulated cluster. A harness brings about
 * what servers do when they are in trouble; what it cannot bring about is skipped with its reason.
 */

export const troubles = [
  "in_flight_conflict",
  "answer_lost",
  "leaderless",
  "duplicate",
  "sequence_zero",
  "stale_read",
  "both_stored",
] as const;
export type Trouble = (typeof troubles)[number];

export interface BusHarness {
  /** A connection of its own. */
  readonly connect: () => Promise<Bus>;
  readonly stream: string;
  readonly bucket: string;
  /** A journal subject of the stream that nobody has used. */
  readonly freshSubject: () => string;
  /** Lets the implementation's time go on until the work is done. */
  readonly settle: <T>(work: Promise<T>) => Promise<T>;
  /** Lets that many milliseconds pass. */
  readonly pass: (milliseconds: number) => Promise<void>;
  /** One append while the servers are in trouble, and its fate. The trouble is over afterwards. */
  appendIn(
    trouble: Exclude<Trouble, "stale_read" | "leaderless">,
    bus: Bus,
    subject: string,
    payload: Uint8Array,
    expectedTail: number,
  ): Promise<AppendFate>;
  /** While the body runs a majority of the servers is gone. */
  leaderless(body: () => Promise<void>): Promise<void>;
  /** Reads the tail from a server that has seen only the first `asOf` messages of the stream. */
  staleTail(bus: Bus, subject: string, asOf: number): Promise<Result<StoredMessage | null>>;
  stop(): Promise<void>;
}

export interface BusUnderTest {
  readonly name: string;
  /** Why the implementation cannot run at all here; null when it can. */
  readonly missing: string | null;
  /** Why a trouble cannot be brought about. */
  readonly cannot: Partial<Readonly<Record<Trouble, string>>>;
  start(): Promise<BusHarness>;
}

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const text = (payload: Uint8Array | undefined): string => Buffer.from(payload ?? []).toString();
const patience = durationNs(2_000_000_000);

/** Registers and runs the contract. */
export function busContract(under: BusUnderTest): void {
  const test = suite(`bus contract: ${under.name}`);
  let harness: BusHarness;
  let bus: Bus;
  test.before(async () => {
    if (under.missing !== null) return;
    harness = await under.start();
    bus = await harness.connect();
  });
  test.after(async () => {
    if (under.missing === null) await harness.stop();
  });
  const cases: Cases = {
    harness: () => harness,
    bus: () => bus,
    test: (title, body) => register(test, under.missing, title, body),
    trouble: (trouble, title, body) =>
      register(test, under.missing ?? under.cannot[trouble] ?? null, title, body),
  };
  journalCases(cases);
  troubleCases(cases);
  keyCases(cases);
  messageCases(cases);
  test.run();
}

interface Cases {
  readonly harness: () => BusHarness;
  readonly bus: () => Bus;
  readonly test: (title: string, body: () => Promise<void>) => void;
  readonly trouble: (trouble: Trouble, title: string, body: () => Promise<void>) => void;
}

function register(
  suiteOf: Test,
  missing: string | null,
  title: string,
  body: () => Promise<void>,
): void {
  if (missing === null) {
    suiteOf(title, body);
    return;
  }
  console.log(`SKIP ${title}: ${missing}`);
  suiteOf.skip(title, body);
}

function journalCases({ harness, bus, test }: Cases): void {
  test("B6.2 an append is stored on its expected tail and on no other (10071)", async () => {
    const { settle, stream, freshSubject } = harness();
    const subject = freshSubject();
    const { journal } = bus();
    const first = storedAt(await settle(journal.append(stream, subject, bytes("a"), 0)));
    assert.equal(await settle(journal.append(stream, subject, bytes("b"), 0)), {
      fate: "wrong_tail",
    });
    const beyond = first + 1;
    assert.equal(await settle(journal.append(stream, subject, bytes("b"), beyond)), {
      fate: "wrong_tail",
    });
    const second = storedAt(await settle(journal.append(stream, subject, bytes("c"), first)));
    assert.ok(second > first);
    assert.is(await tailText(harness(), bus(), subject), "c");
  });

  test("subjects of one stream share its numbers and not their tails", async () => {
    const { settle, stream, freshSubject } = harness();
    const [one, other] = [freshSubject(), freshSubject()];
    const { journal } = bus();
    const first = storedAt(await settle(journal.append(stream, one, bytes("1"), 0)));
    const second = storedAt(await settle(journal.append(stream, other, bytes("2"), 0)));
    const third = storedAt(await settle(journal.append(stream, one, bytes("3"), first)));
    assert.ok(first < second && second < third, [first, second, third].join(" "));
  });

  test("a journal is read message by message, and its end is null", async () => {
    const { settle, stream, freshSubject } = harness();
    const subject = freshSubject();
    const { journal } = bus();
    assert.equal(await settle(journal.tail(stream, subject)), { ok: true, value: null });
    assert.equal(await settle(journal.next(stream, subject, 1)), { ok: true, value: null });
    let tail = 0;
    for (const content of ["a", "b", "c"]) {
      tail = storedAt(await settle(journal.append(stream, subject, bytes(content), tail)));
    }
    const read: string[] = [];
    for (let from = 1; ; ) {
      const next = await settle(journal.next(stream, subject, from));
      if (!next.ok) throw new Error(next.failure.reason);
      if (next.value === null) break;
      read.push(text(next.value.payload));
      from = next.value.streamSequence + 1;
    }
    assert.equal(read, ["a", "b", "c"]);
  });

  test("a block of 768 KiB and its header come back byte for byte, private to each reader", async () => {
    const { settle, stream, freshSubject } = harness();
    const subject = freshSubject();
    const { journal } = bus();
    const block = new Uint8Array(768 * 1024 + 300).map((_, index) => (index * 31) % 251);
    storedAt(await settle(journal.append(stream, subject, block, 0)));
    const once = await settle(journal.tail(stream, subject));
    assert.ok(once.ok && once.value !== null && Buffer.compare(once.value.payload, block) === 0);
    if (once.ok) once.value?.payload.fill(0);
    const again = await settle(journal.tail(stream, subject));
    assert.ok(again.ok && again.value !== null && Buffer.compare(again.value.payload, block) === 0);
  });
}

function troubleCases({ harness, bus, trouble }: Cases): void {
  trouble(
    "in_flight_conflict",
    "B6.2 of two appends at once on one tail exactly one is stored, the other refused or undecided (10164)",
    async () => {
      const subject = harness().freshSubject();
      const fate = await inTrouble(harness(), bus(), "in_flight_conflict", subject, "lost", 0);
      assert.ok(fate.fate === "wrong_tail" || fate.fate === "undecided", JSON.stringify(fate));
      const tail = await tailText(harness(), bus(), subject);
      assert.is(tail, "rival");
    },
  );

  trouble(
    "answer_lost",
    "a time-out whose publish was stored is undecided, and the tail tells",
    async () => {
      const subject = harness().freshSubject();
      const fate = await inTrouble(harness(), bus(), "answer_lost", subject, "kept", 0);
      assert.is(fate.fate, "undecided");
      assert.is(await tailText(harness(), bus(), subject), "kept");
      const again = await harness().settle(
        bus().journal.append(harness().stream, subject, bytes("kept"), 0),
      );
      assert.equal(again, { fate: "wrong_tail" });
    },
  );

  for (const kind of ["duplicate", "sequence_zero"] as const) {
    trouble(kind, `an ack that is a ${kind.replace("_", " ")} proves nothing`, async () => {
      const subject = harness().freshSubject();
      const fate = await inTrouble(harness(), bus(), kind, subject, "x", 0);
      assert.is(fate.fate, "undecided");
    });
  }

  trouble(
    "leaderless",
    "without a majority nothing is acknowledged or refused (503), afterwards nothing acknowledged is missing",
    async () => {
      const { settle, stream, freshSubject, bucket } = harness();
      const subject = freshSubject();
      const { journal, keys } = bus();
      const first = storedAt(await settle(journal.append(stream, subject, bytes("before"), 0)));
      await harness().leaderless(async () => {
        const fate = await settle(journal.append(stream, subject, bytes("during"), first));
        assert.is(fate.fate, "undecided");
        const changed = await settle(keys.compareAndSet(bucket, `gap-${first}`, bytes("x"), 0));
        assert.ok(!changed.ok);
        if (!changed.ok) assert.is(changed.failure.code, "undecided");
      });
      const found = await tailText(harness(), bus(), subject);
      assert.ok(found === "before" || found === "during", found);
      await keysWritable(harness(), bus());
    },
  );

  trouble("stale_read", "a stale read gives what once was, never what was not", async () => {
    const { settle, stream, freshSubject } = harness();
    const subject = freshSubject();
    const { journal } = bus();
    const first = storedAt(await settle(journal.append(stream, subject, bytes("old"), 0)));
    storedAt(await settle(journal.append(stream, subject, bytes("new"), first)));
    const stale = await settle(harness().staleTail(bus(), subject, first));
    assert.is(stale.ok && text(stale.value?.payload), "old");
    assert.is(await tailText(harness(), bus(), subject), "new");
    const earlier = await settle(harness().staleTail(bus(), subject, first - 1));
    assert.equal(earlier, { ok: true, value: null });
  });

  trouble(
    "both_stored",
    "an append that was checked before another one was stored is stored behind it, and acknowledged",
    async () => {
      const { settle, stream, freshSubject } = harness();
      const subject = freshSubject();
      const first = storedAt(await settle(bus().journal.append(stream, subject, bytes("a"), 0)));
      const fate = await inTrouble(harness(), bus(), "both_stored", subject, "b", 0);
      assert.ok(storedAt(fate) > first);
      assert.is(await tailText(harness(), bus(), subject), "b");
    },
  );
}

function keyCases({ harness, bus, test }: Cases): void {
  test("B6.2 a key changes only for who knows its revision", async () => {
    const { settle, bucket } = harness();
    const { keys } = bus();
    const made = await settle(keys.compareAndSet(bucket, "own.atlas-00", bytes("1"), 0));
    if (!made.ok) throw new Error(made.failure.reason);
    const again = await settle(keys.compareAndSet(bucket, "own.atlas-00", bytes("2"), 0));
    assert.is(again.ok ? "" : again.failure.code, "conflict");
    const changed = await settle(
      keys.compareAndSet(bucket, "own.atlas-00", bytes("3"), made.value),
    );
    assert.ok(changed.ok && changed.value > made.value);
    const old = await settle(keys.compareAndSet(bucket, "own.atlas-00", bytes("4"), made.value));
    assert.is(old.ok ? "" : old.failure.code, "conflict");
    const entry = await settle(keys.get(bucket, "own.atlas-00"));
    assert.is(entry.ok && text(entry.value?.value), "3");
    assert.is(entry.ok && entry.value?.revision, changed.ok && changed.value);
    assert.equal(await settle(keys.get(bucket, "own.none")), { ok: true, value: null });
  });

  test("B6.2 of many who set one revision at once exactly one succeeds", async () => {
    const { settle, bucket } = harness();
    const { keys } = bus();
    const asked = Array.from({ length: 8 }, (_, index) =>
      keys.compareAndSet(bucket, "race.key", bytes(String(index)), 0),
    );
    const outcomes = await settle(Promise.all(asked));
    assert.is(outcomes.filter((outcome) => outcome.ok).length, 1, JSON.stringify(outcomes));
    const winner = outcomes.findIndex((outcome) => outcome.ok);
    const entry = await settle(keys.get(bucket, "race.key"));
    assert.is(entry.ok && text(entry.value?.value), String(winner));
  });

  test("keys are listed by prefix", async () => {
    const { settle, bucket } = harness();
    const { keys } = bus();
    await settle(keys.compareAndSet(bucket, "list.a.x", bytes("1"), 0));
    await settle(keys.compareAndSet(bucket, "list.a.y", bytes("2"), 0));
    await settle(keys.compareAndSet(bucket, "list.b.x", bytes("3"), 0));
    const listed = await settle(keys.list(bucket, "list.a."));
    assert.equal(listed.ok && [...listed.value.keys()].sort(), ["list.a.x", "list.a.y"]);
  });
}

function messageCases({ harness, bus, test }: Cases): void {
  test("a request goes to one of those who serve its subject, and to nobody else", async () => {
    const { settle, pass, connect } = harness();
    const other = await connect();
    const seen: string[] = [];
    const subscriptions = [bus(), other].map((each, index) =>
      each.serve("cmd.contract.*.submit", (request) => {
        seen.push(text(request.payload));
        request.respond(bytes(`${index}:${request.subject}`));
      }),
    );
    await pass(50);
    for (let number = 0; number < 6; number += 1) {
      const asked = other.request("cmd.contract.M.submit", bytes(String(number)), patience);
      const answer = await settle(asked);
      assert.match(answer.ok ? text(answer.value) : "", /^[01]:cmd\.contract\.M\.submit$/);
    }
    assert.equal(seen, ["0", "1", "2", "3", "4", "5"]);
    for (const subscription of subscriptions) subscription.unsubscribe();
    await pass(50);
    const nobody = await settle(other.request("cmd.contract.M.submit", bytes("q"), patience));
    assert.is(nobody.ok ? "" : nobody.failure.code, "no_responders");
    await other.close();
  });

  test("a request that is not answered ends as a time-out", async () => {
    const { settle, pass } = harness();
    const silent = bus().serve("cmd.contract.silent", () => {});
    await pass(50);
    const asked = bus().request("cmd.contract.silent", bytes("q"), durationNs(200_000_000));
    const answer = await settle(asked);
    assert.is(answer.ok ? "" : answer.failure.code, "timeout");
    silent.unsubscribe();
  });

  test("every subscriber gets every message, in the order of one publisher, in bytes of its own", async () => {
    const { pass, connect } = harness();
    const other = await connect();
    const seen: string[][] = [[], []];
    for (const [index, each] of [bus(), other].entries()) {
      each.subscribe("md.contract.*", (subject, payload) => {
        seen[index]?.push(`${subject}=${text(payload)}`);
        payload.fill(0);
      });
    }
    await pass(50);
    for (let number = 0; number < 20; number += 1) {
      bus().publish("md.contract.l1", bytes(String(number)));
    }
    bus().publish("other.contract.l1", bytes("not for them"));
    await pass(200);
    const expected = Array.from({ length: 20 }, (_, number) => `md.contract.l1=${number}`);
    assert.equal(seen, [expected, expected]);
    await other.close();
    bus().publish("md.contract.l1", bytes("after"));
    await pass(100);
    assert.is(seen[0]?.length, 21);
    assert.is(seen[1]?.length, 20);
  });

  test("a closed connection says so and drops what is published", async () => {
    const { settle, connect } = harness();
    const other = await connect();
    await settle(other.close());
    assert.is(other.state().connected, false);
    other.publish("md.contract.l1", bytes("x"));
    assert.is(other.state().dropped, 1);
    const answer = await settle(other.request("cmd.contract.M.submit", bytes("q"), patience));
    assert.is(answer.ok ? "" : answer.failure.code, "disconnected");
    const fate = await settle(other.journal.append("S", "s", bytes("x"), 0));
    assert.is(fate.fate, "undecided");
  });
}

function inTrouble(
  harness: BusHarness,
  bus: Bus,
  trouble: Exclude<Trouble, "stale_read" | "leaderless">,
  subject: string,
  content: string,
  expectedTail: number,
): Promise<AppendFate> {
  return harness.settle(harness.appendIn(trouble, bus, subject, bytes(content), expectedTail));
}

function storedAt(fate: AppendFate): number {
  if (fate.fate !== "stored") throw new Error(`not stored: ${JSON.stringify(fate)}`);
  return fate.streamSequence;
}

/**
 * Waits until keys can be written: their stream elects a leader of its own, and may be later than the
 * journal's. What was asked in between is undecided and proves nothing.
 */
async function keysWritable(harness: BusHarness, bus: Bus): Promise<void> {
  for (let tries = 0; tries < 120; tries += 1) {
    const key = `after-gap.${tries}`;
    const made = await harness.settle(bus.keys.compareAndSet(harness.bucket, key, bytes("x"), 0));
    if (made.ok) return;
    await harness.pass(250);
  }
  throw new Error(`no key of ${harness.bucket} can be written`);
}

/** The tail's text; waits for a leader. */
async function tailText(harness: BusHarness, bus: Bus, subject: string): Promise<string> {
  for (let tries = 0; tries < 120; tries += 1) {
    const tail = await harness.settle(bus.journal.tail(harness.stream, subject));
    if (tail.ok) return text(tail.value?.payload);
    await harness.pass(250);
  }
  throw new Error(`the tail of ${subject} cannot be read`);
}
