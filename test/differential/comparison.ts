import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { once } from "node:events";
import { delimiter, join } from "node:path";

import { emptyFields } from "../../native/portable/command-fields.ts";
import type { CommandFields } from "../../native/portable/command-fields.ts";
import { eventKinds, reasons, refusals } from "../../native/portable/codes.ts";
import { writeEvent } from "../../native/portable/events.ts";
import type { EventCells, EventHeader } from "../../native/portable/events.ts";
import { Market } from "../../native/portable/market.ts";
import { readCommandFields, writeCommandFields } from "../../native/command-slots.ts";
import { EventReader, readEventFields } from "../../native/event-slots.ts";
import { SLOT_BYTES } from "../../native/slots.ts";
import { seededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import { repository } from "../support/shared-data.ts";
import { CommandStream } from "./command-stream.ts";
import type { Profile } from "./profiles.ts";

/** The C++ engine behind a pipe; built with the native tests. */
export const engineReplay = join(repository, "build/native/test/engine/engine_replay");
export const buildLine =
  "cmake -S native -B build/native/test -G Ninja -DMERIDIAN_TESTS=ON -DMERIDIAN_ADDON=OFF && ninja -C build/native/test engine_replay";

const compilers = ["c++", "g++", "clang++"];
const compilerFound = (process.env["PATH"] ?? "")
  .split(delimiter)
  .some((folder) => compilers.some((name) => existsSync(join(folder, name))));

/** Why the C++ engine cannot be there, with the line that enables it; null where it can be built. */
export const missingCompiler =
  compilerFound || existsSync(engineReplay)
    ? null
    : "no C++ compiler; apt-get install -y g++ cmake ninja-build libgtest-dev";

/** What the comparison needs of a market. */
export type ComparedMarket = Pick<Market, "applyRaw" | "restingCount" | "digest" | "hasWork">;

/** A command as it is sequenced: its timestamp, then the command. */
export const ENTRY_BYTES = 8 + SLOT_BYTES;
/** Where the command stands in an entry. */
export const ENTRY_COMMAND = 8;

const HEADER_BYTES = 16;
/** Set in the number of open orders while the market has work. */
const HAS_WORK = 2 ** 31;
/** The twin's whole state is checked each time this many commands have passed. */
const VERIFY_EVERY = 1_000;

/** Is the tool there? Throws with the line that builds it when it is not. */
export function requireEngineReplay(): void {
  if (!existsSync(engineReplay))
    throw new Error(`${engineReplay} is missing; build it: ${buildLine}`);
}

export interface Run {
  /** ENTRY_BYTES per command. */
  readonly commands: Uint8Array;
  /**
   * What a market said, in the form of engine_replay: for each command number of events, open orders
   * and whether there is work, digest, then the events of 64 bytes.
   */
  readonly output: Uint8Array;
}

/** Generates `count` commands by the profile and seed, and runs them through the twin. */
export function generateRun(profile: Profile, seed: number, count: number): Run {
  const stream = new CommandStream(profile, seededRandomness(seed));
  const market = new Market();
  const commands = new Uint8Array(count * ENTRY_BYTES);
  const view = new DataView(commands.buffer);
  const output = new Output();
  for (let step = 0; step < count; step += 1) {
    const command = stream.next();
    view.setBigUint64(step * ENTRY_BYTES, stream.time, true);
    writeCommandFields(view, step * ENTRY_BYTES + ENTRY_COMMAND, command);
    stream.observe(applyEntry(market, view, step, output));
    if (step % VERIFY_EVERY === VERIFY_EVERY - 1 || step === count - 1) {
      const fault = market.verify();
      if (fault !== null)
        throw new Error(`${label(profile, seed)} step=${step}: the twin: ${fault}`);
    }
  }
  return { commands, output: output.bytes() };
}

/** What a market says to the commands. */
export function runMarket(commands: Uint8Array, market: ComparedMarket): Uint8Array {
  const view = new DataView(commands.buffer, commands.byteOffset, commands.byteLength);
  const output = new Output();
  for (let step = 0; step * ENTRY_BYTES < commands.length; step += 1) {
    applyEntry(market, view, step, output);
  }
  return output.bytes();
}

function applyEntry(
  market: ComparedMarket,
  view: DataView,
  step: number,
  output: Output,
): readonly EventCells[] {
  const offset = step * ENTRY_BYTES;
  const command = readCommandFields(view, offset + ENTRY_COMMAND);
  const events = market.applyRaw(command, step + 1, view.getBigUint64(offset, true));
  output.add(market, events, { sequence: step + 1, tag: command.tag });
  return events;
}

/** What the C++ engine says to the commands; with `verify` it checks its invariants after each one. */
export async function runNative(commands: Uint8Array, verify: boolean): Promise<Uint8Array> {
  requireEngineReplay();
  const child = spawn(engineReplay, verify ? ["--verify"] : [], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  const chunks: Buffer[] = [];
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  // A tool that ends early closes the pipe; its exit status says more than that.
  child.stdin.on("error", () => {});
  child.stdin.end(commands);
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  if (code !== 0) throw new Error(`engine_replay ended with ${code ?? signal}: ${said.trim()}`);
  return Buffer.concat(chunks);
}

/** Index of the first command to which the two outputs differ, or null. */
export function firstDifference(a: Uint8Array, b: Uint8Array): number | null {
  if (Buffer.compare(a, b) === 0) return null;
  let offset = 0;
  for (let step = 0; ; step += 1) {
    const [left, right] = [answer(a, offset), answer(b, offset)];
    if (Buffer.compare(left, right) !== 0) return step;
    offset += left.length;
  }
}

/**
 * Runs the commands through both and, when they differ, returns the shortest stream found on which
 * they still do, told in words; null when they agree.
 */
export async function findDisagreement(
  run: Run,
  createMarket: () => ComparedMarket,
  verify: boolean,
): Promise<string | null> {
  const native = await runNative(run.commands, verify);
  const step = firstDifference(run.output, native);
  if (step === null) return null;
  const differs = async (commands: Uint8Array): Promise<boolean> =>
    firstDifference(runMarket(commands, createMarket()), await runNative(commands, false)) !== null;
  const short = await shrink(run.commands.slice(0, (step + 1) * ENTRY_BYTES), differs);
  return `step=${step}\n${await describe(short, createMarket)}`;
}

/**
 * Counts what the output holds: event kinds, `refused NAME`, `repeated NAME`, `canceled NAME` and so
 * on, and adds it to `counts`.
 */
export function countEvents(output: Uint8Array, counts: Map<string, number>): void {
  const view = new DataView(output.buffer, output.byteOffset, output.byteLength);
  let offset = 0;
  while (offset < output.length) {
    const end = offset + HEADER_BYTES + view.getUint32(offset, true) * SLOT_BYTES;
    for (offset += HEADER_BYTES; offset < end; offset += SLOT_BYTES) {
      const { kind, code } = readEventFields(view, offset);
      const name = eventName(kind, code);
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
}

const namesOf = (table: Readonly<Record<string, number>>): Map<number, string> =>
  new Map(Object.entries(table).map(([name, value]) => [value, name]));
const kindNames = namesOf(eventKinds);
const reasonNames = namesOf(reasons);
const refusalNames = namesOf(refusals);

function eventName(kind: number, code: number): string {
  const name = kindNames.get(kind) ?? `event ${kind}`;
  switch (kind) {
    case eventKinds.canceled:
    case eventKinds.reduced:
      return `${name} ${reasonNames.get(code) ?? code}`;
    case eventKinds.refused:
      return `${name} ${refusalNames.get(code) ?? code}`;
    case eventKinds.repeated:
      return code === 0 ? name : `${name} a refusal`;
    case eventKinds.accepted:
    case eventKinds.executed:
    case eventKinds.state_set:
    case eventKinds.limit_state:
    case eventKinds.killed:
    case eventKinds.limit_set:
    case eventKinds.breaker_set:
      return `${name} ${code}`;
    default:
      return name;
  }
}

export const label = (profile: Profile, seed: number): string =>
  `SEED=${seed} profile="${profile.name}"`;

class Output {
  #bytes = new Uint8Array(2 ** 20);
  #view = new DataView(this.#bytes.buffer);
  #used = 0;

  add(market: ComparedMarket, events: readonly EventCells[], header: EventHeader): void {
    const needed = this.#used + HEADER_BYTES + events.length * SLOT_BYTES;
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    this.#view.setUint32(this.#used, events.length, true);
    const work = market.hasWork() ? HAS_WORK : 0;
    this.#view.setUint32(this.#used + 4, market.restingCount() + work, true);
    this.#view.setBigUint64(this.#used + 8, market.digest(), true);
    this.#used += HEADER_BYTES;
    for (const [index, event] of events.entries()) {
      writeEvent(this.#view, this.#used, event, header, index, index === events.length - 1);
      this.#used += SLOT_BYTES;
    }
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#used);
  }
}

/** Header and events of the command that starts at `offset`; shorter where the output ends. */
function answer(output: Uint8Array, offset: number): Uint8Array {
  if (offset + HEADER_BYTES > output.length) return output.subarray(offset);
  const events = new DataView(output.buffer, output.byteOffset + offset).getUint32(0, true);
  return output.subarray(offset, offset + HEADER_BYTES + events * SLOT_BYTES);
}

/** Runs of both engines that shrinking may cost. */
const SHRINK_ATTEMPTS = 1_500;

/** Leaves out ever smaller pieces of the stream as long as the outputs still differ. */
async function shrink(
  commands: Uint8Array,
  differs: (commands: Uint8Array) => Promise<boolean>,
): Promise<Uint8Array> {
  let kept = commands;
  let attempts = SHRINK_ATTEMPTS;
  let size = Math.ceil(kept.length / ENTRY_BYTES / 2);
  while (size >= 1 && attempts > 0) {
    const before = kept.length;
    for (let from = 0; from * ENTRY_BYTES < kept.length && attempts > 0; attempts -= 1) {
      const shorter = Buffer.concat([
        kept.subarray(0, from * ENTRY_BYTES),
        kept.subarray((from + size) * ENTRY_BYTES),
      ]);
      if (shorter.length > 0 && (await differs(shorter))) kept = Uint8Array.from(shorter);
      else from += size;
    }
    // Single commands are tried until none can be left out: each makes others superfluous.
    if (size > 1 || kept.length === before) size = Math.floor(size / 2);
  }
  return kept;
}

async function describe(commands: Uint8Array, createMarket: () => ComparedMarket): Promise<string> {
  const twin = runMarket(commands, createMarket());
  const native = await runNative(commands, false);
  const step = firstDifference(twin, native) ?? 0;
  const outcome = (output: Uint8Array): string => {
    let offset = 0;
    for (let index = 0; index < step; index += 1) offset += answer(output, offset).length;
    return answerText(answer(output, offset));
  };
  return `shrunk to ${commands.length / ENTRY_BYTES} commands:\n${caseText(commands)}\ntwin:   ${outcome(twin)}\nnative: ${outcome(native)}`;
}

/** Commands as text, one a line; a file of them is a case (cases/). */
export function caseText(commands: Uint8Array): string {
  const view = new DataView(commands.buffer, commands.byteOffset, commands.byteLength);
  const lines: string[] = [];
  for (let offset = 0; offset < commands.length; offset += ENTRY_BYTES) {
    const command = Object.entries(readCommandFields(view, offset + ENTRY_COMMAND))
      .filter(([name, value]) => name === "kind" || Number(value) !== 0)
      .map(([name, value]) => `${name}=${value}`);
    lines.push([`time=${view.getBigUint64(offset, true)}`, ...command].join(" "));
  }
  return lines.join("\n");
}

/** The commands of a case. Lines that begin with # say what it is about. */
export function readCase(text: string): Uint8Array {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const commands = new Uint8Array(lines.length * ENTRY_BYTES);
  const view = new DataView(commands.buffer);
  for (const [index, line] of lines.entries()) {
    const values = new Map(line.split(" ").map((cell) => cell.split("=") as [string, string]));
    const fields = Object.entries(emptyFields({})).map(([name, empty]) => {
      const value = values.get(name) ?? "0";
      return [name, typeof empty === "bigint" ? BigInt(value) : Number(value)];
    });
    view.setBigUint64(index * ENTRY_BYTES, BigInt(values.get("time") ?? "0"), true);
    const command = Object.fromEntries(fields) as unknown as CommandFields;
    writeCommandFields(view, index * ENTRY_BYTES + ENTRY_COMMAND, command);
  }
  return commands;
}

function answerText(bytes: Uint8Array): string {
  if (bytes.length < HEADER_BYTES) return "no answer";
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const reader = new EventReader();
  const events: string[] = [];
  for (let offset = HEADER_BYTES; offset + SLOT_BYTES <= bytes.length; offset += SLOT_BYTES) {
    events.push(JSON.stringify(reader.read(view, offset)));
  }
  const digest = view.getBigUint64(8, true).toString(16).padStart(16, "0");
  const open = view.getUint32(4, true);
  const work = open >= HAS_WORK ? " work" : "";
  return `open=${open % HAS_WORK}${work} digest=${digest}\n  ${events.join("\n  ")}`;
}
