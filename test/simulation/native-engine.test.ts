import { existsSync } from "node:fs";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { RECORD_BYTES } from "../../actors/kernel/ports/matching-engine.ts";
import { Market } from "../../native/portable/market.ts";
import { readRecordHeader } from "../../native/records.ts";
import { layout, SLOT_BYTES } from "../../native/slots.ts";
import { journalStream, journalSubject } from "../../schemas/subjects.ts";
import {
  buildLine,
  ENTRY_BYTES,
  ENTRY_COMMAND,
  engineReplay,
  firstDifference,
  runMarket,
  runNative,
} from "../differential/comparison.ts";
import { seed } from "../support/seed.ts";
import { testUnless } from "../support/skip.ts";
import { optionsOf } from "./options.ts";
import { acceptedRecords } from "./oracle.ts";
import { Simulation } from "./simulation.ts";

const test = suite("simulated journals in the native engine");
const RUNS = 12;
const missing = existsSync(engineReplay) ? null : `the C++ engine is not built: ${buildLine}`;

/** Commands as the tool of the C++ engine takes them: timestamp, then the command. */
function entriesOf(records: Uint8Array): Uint8Array {
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
  const entries = new Uint8Array((records.length / RECORD_BYTES) * ENTRY_BYTES);
  const into = new DataView(entries.buffer);
  for (let index = 0; index * RECORD_BYTES < records.length; index += 1) {
    const from = index * RECORD_BYTES;
    into.setBigUint64(index * ENTRY_BYTES, readRecordHeader(view, from).timestamp, true);
    const command = from + layout.record.command;
    entries.set(
      records.subarray(command, command + SLOT_BYTES),
      index * ENTRY_BYTES + ENTRY_COMMAND,
    );
  }
  return entries;
}

testUnless(
  test,
  missing,
  "B7.8 what simulated clusters agreed on gives the same events and digests in the C++ engine, command by command",
  async () => {
    const first = seed(4_500);
    let compared = 0;
    for (let run = 0; run < RUNS; run += 1) {
      const simulation = new Simulation(optionsOf(first + run, "everything", 20));
      await simulation.run();
      for (const { market, group, shard } of simulation.markets) {
        const store = simulation.jetstream.store(journalStream(group, shard));
        const entries = entriesOf(acceptedRecords(market, store.messages(journalSubject(market))));
        const difference = firstDifference(
          runMarket(entries, new Market()),
          await runNative(entries, true),
        );
        assert.is(difference, null, `SEED=${first + run} ${market} sequence ${difference}`);
        compared += entries.length / ENTRY_BYTES;
      }
    }
    assert.ok(compared > 500, `only ${compared} commands`);
  },
);

test.run();
