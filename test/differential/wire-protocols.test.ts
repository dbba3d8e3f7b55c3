import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { generatedLayouts } from "../../native/protocols/generate.ts";
import {
  type Decoded,
  decodeItch,
  decodeOuchInbound,
  decodeOuchOutbound,
  decodeSoupControl,
  encodeItch,
  encodeOuchInbound,
  encodeOuchOutbound,
  encodeSoupControl,
} from "../../schemas/nasdaq/codec.ts";
import {
  type FieldKind,
  type MessageLayout,
  groups,
  ouchOptions,
} from "../../schemas/nasdaq/layouts.ts";
import { decodeMold } from "../../schemas/nasdaq/mold.ts";
import { SoupReader } from "../../schemas/nasdaq/soup.ts";
import { packetPayloads } from "../support/pcap.ts";
import { build, hostTree, missingBuildTools, pipe } from "../rv32/programs.ts";
import { repository, sharedData } from "../support/shared-data.ts";
import { testUnless } from "../support/skip.ts";

const test = suite("wire protocols in both languages");

type GroupName = keyof typeof groups;
interface Sample {
  readonly group: GroupName;
  readonly bytes: Uint8Array;
}

const codecs: Readonly<
  Record<
    GroupName,
    {
      readonly decode: (bytes: Uint8Array) => Decoded<{ readonly kind: string }>;
      readonly encode: (message: never) => Uint8Array;
    }
  >
> = {
  soupPackets: { decode: decodeSoupControl, encode: encodeSoupControl },
  ouchInbound: { decode: decodeOuchInbound, encode: encodeOuchInbound },
  ouchOutbound: { decode: decodeOuchOutbound, encode: encodeOuchOutbound },
  itchMessages: { decode: decodeItch, encode: encodeItch },
};

/** What native/protocols/describe.cpp prints for the same bytes. */
function described({ group, bytes }: Sample): string {
  const decoded = codecs[group].decode(bytes);
  if (!decoded.ok) return `fault ${decoded.failure.code}`;
  const values = decoded.message as unknown as Readonly<Record<string, unknown>>;
  const layout = (groups[group] as Readonly<Record<string, MessageLayout>>)[decoded.message.kind];
  const fields = (layout?.fields ?? []).map(([name, kind]) => [name, text(kind, values[name])]);
  const options = (values["options"] ?? {}) as Readonly<Record<string, unknown>>;
  const present = Object.entries(ouchOptions)
    .filter(([name]) => options[name] !== undefined)
    .map(([name, { kind }]) => [name, text(kind, options[name])]);
  const pairs = [...fields, ...present].map(([name, value]) => ` ${name}=${value}`);
  return `${decoded.message.kind}${pairs.join("")}`;
}

/** Whether the message that the bytes are is encoded as these bytes. */
function comesBack({ group, bytes }: Sample): boolean {
  const { decode, encode } = codecs[group];
  const decoded = decode(bytes);
  return decoded.ok && Buffer.compare(encode(decoded.message as never), bytes) === 0;
}

function text(kind: FieldKind, value: unknown): string {
  const codes = Array.from(Buffer.from(String(value), "latin1"));
  if (kind === "letter") return String(codes[0]);
  return kind.startsWith("text") ? codes.map((code) => `${code}.`).join("") : String(value);
}

let built: Promise<void> | null = null;
async function nativeDescriptions(samples: readonly Sample[]): Promise<string[]> {
  built ??= build(
    hostTree,
    ["-DMERIDIAN_TESTS=ON", "-DMERIDIAN_ADDON=OFF"],
    ["protocols_describe"],
  );
  await built;
  const lines = samples.map(
    ({ group, bytes }) => `${group} ${Buffer.from(bytes).toString("hex")}\n`,
  );
  const run = await pipe(
    join(repository, hostTree, "protocols", "protocols_describe"),
    [],
    Buffer.from(lines.join("")),
  );
  assert.is(run.exitCode, 0, run.said);
  return Buffer.from(run.answers).toString("latin1").trimEnd().split("\n");
}

/** Both say the same of all; how many the native codec encodes again as the bytes they came from. */
async function agree(samples: readonly Sample[]): Promise<number> {
  const native = await nativeDescriptions(samples);
  assert.is(native.length, samples.length);
  for (const [index, sample] of samples.entries())
    assert.is(
      described(sample),
      native[index]?.replace(/ again=[01]$/, ""),
      `${sample.group} ${Buffer.from(sample.bytes).toString("hex")}`,
    );
  return native.filter((line) => line.endsWith(" again=1")).length;
}

test("the native layouts are what the table gives", () => {
  const committed = readFileSync(join(repository, "native", "protocols", "layouts.hpp"), "utf8");
  assert.is(committed, generatedLayouts(), "run: node native/protocols/generate.ts");
});

