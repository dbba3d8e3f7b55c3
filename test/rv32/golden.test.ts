import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { RECORD_BYTES } from "../../actors/kernel/ports/matching-engine.ts";
import { layout } from "../../native/slots.ts";
import { firstDifference, label } from "../differential/comparison.ts";
import { seed } from "../support/seed.ts";
import { testUnless } from "../support/skip.ts";
import { goldenOf, readGolden, renewLine } from "./golden.ts";
import {
  answersHere,
  buildHost,
  buildImage,
  emulator,
  hostReplay,
  image,
  missingBuildTools,
  missingCrossCompiler,
  missingQemu,
  pipe,
  qemu,
} from "./programs.ts";
import type { Stream } from "./streams.ts";
import { GOLDEN_SEED, recordsOf, streams } from "./streams.ts";

/** The same engine sources on two processors: 64 bits with an operating system, 32 bits with nothing. */

const test = suite("engine on rv32");

/** How the image's program ends: native/rv32/replay.hpp. */
const endings = { complete: 0, recordCutShort: 2, recordUnknown: 3, outOfOrder: 4 } as const;
/** How the emulator ends when it is not the image that says so: emulator.cpp. */
const emulatorEndings = { limit: 121, noImage: 122 } as const;

const first = seed(GOLDEN_SEED);
let compared = 0;

/** A stream as it was generated, with the answers of the engine on this machine. */
interface Asked {
  readonly records: Uint8Array;
  readonly answers: Uint8Array;
}
const asked = new Map<string, Asked>();
async function ask(stream: Stream, from: number): Promise<Asked> {
  const key = label(stream.profile, from);
  let known = asked.get(key);
  if (known === undefined) {
    const records = recordsOf(stream, from);
    known = { records, answers: await answersHere(records) };
    asked.set(key, known);
  }
  return known;
}

function assertSame(here: Uint8Array, there: Uint8Array, stream: Stream): void {
  const step = firstDifference(here, there);
  assert.is(step, null, `${label(stream.profile, first)} step=${step}: other events or digest`);
}

test.before(async () => {
  if (missingBuildTools === null) await buildHost();
  if (missingCrossCompiler === null) await buildImage();
});

for (const stream of streams) {
  const { name } = stream.profile;
  testUnless(
    test,
    missingCrossCompiler,
    `B5.1 determinism: on rv32 every command has the same events and digest as here: ${name}`,
    async () => {
      const { records, answers } = await ask(stream, first);
      const run = await pipe(emulator, [image], records);
      assertSame(answers, run.answers, stream);
      assert.is(run.exitCode, endings.complete, run.said);
      compared += goldenOf(records, run.answers).commands;
    },
  );
  testUnless(
    test,
    missingBuildTools,
    `B5.1 determinism: events and digests are the committed ones: ${name}`,
    async () => {
      const { records, answers } = await ask(stream, GOLDEN_SEED);
      assert.equal(
        goldenOf(records, answers),
        (await readGolden())[name],
        `SEED=${GOLDEN_SEED} profile="${name}": not what golden.json says; if it was changed on purpose: ${renewLine}`,
      );
    },
  );
}

testUnless(
  test,
  missingCrossCompiler,
  "B5.1 determinism: at least 50,000 commands were compared between the processors",
  () => assert.ok(compared >= 50_000, `${compared} commands`),
);

test("B5.1 determinism: there are committed answers for the streams and for no others", async () => {
  assert.equal(
    Object.keys(await readGolden()),
    streams.map(({ profile }) => profile.name),
  );
});

const [shortest] = streams;
if (shortest === undefined) throw new Error("no stream");

testUnless(
  test,
  missingQemu,
  "B5.1 determinism: an emulator that is not ours gives the same answers",
  async () => {
    const { records, answers } = await ask(shortest, first);
    const run = await pipe(qemu, [image], records);
    assertSame(answers, run.answers, shortest);
    assert.is(run.exitCode, endings.complete, run.said);
  },
);

/** The image with each `mulhu` made a `mulh`, which differs in the sign of the factors only. */
function withWrongProducts(elf: Uint8Array): { wrong: Uint8Array; changed: number } {
  const wrong = Uint8Array.from(elf);
  const view = new DataView(wrong.buffer);
  let changed = 0;
  for (let offset = 0; offset + 4 <= wrong.length; offset += 4) {
    const word = view.getUint32(offset, true);
    if ((word & 0xfe00707f) !== 0x02003033) continue;
    view.setUint32(offset, word ^ 0x00002000, true);
    changed += 1;
  }
  return { wrong, changed };
}

testUnless(
  test,
  missingCrossCompiler,
  "B5.1 determinism: the comparison finds it when one instruction gives another result",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "wrong-image-"));
    try {
      const { wrong, changed } = withWrongProducts(await readFile(image));
      assert.ok(changed > 0, "the image multiplies nothing");
      const path = join(folder, "wrong.elf");
      await writeFile(path, wrong);
      const { records, answers } = await ask(shortest, first);
      const run = await pipe(emulator, [path], records);
      assert.is.not(firstDifference(answers, run.answers), null);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);

testUnless(
  test,
  missingCrossCompiler,
  "both programs refuse records that are cut short, out of order or of another version",
  async () => {
    const { records } = await ask(shortest, first);
    const ten = records.slice(0, 10 * RECORD_BYTES);
    const changed = (offset: number): Uint8Array => {
      const copy = Uint8Array.from(ten);
      copy[9 * RECORD_BYTES + offset] = 99;
      return copy;
    };
    const wrong = [
      [ten.subarray(0, ten.length - 1), endings.recordCutShort],
      [changed(layout.record.version), endings.recordUnknown],
      [changed(layout.record.sequence), endings.outOfOrder],
      [ten, endings.complete],
    ] as const;
    for (const [bytes, ending] of wrong) {
      assert.is((await pipe(hostReplay, [], bytes)).exitCode, ending);
      assert.is((await pipe(emulator, [image], bytes)).exitCode, ending);
    }
  },
);

testUnless(
  test,
  missingCrossCompiler,
  "the emulator says where it stopped an image, and that a file is no image",
  async () => {
    const { records } = await ask(shortest, first);
    const limited = await pipe(emulator, ["--limit=1000", image], records);
    assert.is(limited.exitCode, emulatorEndings.limit);
    assert.match(limited.said, /limit of instructions at pc 0x[0-9a-f]{8}/);
    assert.match(limited.said, "instructions=1000\n");
    const none = await pipe(emulator, [emulator], records);
    assert.is(none.exitCode, emulatorEndings.noImage);
    assert.match(none.said, "no executable for 32-bit RISC-V");
  },
);

test.run();
