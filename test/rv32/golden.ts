import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { SLOT_BYTES } from "../../native/slots.ts";

/** What is committed of the answers to a stream, so that a change of both engines is noticed too. */
export interface Golden {
  readonly commands: number;
  readonly events: number;
  /** State digest after the last command, in hexadecimal. */
  readonly digest: string;
  /** SHA-256 of the records. When it differs, the streams have changed and not only the engine. */
  readonly records: string;
  /** SHA-256 of all answers: events, open orders and digest after every command. */
  readonly answers: string;
}

/** By the name of the profile. */
export type GoldenFile = Readonly<Record<string, Golden>>;

const path = fileURLToPath(new URL("golden.json", import.meta.url));
export const renewLine = "npm run renew-golden";

/** Of an answer: number of events, open orders, digest; the events follow. */
const HEADER_BYTES = 16;

export function goldenOf(records: Uint8Array, answers: Uint8Array): Golden {
  const view = new DataView(answers.buffer, answers.byteOffset, answers.byteLength);
  let [commands, events, digest] = [0, 0, 0n];
  for (let offset = 0; offset < answers.length; commands += 1) {
    const here = view.getUint32(offset, true);
    digest = view.getBigUint64(offset + 8, true);
    events += here;
    offset += HEADER_BYTES + here * SLOT_BYTES;
  }
  return {
    commands,
    events,
    digest: digest.toString(16).padStart(16, "0"),
    records: sha256(records),
    answers: sha256(answers),
  };
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

export async function readGolden(): Promise<GoldenFile> {
  return JSON.parse(await readFile(path, "utf8")) as GoldenFile;
}

export async function writeGolden(golden: GoldenFile): Promise<void> {
  await writeFile(path, `${JSON.stringify(golden, null, 2)}\n`);
}
