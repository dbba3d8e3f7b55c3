import * as fc from "fast-check";
import * as assert from "uvu/assert";

import { decodeRecord } from "../../actors/kernel/event-record.ts";
import { memoryEventLog } from "../../actors/kernel/memory-event-log.ts";
import type { EventLog } from "../../actors/kernel/ports/event-log.ts";
import type { Result } from "../../actors/kernel/result.ts";
import {
  emptyPurse,
  evolvePurse,
  faultyPurseLog,
  type Purse,
  type PurseEvent,
  type PurseReply,
  purseWorld,
} from "./purse-actor.ts";

export async function entries(log: EventLog): Promise<readonly Uint8Array[]> {
  const read = await log.read("purse", 0, 100_000);
  if (!read.ok) throw new Error(read.failure.reason);
  return read.value;
}

/** The state by a reader that shares nothing with the actor but decide's events. */
async function folded(log: EventLog): Promise<Purse> {
  let purse = emptyPurse;
  for (const entry of await entries(log)) {
    for (const change of decodeRecord(entry).changes) {
      if (change.kind !== "event") continue;
      const event = JSON.parse(Buffer.from(change.content).toString()) as PurseEvent;
      purse = evolvePurse(purse, event);
    }
  }
  return purse;
}

export const purseOf = (result: Result<PurseReply>): Purse => {
  if (!result.ok || result.value.type !== "done") throw new Error(JSON.stringify(result));
  return result.value.purse;
};

/**
 * Random commands to a purse, each delivered often and in any order, between failures, restarts and
 * appends that may or may not have been kept. Throws when one is done twice, or answered in two ways.
 */
export async function purseDeliveries(
  start: number,
  runs: number,
): Promise<{ readonly repeats: number; readonly crashes: number }> {
  let repeats = 0;
  let crashes = 0;
  const command = fc.oneof(
    fc.record({ type: fc.constant("put" as const), coins: fc.integer({ min: 1, max: 9 }) }),
    fc.record({ type: fc.constant("take" as const), coins: fc.integer({ min: 1, max: 9 }) }),
  );
  const deliveries = fc.array(
    fc.record({
      of: fc.nat(1_000),
      before: fc.constantFrom("none", "none", "none", "fail", "restart", "stored", "not_stored"),
    }),
    { minLength: 30, maxLength: 60 },
  );
  const property = fc.asyncProperty(
    fc.array(command, { minLength: 3, maxLength: 12 }),
    deliveries,
    fc.constantFrom(undefined, 3, 7),
    async (commands, order, snapshotEvery) => {
      const events = faultyPurseLog(memoryEventLog());
      const options = snapshotEvery === undefined ? { events } : { events, snapshotEvery };
      const made = await purseWorld(options);
      const first = new Map<string, string>();
      let expected = 0;
      for (const { of, before } of order) {
        const index = of % commands.length;
        const { type, coins } = commands[index] as { type: "put" | "take"; coins: number };
        const commandId = `c${index}`;
        if (before === "fail") {
          crashes += 1;
          made.purse.send({ type: "fail" });
        } else if (before === "restart") {
          await made.system.terminateChild("/top/purse");
          await made.system.restartChild("/top/purse");
        } else if (before !== "none") {
          events.faults = [before];
        }
        const result = await made.ask({ type, commandId, coins });
        const { value } = result as { readonly value: PurseReply };
        if (value.type === "refused") {
          assert.is(value.code, "too_few");
          assert.not.ok(first.has(commandId), "what was done is never refused");
          continue;
        }
        const outcome = JSON.stringify(value.purse);
        if (!first.has(commandId)) {
          expected += type === "put" ? coins : -coins;
          assert.is(value.purse.coins, expected);
          first.set(commandId, outcome);
        } else {
          repeats += 1;
          assert.ok(value.repeated, "a resend is known as one");
          assert.is(outcome, first.get(commandId), "a resend gets the first outcome");
        }
      }
      assert.is(purseOf(await made.ask({ type: "describe" })).coins, expected);
      if (snapshotEvery === undefined) {
        const ids = (await entries(events)).map((entry) => decodeRecord(entry).commandId);
        assert.is(new Set(ids).size, ids.length, "a command is in the log once");
        assert.equal((await folded(events)).coins, expected);
      }
    },
  );
  try {
    await fc.assert(property, { seed: start, numRuns: runs });
  } catch (error) {
    console.log(
      `SEED=${start}  replay: npm run soak -- event-sourced --seed=${start} --count=${runs}`,
    );
    throw error;
  }
  return { repeats, crashes };
}
