import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../test/support/seed.ts";
import { actorSystem } from "../kernel/actor-system.ts";
import { supervisorSpec } from "../kernel/child-spec.ts";
import { deadLetterStore } from "../kernel/dead-letters.ts";
import { fileEventLog } from "../kernel/file-event-log.ts";
import { manualClock } from "../kernel/manual-clock.ts";
import { memoryEventLog } from "../kernel/memory-event-log.ts";
import type { EventLog } from "../kernel/ports/event-log.ts";
import type { Log } from "../kernel/ports/log.ts";
import { seededRandomness } from "../kernel/seeded-randomness.ts";
import { durationNs, quantityLots } from "../kernel/units.ts";
import { riskLimitActor } from "./actor.ts";
import { noLimits } from "./limits.ts";
import type { RiskLimitMessage, RiskLimitReply } from "./messages.ts";

/** What an account was, read back: from files of older versions, and whatever was sent how often. */
const test = suite("risk limit history");

const log: Log = { info() {}, warn() {}, error() {}, child: () => log };
const path = "/risk/acme";

async function account(events: EventLog) {
  const clock = manualClock();
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
    maximumOrderQuantity: quantityLots(50),
    maximumOpenQuantity: quantityLots(100),
  };
  await system.start(
    supervisorSpec("risk", [
      {
        id: "acme",
        type: "risk-limit",
        start: { region: "eu-central", name: "acme", limits, incarnation: 1 },
        restart: "permanent",
        shutdown: durationNs(1e9),
      },
    ]),
  );
  const found = system.find(definition, path);
  if (!found.ok) throw new Error(found.failure.reason);
  return {
    system,
    async ask(message: RiskLimitMessage): Promise<RiskLimitReply> {
      const asked = found.value.ask(message, durationNs(60e9));
      const waiting = { answered: false };
      void asked.then(() => {
        waiting.answered = true;
      });
      // Files take real time, which a manual clock does not wait for.
      for (let turn = 0; turn < 1_000; turn += 1) {
        if (waiting.answered) break;
        await clock.settle();
      }
      const result = await asked;
      if (!result.ok) throw new Error(result.failure.reason);
      return result.value;
    },
  };
}

const command = (
  type: "reserve" | "release",
  commandId: string,
  quantity: number,
): RiskLimitMessage => ({ type, commandId, quantity: quantityLots(quantity) });

test("B8.4 a log from before entries named command and version is read, resends included, and goes on", async () => {
  const fixture = JSON.parse(
    await readFile(join(import.meta.dirname, "fixtures", "log-before-records.json"), "utf8"),
  ) as {
    readonly file: string;
    readonly reserved: number;
    readonly limits: object;
    readonly replies: Readonly<Record<string, number>>;
  };
  const directory = await mkdtemp(join(tmpdir(), "risk-limit-"));
  try {
    await writeFile(join(directory, "risk-limit.acme.events"), Buffer.from(fixture.file, "hex"));
    const open = () => account(fileEventLog({ directory, capacity: 100, log }));
    for (const made of [await open(), await open()]) {
      const described = await made.ask({ type: "describe" });
      assert.equal(described.outcome.limits, { ...noLimits, ...fixture.limits });
      assert.is(described.outcome.reserved, fixture.reserved);
      const second = await made.ask(command("reserve", "second", 9));
      assert.equal(
        [second.type === "done" && second.repeated, second.outcome.reserved],
        [true, fixture.replies["second"]],
      );
      const reused = await made.ask(command("reserve", "third", 4));
      assert.is(reused.type === "refused" ? reused.failure.code : "", "command_id_reused");
    }
    const made = await open();
    assert.is((await made.ask(command("reserve", "new", 3))).outcome.reserved, 8);
    assert.is((await (await open()).ask({ type: "describe" })).outcome.reserved, 8);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("B7.7 B7.8 every message to an account repeated and reordered, over restarts, is carried out once", async () => {
  const start = seed(20_261_130);
  let repeats = 0;
  const commands = fc.array(
    fc.tuple(
      fc.constantFrom("reserve" as const, "release" as const),
      fc.integer({ min: 1, max: 30 }),
    ),
    { minLength: 3, maxLength: 12 },
  );
  const order = fc.array(fc.tuple(fc.nat(1_000), fc.boolean()), {
    minLength: 20,
    maxLength: 50,
  });
  const property = fc.asyncProperty(commands, order, async (all, deliveries) => {
    const made = await account(memoryEventLog());
    const first = new Map<string, string>();
    let reserved = 0;
    for (const [of, restart] of deliveries) {
      const index = of % all.length;
      const [type, quantity] = all[index] as (typeof all)[number];
      if (restart) {
        await made.system.terminateChild(path);
        await made.system.restartChild(path);
      }
      const commandId = `c${index}`;
      const reply = await made.ask(command(type, commandId, quantity));
      if (reply.type === "refused") {
        assert.not.ok(first.has(commandId), "what was done is never refused");
        continue;
      }
      const outcome = JSON.stringify(reply.outcome);
      assert.is(reply.repeated, first.has(commandId));
      if (reply.repeated) repeats += 1;
      else reserved += type === "reserve" ? quantity : -quantity;
      assert.is(first.get(commandId) ?? outcome, outcome, "a resend gets the first outcome");
      first.set(commandId, outcome);
      assert.is((await made.ask({ type: "describe" })).outcome.reserved, reserved);
    }
  });
  try {
    await fc.assert(property, { seed: start, numRuns: 60 });
  } catch (error) {
    console.log(`SEED=${start}  replay: MERIDIAN_SEED=${start} node ${import.meta.filename}`);
    throw error;
  }
  assert.ok(repeats > 300, `only ${repeats} repeats`);
});

test("B7.8 snapshots bound an account's log, and resends of before are still known", async () => {
  const events = memoryEventLog(2_001);
  const made = await account(events);
  for (let index = 0; index < 3_500; index += 1) {
    await made.ask(command(index % 2 === 0 ? "reserve" : "release", `c${index}`, 1));
  }
  const trimmed = await events.read("risk-limit.acme", 0, 1);
  assert.is(trimmed.ok ? "ok" : trimmed.failure.code, "trimmed");
  const again = await account(events);
  const resent = await again.ask(command("reserve", "c3000", 1));
  assert.equal([resent.type === "done" && resent.repeated, resent.outcome.reserved], [true, 1]);
  assert.is((await again.ask({ type: "describe" })).outcome.reserved, 0);
});

test.run();