/** Messages of the captures; a packet of Soup that carries data gives its data. */
function captured(file: string): Sample[] {
  const isOuch = file.includes("Ouch");
  return packetPayloads(readFileSync(file)).flatMap((payload): Sample[] => {
    if (payload.length === 0) return [];
    if (!isOuch) {
      const packet = decodeMold(payload);
      assert.ok(packet.ok, `${file}: the packet is one of MoldUDP64 with no byte over`);
      if (!packet.ok || packet.value.kind !== "messages") return [];
      return packet.value.messages.map((bytes) => ({ group: "itchMessages", bytes }));
    }
    const reader = new SoupReader();
    reader.push(payload);
    const samples: Sample[] = [];
    let read = reader.next();
    for (; read.state === "packet"; read = reader.next()) {
      const packet = read.packet;
      if ("data" in packet)
        samples.push({
          group: packet.kind === "sequencedData" ? "ouchOutbound" : "ouchInbound",
          bytes: packet.data,
        });
      else samples.push({ group: "soupPackets", bytes: encodeSoupControl(packet) });
    }
    assert.is(read.state, "incomplete", `${file}: packets of SoupBinTCP`);
    assert.is(reader.held, 0, `${file}: no byte over`);
    return samples;
  });
}

const captures = sharedData("nasdaq-pcap");
const missing =
  missingBuildTools ??
  (captures === null ? "no ../shared/data/nasdaq-pcap: put the recorded packets there" : null);

testUnless(
  test,
  missing,
  "A5.1 every message of the real captures is read the same by both codecs, with no byte over",
  async () => {
    const files = globSync("**/*.pcap", { cwd: captures ?? "" }).map((file) =>
      join(captures ?? "", file),
    );
    const samples = files.flatMap(captured);
    assert.ok(files.length >= 21 && samples.length >= 21, `${samples.length} messages`);
    for (const sample of samples) assert.ok(comesBack(sample), described(sample));
    assert.is(await agree(samples), samples.length);
  },
);

const session = sharedData("nasdaq-itch/session_start_1000msgs.itch");
testUnless(
  test,
  missingBuildTools ??
    (session === null ? "no ../shared/data/nasdaq-itch: put the recorded session there" : null),
  "A5.1 the start of a real session is read the same by both codecs",
  async () => {
    const file = readFileSync(session ?? "");
    const samples: Sample[] = [];
    for (let at = 0; at < file.length; at += 2 + file.readUInt16BE(at))
      samples.push({
        group: "itchMessages",
        bytes: file.subarray(at + 2, at + 2 + file.readUInt16BE(at)),
      });
    assert.is(samples.length, 1000);
    assert.is(await agree(samples), samples.length);
    assert.ok(samples.every(comesBack));
  },
);

/** Messages, most of them right: random fields; at times cut, lengthened, of another letter, or with options. */
function randomSamples(seed: number, count: number): Sample[] {
  let state = seed >>> 0;
  const below = (bound: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  const names = Object.keys(groups) as GroupName[];
  return Array.from({ length: count }, () => {
    const group = pick(names);
    const layout = pick(Object.values(groups[group] as Readonly<Record<string, MessageLayout>>));
    const options = layout.appendage ? Array.from({ length: below(4) }, () => option(below)) : [];
    const tail = options.flat();
    const body = Array.from({ length: layout.size }, () => (below(4) === 0 ? 32 : below(256)));
    body[0] = layout.letter.charCodeAt(0);
    if (layout.appendage) body.splice(layout.size - 2, 2, tail.length >> 8, tail.length & 255);
    const bytes = [...body, ...tail];
    if (below(8) === 0) bytes.length = below(bytes.length + 1);
    if (below(12) === 0) bytes.push(below(256));
    if (below(16) === 0 && bytes.length > 0) bytes[below(bytes.length)] = below(256);
    return { group, bytes: Uint8Array.from(bytes) };
  });
}

function option(below: (bound: number) => number): number[] {
  const known = Object.values(ouchOptions);
  const chosen = known[below(known.length)];
  const width =
    chosen === undefined ? 0 : { u32: 4, u64: 8, i32: 4, letter: 1, text4: 4 }[chosen.kind];
  const size = below(10) === 0 ? below(6) : width;
  const tag = below(8) === 0 ? below(256) : (chosen?.tag ?? 0);
  return [1 + size, tag, ...Array.from({ length: size }, () => below(256))];
}

testUnless(
  test,
  missingBuildTools,
  "A5.1 both codecs give the same fields, or the same fault, for whatever bytes",
  async () => {
    const seed = Number(process.env["MERIDIAN_SEED"] ?? 20_260_101);
    const samples = randomSamples(seed, 20_000);
    await agree(samples);
    const faults = samples.filter((sample) => described(sample).startsWith("fault")).length;
    assert.ok(faults > 1_000 && faults < 15_000, `${faults} of ${samples.length} are faults`);
  },
);

test.run();
