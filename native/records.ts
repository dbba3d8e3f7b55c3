import type { RecordHeader } from "../actors/kernel/ports/matching-engine.ts";
import { RECORD_BYTES } from "../actors/kernel/ports/matching-engine.ts";
import type { Epoch, Sequence, TimestampNs } from "../actors/kernel/units.ts";
import { getUnsigned64, layout, setInteger64 } from "./slots.ts";

/**
 * 96-byte journal records (native/wire/record.hpp): the same bytes in a segment file, in a block on
 * the journal stream and in the hands of every reader. The command in a record is read and written
 * by slots.ts at `layout.record.command`.
 */

/** Version of the record layout, in every record. */
export const RECORD_VERSION = 2;

/** What is wrong with the 96 bytes of a record; null when they are whole. */
export type RecordFault = "checksum" | "version";

/** Completes the record at `offset`, whose command is in place already: header, then checksum. */
export function sealRecord(view: DataView, offset: number, header: RecordHeader): void {
  const at = layout.record;
  view.setUint16(offset + at.version, RECORD_VERSION, true);
  view.setUint16(offset + at.reserved, 0, true);
  setInteger64(view, offset + at.epoch, header.epoch);
  setInteger64(view, offset + at.sequence, header.sequence);
  view.setBigUint64(offset + at.timestamp_ns, header.timestamp, true);
  view.setUint32(offset + at.crc32c, recordChecksum(view, offset), true);
}

/** Checksum first, then version: only a whole record's version means something. */
export function recordFault(view: DataView, offset: number): RecordFault | null {
  const at = layout.record;
  if (view.getUint32(offset + at.crc32c, true) !== recordChecksum(view, offset)) return "checksum";
  return view.getUint16(offset + at.version, true) === RECORD_VERSION ? null : "version";
}

/** Header of the record at `offset`; check recordFault first. Its command is 32 bytes further. */
export function readRecordHeader(view: DataView, offset: number): RecordHeader {
  const at = layout.record;
  return {
    epoch: getUnsigned64(view, offset + at.epoch) as Epoch,
    sequence: getUnsigned64(view, offset + at.sequence) as Sequence,
    timestamp: view.getBigUint64(offset + at.timestamp_ns, true) as TimestampNs,
  };
}

/** CRC-32C over the 92 bytes of a record after its checksum field. */
function recordChecksum(view: DataView, offset: number): number {
  const from = offset + layout.record.version;
  return crc32c(view, from, from + RECORD_BYTES - layout.record.version);
}

/** Tables for four bytes at a time: table k advances the checksum of a byte over k more zero bytes. */
const tables = ((): Uint32Array => {
  const table = new Uint32Array(4 * 256);
  for (let byte = 0; byte < 256; byte += 1) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    table[byte] = crc;
  }
  for (let index = 256; index < table.length; index += 1) {
    const before = table[index - 256] ?? 0;
    table[index] = (before >>> 8) ^ (table[before & 255] ?? 0);
  }
  return table;
})();

/** CRC-32C (Castagnoli, reflected 0x82f63b78) of the bytes from `start` up to `end`; 0 <= result < 2^32. */
export function crc32c(view: DataView, start: number, end: number): number {
  let crc = 0xffffffff;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    const word = crc ^ view.getInt32(at, true);
    crc =
      (tables[768 + (word & 255)] ?? 0) ^
      (tables[512 + ((word >>> 8) & 255)] ?? 0) ^
      (tables[256 + ((word >>> 16) & 255)] ?? 0) ^
      (tables[word >>> 24] ?? 0);
  }
  for (; at < end; at += 1) {
    crc = (crc >>> 8) ^ (tables[(crc ^ view.getUint8(at)) & 255] ?? 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
