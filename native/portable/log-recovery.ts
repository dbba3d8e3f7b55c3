import { RECORD_BYTES } from "../../actors/kernel/ports/matching-engine.ts";
import type { RecordHeader } from "../../actors/kernel/ports/matching-engine.ts";
import { readRecordHeader, recordFault } from "../records.ts";
import { readSeals, type SealsRead } from "../seal-log.ts";
import { segmentFile, SEGMENT_RECORDS } from "./log-files.ts";
import type { LogStorage } from "./log-storage.ts";

/** Reads a log from its first record on, by the rules of native/journal/README.md (Opening). */

/** Records of one group write at most (256 KiB): only so much can be torn by a crash. */
export const GROUP_RECORDS = Math.floor((256 * 1024) / RECORD_BYTES);
const SECTOR_BYTES = 512;
/** Records read between two turns of the event loop. */
const RECORDS_PER_TURN = 2_048;

export interface Recovery {
  /** Sequence of the last record, 0 when there is none. */
  readonly sequence: number;
  readonly epoch: number;
  readonly timestamp: bigint;
  /** Bytes of a torn tail that were cut off, and of which file; 0 and empty when there was none. */
  readonly cutBytes: number;
  readonly cutFile: string;
}

export type RecordVisitor = (view: DataView, offset: number, header: RecordHeader) => void;

/**
 * Visits every record in order. When it repairs it cuts a torn tail, and what it has read is on the disk then. Throws an
 * Error on damage, and leaves it as it is. `nextTurn` resolves when others have had their turn.
 */
export async function recoverLog(
  storage: LogStorage,
  nextTurn: () => Promise<void>,
  directory: string,
  visit: RecordVisitor,
  { repairs } = { repairs: true },
): Promise<Recovery> {
  const firsts = await storage.segments(directory);
  const seals = await readSeals(storage.seals, directory);
  const reaches: readonly Reach[] = [
    { sequence: (await storage.snapshots(directory))[0] ?? 0, by: "there is a snapshot at" },
    { sequence: seals.reach, by: "it was durable up to" },
  ];
  const begin = (firsts[0] ?? 1) - 1;
  if (begin > 0) checkTrimmed(directory, begin, seals, repairs);
  const position = { sequence: begin, epoch: 0, timestamp: 0n };
  const torn = { cutBytes: 0, cutFile: "" };
  for (const [index, first] of firsts.entries()) {
    const path = segmentFile(directory, first);
    const bytes = await storage.read(path);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const records = Math.min(Math.floor(bytes.length / RECORD_BYTES), SEGMENT_RECORDS);
    let read = 0;
    for (; read < records; read += 1) {
      const header = nextHeader(path, view, read * RECORD_BYTES, position);
      if (header === null) break;
      visit(view, read * RECORD_BYTES, header);
      position.sequence = header.sequence;
      position.epoch = header.epoch;
      position.timestamp = header.timestamp;
      if (read % RECORDS_PER_TURN === RECORDS_PER_TURN - 1) await nextTurn();
    }
    const end = read * RECORD_BYTES;
    const used = bytes.subarray(end).findLastIndex((byte) => byte !== 0) + 1 + end;
    const following = firsts[index + 1];
    if (following !== undefined) checkFollowing(directory, first, following, position, used > end);
    if (used <= end) continue;
    checkTorn(path, view, read, position);
    torn.cutBytes = used - end;
    torn.cutFile = path;
    checkReach(directory, reaches, position.sequence);
    if (repairs) await storage.cut(path, end);
  }
  checkReach(directory, reaches, position.sequence);
  const last = firsts.at(-1);
  // A process that was killed leaves names and records that every reader sees and no disk holds.
  const segment = last === undefined ? null : segmentFile(directory, last);
  if (repairs) await storage.settle(directory, segment);
  return { ...position, ...torn };
}

