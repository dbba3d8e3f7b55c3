import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { RECORD_BYTES } from "../../actors/kernel/ports/matching-engine.ts";
import type {
  EngineCommand,
  EngineEvent,
  MarketEngine,
  MatchingEngine,
} from "../../actors/kernel/ports/matching-engine.ts";
import { seededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import type { SeededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import { systemClock } from "../../actors/kernel/system-clock.ts";
import { epoch, sequence, timestampNs } from "../../actors/kernel/units.ts";
import { loadNativeEngine, NativeMarket } from "../../native/index.ts";
import { PortableEngine } from "../../native/portable/engine.ts";
import { segmentPath } from "../../native/portable/log-files.ts";
import { Market } from "../../native/portable/market.ts";
import { PortableMarket } from "../../native/portable/portable-market.ts";
import { readRecordHeader, sealRecord } from "../../native/records.ts";
import { decodeCommand, readCommandFields } from "../../native/command-slots.ts";
import { layout } from "../../native/slots.ts";
import { seed } from "../support/seed.ts";
import { testUnless } from "../support/skip.ts";
import { ENTRY_BYTES, ENTRY_COMMAND, generateRun } from "./comparison.ts";
import type { Profile } from "./profiles.ts";
import { profiles } from "./profiles.ts";

/** Both implementations behind the engine port: the same events, the same log, one holder at a time. */

const test = suite("engine port");

type Name = "native" | "portable";
const COMMANDS = 6_000;
const first = seed(31);

function start(name: Name): MatchingEngine {
  if (name === "portable") return new PortableEngine({ clock: systemClock() });
  const loaded = loadNativeEngine();
  if (!loaded.ok) throw new Error(`${loaded.failure.reason}: ${loaded.failure.next}`);
  return loaded.value;
}

const probe = loadNativeEngine();
if (probe.ok) await probe.value.stop();
const missing =
  probe.ok || probe.failure.code !== "addon_missing"
    ? null
    : `${probe.failure.reason}; ${probe.failure.next}`;

async function withMarket<T>(
  name: Name,
  directory: string,
  body: (market: MarketEngine) => Promise<T> | T,
): Promise<T> {
  const engine = start(name);
  try {
    return await body(await engine.open({ market: "BTC-EUR", directory, epoch: epoch(1) }));
  } finally {
    await engine.stop();
  }
}

async function inFolder(body: (directory: string) => Promise<void>): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "engine-port-"));
  try {
    await body(join(root, "log"));
  } finally {
    await rm(root, { recursive: true });
  }
}

