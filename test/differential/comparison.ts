import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { once } from "node:events";
import { delimiter, join } from "node:path";

import type { EngineEvent } from "../../actors/kernel/ports/matching-engine.ts";
import {
  COMMAND_BYTES,
  readCommandFields,
  writeCommandFields,
} from "../../native/portable/command-fields.ts";
import type { CommandFields } from "../../native/portable/command-fields.ts";
import { Market } from "../../native/portable/market.ts";
import { encodeEvent, EventReader, SLOT_BYTES } from "../../native/slots.ts";
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
export type ComparedMarket = Pick<Market, "applyFields" | "restingCount" | "digest">;

const HEADER_BYTES = 16;
/** The twin's whole state is checked each time this many commands have passed. */
const VERIFY_EVERY = 1_000;

/** Is the tool there? Throws with the line that builds it when it is not. */
export function requireEngineReplay(): void {
  if (!existsSync(engineReplay))
    throw new Error(`${engineReplay} is missing; build it: ${buildLine}`);
}

export interface Run {
  /** 64 bytes per command. */
  readonly commands: Uint8Array;
  /**
   * What a market said, in the form of engine_replay: for each command number of events, resting
   * orders, digest, then the events of 64 bytes.
   */
  readonly output: Uint8Array;
}

/** Generates `count` commands by the profile and seed, and runs them through the twin. */
export function generateRun(profile: Profile, seed: number, count: number): Run {
  const stream = new CommandStream(profile, seededRandomness(seed));
  const market = new Market();
  const commands = new Uint8Array(count * COMMAND_BYTES);
  const view = new DataView(commands.buffer);
  const output = new Output();
  for (let step = 0; step < count; step += 1) {
    const command = stream.next();
    writeCommandFields(command, view, step * COMMAND_BYTES);
    const events = market.applyFields(command, step + 1);
    stream.observe(events);
    output.add(market, events);
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
  for (let step = 0; step * COMMAND_BYTES < commands.length; step += 1) {
    const events = market.applyFields(readCommandFields(view, step * COMMAND_BYTES), step + 1);
    output.add(market, events);
  }
  return output.bytes();
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
  const short = await shrink(run.commands.slice(0, (step + 1) * COMMAND_BYTES), differs);
  return `step=${step}\n${await describe(short, createMarket)}`;
}

/**
 * Counts what the output holds: event kinds, `refused NAME`, `repeated NAME` and `canceled NAME`, and
 * adds it to `counts`.
 */
export function countEvents(output: Uint8Array, counts: Map<string, number>): void {
  const view = new DataView(output.buffer, output.byteOffset, output.byteLength);
  const reader = new EventReader();
  let offset = 0;
  while (offset < output.length) {
    const end = offset + HEADER_BYTES + view.getUint32(offset, true) * SLOT_BYTES;
    for (offset += HEADER_BYTES; offset < end; offset += SLOT_BYTES) {
      const name = eventName(reader.read(view, offset));
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
}

function eventName(event: EngineEvent): string {
  if (event.kind === "canceled") return `canceled ${event.reason}`;
  if (event.kind === "refused") return `refused ${event.refusal}`;
  if (event.kind === "repeated") return event.refusal === null ? "repeated" : "repeated a refusal";
  return event.kind;
}

export const label = (profile: Profile, seed: number): string =>
  `SEED=${seed} profile="${profile.name}"`;

class Output {
  #bytes = new Uint8Array(2 ** 20);
  #view = new DataView(this.#bytes.buffer);
  #used = 0;

  add(market: ComparedMarket, events: readonly EngineEvent[]): void {
    const needed = this.#used + HEADER_BYTES + events.length * SLOT_BYTES;
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    this.#view.setUint32(this.#used, events.length, true);
    this.#view.setUint32(this.#used + 4, market.restingCount(), true);
    this.#view.setBigUint64(this.#used + 8, market.digest(), true);
    this.#used += HEADER_BYTES;
    for (const event of events) {
      encodeEvent(this.#view, this.#used, event);
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

/** Leaves out ever smaller pieces of the stream as long as the outputs still differ. */
async function shrink(
  commands: Uint8Array,
  differs: (commands: Uint8Array) => Promise<boolean>,
): Promise<Uint8Array> {
  let kept = commands;
  let attempts = 300;
  for (
    let size = kept.length / COMMAND_BYTES;
    size >= 1 && attempts > 0;
    size = Math.floor(size / 2)
  ) {
    for (let from = 0; from * COMMAND_BYTES < kept.length && attempts > 0; attempts -= 1) {
      const shorter = Buffer.concat([
        kept.subarray(0, from * COMMAND_BYTES),
        kept.subarray((from + size) * COMMAND_BYTES),
      ]);
      if (shorter.length > 0 && (await differs(shorter))) kept = Uint8Array.from(shorter);
      else from += size;
    }
  }
  return kept;
}

const LINES_SHOWN = 30;

async function describe(commands: Uint8Array, createMarket: () => ComparedMarket): Promise<string> {
  const twin = runMarket(commands, createMarket());
  const native = await runNative(commands, false);
  const step = firstDifference(twin, native) ?? 0;
  const view = new DataView(commands.buffer, commands.byteOffset, commands.byteLength);
  const told: string[] = [];
  for (let index = Math.max(0, step + 1 - LINES_SHOWN); index <= step; index += 1) {
    told.push(`${index + 1}: ${commandText(readCommandFields(view, index * COMMAND_BYTES))}`);
  }
  const outcome = (output: Uint8Array): string => {
    let offset = 0;
    for (let index = 0; index < step; index += 1) offset += answer(output, offset).length;
    return answerText(answer(output, offset));
  };
  return `shrunk to ${commands.length / COMMAND_BYTES} commands:\n${told.join("\n")}\ntwin:   ${outcome(twin)}\nnative: ${outcome(native)}`;
}

function commandText(command: CommandFields): string {
  return Object.entries(command)
    .filter(([name, value]) => name === "kind" || Number(value) !== 0)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");
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
  return `resting=${view.getUint32(4, true)} digest=${digest}\n  ${events.join("\n  ")}`;
}