/** A log that begins later than with record 1 was trimmed there: it can be read, but not be replayed. */
function checkTrimmed(directory: string, begin: number, seals: SealsRead, replays: boolean): void {
  const [first] = seals.entries;
  const trimmed = first?.type === "trim" ? first.sequence : 0;
  if (begin > trimmed) throw missingSegment(directory, trimmed + 1);
  if (!replays) return;
  throw new Error(
    `trimmed: the log in ${directory} begins with record ${begin + 1} and goes on from a snapshot, which the portable engine cannot read; start the native engine (node ops/bootstrap.mjs builds it)`,
  );
}

/** Throws when a segment that is not the last is not whole, or is not continued by the next one. */
function checkFollowing(
  directory: string,
  first: number,
  following: number,
  { sequence }: Position,
  isBroken: boolean,
): void {
  if (!isBroken && following === sequence + 1) return;
  if (!isBroken && sequence + 1 === first + SEGMENT_RECORDS)
    throw missingSegment(directory, sequence + 1);
  throw damage(
    segmentFile(directory, first),
    sequence + 1,
    "it is not whole, but another segment follows",
  );
}

function missingSegment(directory: string, first: number): Error {
  return new Error(
    `${directory} is damaged: ${segmentFile(directory, first)} is missing; restore it, or move the folder away so that the market recovers from its journal stream`,
  );
}

/** What shows that the log had a record. */
interface Reach {
  readonly sequence: number;
  readonly by: string;
}

/** Snapshots and seals are made of records that were durable: a log that ends before has lost some. */
function checkReach(directory: string, reaches: readonly Reach[], last: number): void {
  const beyond = reaches.find(({ sequence }) => sequence > last);
  if (beyond === undefined) return;
  throw new Error(
    `damage: the log in ${directory} ends at record ${last}, but it went on: ${beyond.by} ${beyond.sequence}; restore the folder from a copy, or move it away`,
  );
}

type Position = Pick<Recovery, "sequence" | "epoch" | "timestamp">;

/** Header of the record at `offset`, null when it is not whole. Throws when it is, but does not belong there. */
function nextHeader(
  path: string,
  view: DataView,
  offset: number,
  position: Position,
): RecordHeader | null {
  const fault = recordFault(view, offset);
  if (fault === "checksum") return null;
  if (fault === "version") {
    throw new Error(
      `record ${position.sequence + 1} in ${path} is of another version: start the release that wrote it`,
    );
  }
  const header = readRecordHeader(view, offset);
  const continues =
    header.sequence === position.sequence + 1 &&
    header.epoch >= position.epoch &&
    header.timestamp >= position.timestamp;
  if (continues) return header;
  throw damage(path, position.sequence + 1, `record ${header.sequence} stands in its place`);
}

/** Throws when the bad record number `bad` of the segment cannot come from a write that stopped. */
function checkTorn(path: string, view: DataView, bad: number, position: Position): void {
  const records = Math.floor(view.byteLength / RECORD_BYTES);
  const explained = hasUnwrittenPart(view, bad * RECORD_BYTES);
  for (let later = bad + 1; later < records; later += 1) {
    if (explained && later - bad < GROUP_RECORDS) continue;
    const offset = later * RECORD_BYTES;
    if (recordFault(view, offset) !== null) continue;
    if (readRecordHeader(view, offset).sequence !== position.sequence + 1 + later - bad) continue;
    const evidence = `it is not whole, but record ${position.sequence + 1 + later - bad} is, so it had been fsynced`;
    throw damage(path, position.sequence + 1, evidence);
  }
}

/**
 * Whether the part of the record in one of its sectors is all zeros: that sector never reached the
 * disk, and what stood there before, perhaps with the end of the record before, is still there.
 */
function hasUnwrittenPart(view: DataView, offset: number): boolean {
  const end = Math.min(offset + RECORD_BYTES, view.byteLength);
  for (let at = offset; at < end; ) {
    const next = Math.min(at - (at % SECTOR_BYTES) + SECTOR_BYTES, end);
    let empty = true;
    for (; at < next; at += 1) empty &&= view.getUint8(at) === 0;
    if (empty) return true;
  }
  return false;
}

function damage(path: string, sequence: number, evidence: string): Error {
  return new Error(
    `${path} is damaged at record ${sequence}: ${evidence}; restore the file, or move the folder away so that the market recovers from its journal stream`,
  );
}
