import type { Seal } from "../actors/kernel/accepted-chain.ts";
import { HASH_BYTES } from "../actors/kernel/accepted-chain.ts";
import type { ChainPoint } from "../actors/kernel/ports/matching-engine.ts";
import { crc32c } from "./records.ts";
import { getUnsigned64, setInteger64 } from "./slots.ts";

/** Entries of the file `seals` beside the segments of a log (native/journal/seal_file.hpp). */

export const SEAL_ENTRY_BYTES = 256;
const SEAL_VERSION = 1;
const kinds = { block: 1, fence: 2, begin: 3, mark: 4, trim: 5 } as const;

export type SealEntry =
  | Seal
  /** The chain up to here is not in the file. */
  | ({ readonly type: "begin" } & ChainPoint)
  /** The same, and segments below it may be gone; the first entry if any. */
  | ({ readonly type: "trim" } & ChainPoint)
  /** Records up to here were durable. */
  | { readonly type: "mark"; readonly sequence: number };

/** Offsets in an entry; texts are filled up with zero bytes. */
export const sealLayout = {
  crc32c: 0,
  version: 4,
  kind: 6,
  epoch: 8,
  first: 16,
  last: 24,
  previous_hash: 32,
  hash: 64,
  market: 96,
  holder: 128,
  log: 224,
  bytes: SEAL_ENTRY_BYTES,
} as const;
const at = sealLayout;
const market = { at: at.market, bytes: at.holder - at.market };
const holder = { at: at.holder, bytes: at.log - at.holder };
const log = { at: at.log, bytes: at.bytes - at.log };

/** Writes the entry into 256 zero bytes at `offset`. Throws when a text of it does not fit. */
export function writeEntry(view: DataView, offset: number, entry: SealEntry): void {
  view.setUint16(offset + at.version, SEAL_VERSION, true);
  view.setUint16(offset + at.kind, kinds[entry.type], true);
  const bytes = new Uint8Array(view.buffer, view.byteOffset + offset, SEAL_ENTRY_BYTES);
  setInteger64(view, offset + at.last, reachOf(entry));
  if (entry.type !== "mark") {
    setInteger64(view, offset + at.epoch, entry.epoch);
    bytes.set(entry.hash, at.hash);
  }
  if (entry.type === "block" || entry.type === "fence") {
    bytes.set(entry.previousHash, at.previous_hash);
    writeText(bytes, market, entry.market);
  }
  if (entry.type === "block") setInteger64(view, offset + at.first, entry.first);
  if (entry.type === "fence") {
    writeText(bytes, holder, entry.holder);
    writeText(bytes, log, entry.log);
  }
  view.setUint32(offset + at.crc32c, checksum(view, offset), true);
}

/** The entry at `offset`, null when it is not whole. Throws on a version that this release does not know. */
export function readEntry(view: DataView, offset: number): SealEntry | null {
  if (view.getUint32(offset + at.crc32c, true) !== checksum(view, offset)) return null;
  const version = view.getUint16(offset + at.version, true);
  const kind = view.getUint16(offset + at.kind, true);
  if (version !== SEAL_VERSION) {
    throw new Error(
      `seals of version ${version}, this release knows version ${SEAL_VERSION}; start the release that wrote them`,
    );
  }
  const bytes = new Uint8Array(view.buffer, view.byteOffset + offset, SEAL_ENTRY_BYTES);
  const last = getUnsigned64(view, offset + at.last);
  const epoch = getUnsigned64(view, offset + at.epoch);
  const hash = bytes.slice(at.hash, at.hash + HASH_BYTES);
  const previousHash = bytes.slice(at.previous_hash, at.previous_hash + HASH_BYTES);
  const shared = { market: readText(bytes, market), epoch, previousHash, hash };
  switch (kind) {
    case kinds.block:
      return { type: "block", ...shared, first: getUnsigned64(view, offset + at.first), last };
    case kinds.fence:
      return {
        type: "fence",
        ...shared,
        holder: readText(bytes, holder),
        log: readText(bytes, log),
      };
    case kinds.begin:
      return { type: "begin", sequence: last, epoch, hash };
    case kinds.trim:
      return { type: "trim", sequence: last, epoch, hash };
    case kinds.mark:
      return { type: "mark", sequence: last };
    default:
      throw new Error(`a seal of kind ${kind}; start the release that wrote it`);
  }
}

/** The log was durable up to this record when the entry was written. */
export function reachOf(entry: SealEntry): number {
  if (entry.type === "block") return entry.last;
  return entry.type === "fence" ? 0 : entry.sequence;
}

const checksum = (view: DataView, offset: number): number =>
  crc32c(view, offset + at.version, offset + SEAL_ENTRY_BYTES);

type Field = { readonly at: number; readonly bytes: number };

function writeText(bytes: Uint8Array, field: Field, text: string): void {
  const encoded = Buffer.from(text, "utf8");
  if (encoded.length > field.bytes) {
    throw new Error(`"${text}" has more than the ${field.bytes} bytes that a seal holds of it`);
  }
  bytes.set(encoded, field.at);
}

function readText(bytes: Uint8Array, field: Field): string {
  const part = Buffer.from(bytes.subarray(field.at, field.at + field.bytes));
  const end = part.indexOf(0);
  return part.toString("utf8", 0, end < 0 ? part.length : end);
}