const profile = (name: string): Profile => {
  const found = profiles.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no profile ${name}`);
  return found;
};

/** Records 1, 2, 3, … with these commands, any bytes among them. */
function recordsOf(commands: Uint8Array): Uint8Array {
  const records = new Uint8Array((commands.length / ENTRY_BYTES) * RECORD_BYTES);
  const view = new DataView(records.buffer);
  const entries = new DataView(commands.buffer, commands.byteOffset, commands.byteLength);
  for (let index = 0; index * ENTRY_BYTES < commands.length; index += 1) {
    const offset = index * RECORD_BYTES;
    const entry = index * ENTRY_BYTES;
    const command = commands.subarray(entry + ENTRY_COMMAND, entry + ENTRY_BYTES);
    records.set(command, offset + layout.record.command);
    sealRecord(view, offset, {
      epoch: epoch(1),
      sequence: sequence(index + 1),
      timestamp: timestampNs(entries.getBigUint64(entry, true)),
    });
  }
  return records;
}

/** The commands of a run that a typed sender can send. */
function typedCommands(commands: Uint8Array): EngineCommand[] {
  const view = new DataView(commands.buffer, commands.byteOffset, commands.byteLength);
  const typed: EngineCommand[] = [];
  for (let offset = 0; offset < commands.length; offset += ENTRY_BYTES) {
    const command = decodeCommand(view, offset + ENTRY_COMMAND);
    if (command.kind !== "unreadable") typed.push(command);
  }
  return typed;
}

/** Sends the commands and waits until they are durable; returns their events. */
async function feed(
  market: MarketEngine,
  commands: readonly EngineCommand[],
): Promise<EngineEvent[]> {
  const events: EngineEvent[] = [];
  const drain = (): number => market.drain((event) => events.push({ ...event }), 100_000);
  const target = market.progress().matched + commands.length;
  for (const command of commands) {
    while (!market.offer(command)) {
      market.flush();
      await new Promise((resolve) => setImmediate(resolve));
      drain();
    }
  }
  market.flush();
  while (market.progress().durable < target || drain() > 0) {
    assert.is(market.progress().logFailure, null);
    await new Promise((resolve) => setImmediate(resolve));
    drain();
  }
  return events;
}

for (const name of ["normal", "adversarial", "tiny capacity", "resends"]) {
  testUnless(test, missing, `both engines give the same events through the port: ${name}`, () =>
    inFolder(async (directory) => {
      const commands = typedCommands(generateRun(profile(name), first, COMMANDS).commands);
      assert.ok(commands.length > COMMANDS / 2);
      for (const implementation of ["native", "portable"] as const) {
        await withMarket(implementation, `${directory}-${implementation}`, async (opened) => {
          const events = await feed(opened, commands);
          const { market, expected } = replayed(opened.records(sequence(1), 1e9));
          const differs = expected.findIndex(
            (event, index) =>
              JSON.stringify(sorted(event)) !== JSON.stringify(sorted(events[index])),
          );
          assert.is(differs, -1, `SEED=${first} ${implementation} differs at event ${differs}`);
          assert.is(events.length, expected.length);
          const progress = opened.progress();
          assert.is(progress.digest, market.digest().toString(16).padStart(16, "0"));
          assert.is(progress.matched, commands.length);
          for (const side of ["buy", "sell"] as const) {
            assert.equal(opened.restingOrders(side, 1e6), market.restingOrders(side, 1e6));
          }
        });
      }
    }),
  );
}

/** What the twin says to the commands of these records, at the times at which they were stamped. */
function replayed(records: Uint8Array): {
  readonly market: Market;
  readonly expected: readonly EngineEvent[];
} {
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
  const market = new Market();
  const expected: EngineEvent[] = [];
  for (let offset = 0; offset < records.length; offset += RECORD_BYTES) {
    const { sequence: of, timestamp } = readRecordHeader(view, offset);
    const fields = readCommandFields(view, offset + layout.record.command);
    expected.push(...market.applyFields(fields, of, timestamp));
  }
  return { market, expected };
}

const sorted = (event: EngineEvent | undefined): unknown =>
  event === undefined ? null : Object.entries(event).sort(([a], [b]) => (a < b ? -1 : 1));

for (const [writer, reader] of [
  ["portable", "native"],
  ["native", "portable"],
] as const) {
  testUnless(
    test,
    missing,
    `a log written by the ${writer} engine opens in the ${reader} one`,
    () =>
      inFolder(async (directory) => {
        const run = generateRun(profile("adversarial"), first + 1, COMMANDS);
        const records = recordsOf(run.commands);
        const more = typedCommands(generateRun(profile("normal"), first + 2, COMMANDS).commands);
        const written = await withMarket(writer, directory, async (market) => {
          assert.is(await market.adopt(records), COMMANDS);
          await feed(market, more);
          return stateOf(market);
        });
        assert.ok(Buffer.compare(written.records.subarray(0, records.length), records) === 0);
        const read = await withMarket(reader, directory, async (market) => {
          assert.equal(stateOf(market), written);
          await feed(market, more);
          return stateOf(market);
        });
        await withMarket(writer, directory, (market) => {
          assert.equal(stateOf(market), read);
        });
      }),
  );

  testUnless(test, missing, `the ${reader} engine refuses a log that the ${writer} one holds`, () =>
    inFolder(async (directory) => {
      const holder = start(writer);
      const other = start(reader);
      try {
        await holder.open({ market: "BTC-EUR", directory, epoch: epoch(1) });
        const refused = await other
          .open({ market: "BTC-EUR", directory, epoch: epoch(1) })
          .then(() => "opened")
          .catch((failure: unknown) => (failure as Error).message);
        assert.match(refused, /is in use by process \d+/);
        await holder.stop();
        await other.open({ market: "BTC-EUR", directory, epoch: epoch(1) });
      } finally {
        await holder.stop();
        await other.stop();
      }
    }),
  );
}

for (const reader of ["native", "portable"] as const) {
  testUnless(
    test,
    missing,
    `the ${reader} engine refuses a log that ends before its snapshot, and names both`,
    () =>
      inFolder(async (directory) => {
        const run = generateRun(profile("normal"), first + 4, 100);
        await withMarket(reader, directory, (market) => market.adopt(recordsOf(run.commands)));
        await writeFile(`${directory}/snapshot-0000000000000101.state`, "");
        const refused = await withMarket(reader, directory, () => "opened").catch(
          (failure: unknown) => (failure as Error).message,
        );
        assert.match(refused, /damage: the log in .* ends at record 100, .* a snapshot at 101;/);
      }),
  );
}

/** Damages a log in one of the ways in which disks and crashes do. */
function damaged(log: Uint8Array, random: SeededRandomness): Uint8Array {
  const bytes = Uint8Array.from(log);
  // Mostly near the end, where torn and damaged are hard to tell apart.
  const reach = Math.min(bytes.length, random.below(3) === 0 ? bytes.length : 300_000);
  const at = (): number => bytes.length - 1 - random.below(reach);
  for (let count = 1 + random.below(3); count > 0; count -= 1) {
    const place = at();
    switch (random.below(5)) {
      case 0:
        bytes[place] = (bytes[place] ?? 0) ^ (1 << random.below(8));
        break;
      case 1:
        bytes.fill(0, place - (place % 512), place - (place % 512) + 512);
        break;
      case 2:
        bytes.fill(0, place);
        break;
      case 3:
        return bytes.slice(0, place);
      default:
        bytes.copyWithin(place - (place % RECORD_BYTES), 0, RECORD_BYTES * (1 + random.below(3)));
    }
  }
  return bytes;
}

testUnless(test, missing, "of a damaged log both engines recover the same, or both refuse it", () =>
  inFolder(async (directory) => {
    const records = recordsOf(generateRun(profile("adversarial"), first + 3, COMMANDS).commands);
    const counts = { refused: 0, cut: 0 };
    for (let round = 0; round < 120; round += 1) {
      const image = damaged(records, seededRandomness(first + round));
      const [native, portable] = [`${directory}-n${round}`, `${directory}-p${round}`];
      const told: string[] = [];
      for (const [name, folder] of [
        ["native", native],
        ["portable", portable],
      ] as const) {
        await mkdir(folder);
        await writeFile(segmentPath(folder, 1), image);
        told.push(await recoveryOf(name, folder));
      }
      assert.is(told[1], told[0], `SEED=${first + round}`);
      if (told[0] === "refused") counts.refused += 1;
      else if (!told[0]?.includes("cut 0")) counts.cut += 1;
    }
    assert.ok(counts.refused > 10 && counts.cut > 10, JSON.stringify(counts));
  }),
);

async function recoveryOf(name: Name, directory: string): Promise<string> {
  const engine = start(name);
  try {
    const market = await engine.open({ market: "BTC-EUR", directory, epoch: epoch(1) });
    if (!(market instanceof PortableMarket || market instanceof NativeMarket)) {
      throw new Error(`${name} opened something else`);
    }
    const { matched, digest } = market.progress();
    return `${matched} ${digest} cut ${market.recovery.cutBytes}`;
  } catch (failure) {
    if (!/damage|another version|of version/.test((failure as Error).message)) throw failure;
    return "refused";
  } finally {
    await engine.stop();
  }
}

function stateOf(market: MarketEngine): {
  readonly digest: string;
  readonly matched: number;
  readonly logId: string;
  readonly records: Uint8Array;
} {
  const { digest, matched } = market.progress();
  return { digest, matched, logId: market.logId, records: market.records(sequence(1), 2 ** 26) };
}

test.run();
