import { crc32 } from "node:zlib";

/**
 * The bytes of an event log's file: batches, each kept as a whole or not at all.
 *
 *   u32  length of the body in the low 24 bits, what it begins with in the high 8
 *   u32  CRC-32 of the body, begun with those high 8 bits
 *   body [u64 base, when begins.base] [u64 epoch, when begins.epoch], then u32 length and bytes of each event
 *
 * A batch that begins with nothing is all that files of the first version have: epoch 0.
 */

const headerBytes = 8;
const eventHeaderBytes = 4;
const begins = { epoch: 0x80, base: 0x40 } as const;
const known = begins.epoch | begins.base;

/** Largest body in bytes. */
export const maximumBatchBytes = 4_194_304;

export interface Batch {
  /** Bytes of the whole batch in the file. */
  readonly size: number;
  readonly epoch: number;
  /** Set in the first batch of a file whose older events were dropped: how many they were. */
  readonly base: number | null;
  /** Where the content of each event lies in the file. */
  readonly events: readonly EventPlace[];
}

export interface EventPlace {
  readonly at: number;
  readonly length: number;
}

/** Throws RangeError when it is larger than a batch may be. `base`: see Batch. */
export function encodeBatch(
  events: readonly Uint8Array[],
  epoch: number,
  base: number | null = null,
): Buffer {
  const flags = (epoch > 0 ? begins.epoch : 0) | (base === null ? 0 : begins.base);
  const parts: Uint8Array[] = [];
  if (base !== null) parts.push(u64(base));
  if (epoch > 0) parts.push(u64(epoch));
  for (const event of events) parts.push(u32(event.length), event);
  const body = Buffer.concat(parts);
  if (body.length > maximumBatchBytes) {
    throw new RangeError(`a batch of ${body.length} bytes; at most ${maximumBatchBytes}`);
  }
  const word = (body.length | (flags << 24)) >>> 0;
  return Buffer.concat([u32(word), u32(crc32(body, flags)), body]);
}

/** The batch that begins at the position, null when there is no whole one. */
export function batchAt(content: Buffer, at: number): Batch | null {
  const start = at + headerBytes;
  if (start > content.length) return null;
  const word = content.readUInt32LE(at);
  const length = word & 0xff_ffff;
  const flags = word >>> 24;
  const end = start + length;
  if (length === 0 || length > maximumBatchBytes || end > content.length) return null;
  if ((flags & ~known) !== 0) return null;
  if (crc32(content.subarray(start, end), flags) !== content.readUInt32LE(at + 4)) return null;
  let offset = start;
  const number = (flag: number): number | null => {
    if ((flags & flag) === 0) return null;
    offset += 8;
    return Number(content.readBigUInt64LE(offset - 8));
  };
  const base = number(begins.base);
  const epoch = number(begins.epoch) ?? 0;
  return { size: headerBytes + length, epoch, base, events: placesOf(content, offset, end) };
}

function placesOf(content: Buffer, from: number, end: number): readonly EventPlace[] {
  const places: EventPlace[] = [];
  let offset = from;
  while (offset < end) {
    const length = content.readUInt32LE(offset);
    offset += eventHeaderBytes;
    places.push({ at: offset, length });
    offset += length;
  }
  return places;
}

const snapshotMagic = 0x50_4e_53_4d;
const snapshotHeaderBytes = 24;

export interface SnapshotFile {
  readonly sequence: number;
  readonly epoch: number;
  readonly state: Uint8Array;
}

/** u32 magic, u32 CRC-32 of what follows, u64 sequence, u64 epoch, state. */
export function encodeSnapshot({ sequence, epoch, state }: SnapshotFile): Buffer {
  const rest = Buffer.concat([u64(sequence), u64(epoch), state]);
  return Buffer.concat([u32(snapshotMagic), u32(crc32(rest)), rest]);
}

/** Null when the file is damaged. */
export function decodeSnapshot(content: Buffer): SnapshotFile | null {
  if (content.length < snapshotHeaderBytes) return null;
  if (content.readUInt32LE(0) !== snapshotMagic) return null;
  if (crc32(content.subarray(8)) !== content.readUInt32LE(4)) return null;
  return {
    sequence: Number(content.readBigUInt64LE(8)),
    epoch: Number(content.readBigUInt64LE(16)),
    state: new Uint8Array(content.subarray(snapshotHeaderBytes)),
  };
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
