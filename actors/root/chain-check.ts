import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";

import type { SealEntry } from "../../native/seal-entry.ts";
import { readSeals, systemSealStorage } from "../../native/seal-log.ts";
import { blockHash, chainStart, fenceHash, type Seal } from "../kernel/accepted-chain.ts";
import { RECORD_BYTES } from "../kernel/ports/matching-engine.ts";
import { SystemFiles } from "../kernel/system-files.ts";
import { loadRoot } from "../market/accepted-root.ts";

/**
 * Recomputes the hash chain of a write-ahead log: every seal from its fields and the records that
 * stand in the segments. A record that was changed together with its checksum is found here.
 */

export interface ChainReport {
  /** Blocks whose hash was computed again, and fences between them. */
  readonly blocks: number;
  readonly fences: number;
  /** The seals begin behind this record; records from there to `last` are sealed. */
  readonly first: number;
  readonly last: number;
  /** Hash of the last sealed message, hexadecimal digits; empty when there is none. */
  readonly hash: string;
  /** The first seal that does not hold; null when all do. */
  readonly fault: string | null;
  /** The first bad block, when it is one. */
  readonly badBlock: {
    readonly epoch: number;
    readonly first: number;
    readonly last: number;
  } | null;
}

/** Points of the chain that a state or root may name, and what is wrong with the seals. */
export interface CheckedChain {
  readonly report: ChainReport;
  /** Null: nothing is known of that sequence. */
  readonly fits: (sequence: number, hash: string) => boolean | null;
}

interface Point {
  readonly epoch: number;
  readonly last: number;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** Reads records by their sequence, a segment at a time. */
class SegmentRecords {
  readonly #directory: string;
  readonly #firsts: readonly number[];
  #held: { readonly first: number; readonly bytes: Uint8Array } | null = null;

  constructor(directory: string, names: readonly string[]) {
    this.#directory = directory;
    this.#firsts = names
      .map((name) => /^segment-(\d{16})\.log$/.exec(name)?.[1])
      .filter((digits) => digits !== undefined)
      .map(Number)
      .sort((a, b) => a - b);
  }

  /** The bytes of these records; fewer when the segments do not have all of them. */
  async read(first: number, last: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for (let next = first; next <= last; ) {
      const segment = this.#firsts.findLast((begin) => begin <= next);
      if (segment === undefined) break;
      const bytes = await this.#segment(segment);
      const following = this.#firsts.find((begin) => begin > next) ?? Infinity;
      const end = Math.min(last + 1, following);
      const part = bytes.subarray((next - segment) * RECORD_BYTES, (end - segment) * RECORD_BYTES);
      parts.push(part);
      if (part.length < (end - next) * RECORD_BYTES) break;
      next = end;
    }
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
  }

  async #segment(first: number): Promise<Uint8Array> {
    if (this.#held?.first !== first) {
      const name = `segment-${String(first).padStart(16, "0")}.log`;
      this.#held = { first, bytes: await readFile(join(this.#directory, name)) };
    }
    return this.#held.bytes;
  }
}

/** Why the seal does not hold; null when it does. */
async function faultOf(
  seal: Seal,
  points: ReadonlyMap<string, Point>,
  records: SegmentRecords,
): Promise<string | null> {
  const before = points.get(hex(seal.previousHash));
  if (before === undefined) return "does not continue any message before it";
  if (seal.type === "fence") {
    return Buffer.compare(fenceHash(seal), seal.hash) === 0 ? null : "is not what its hash is of";
  }
  if (seal.first !== before.last + 1 || seal.last < seal.first) {
    return `does not follow record ${before.last}`;
  }
  const content = await records.read(seal.first, seal.last);
  return Buffer.compare(blockHash({ ...seal, records: content }), seal.hash) === 0
    ? null
    : "has another hash than the records in the log give: one of them was changed after it was sealed";
}

const nameOf = (seal: Seal): string =>
  seal.type === "block"
    ? `the block of records ${seal.first} to ${seal.last} (epoch ${seal.epoch})`
    : `the fence of epoch ${seal.epoch}`;

/** Follows the seals of a log that nobody writes. Throws an Error when their file is damaged. */
export async function checkChain(directory: string): Promise<CheckedChain> {
  const { entries } = await readSeals(systemSealStorage, directory);
  const chain = entries.filter((entry) => entry.type !== "mark");
  const [begin] = chain;
  const start = begin?.type === "begin" || begin?.type === "trim" ? begin : null;
  const points = new Map<string, Point>([
    [hex((start ?? chainStart("")).hash), { epoch: start?.epoch ?? 0, last: start?.sequence ?? 0 }],
  ]);
  const sealed = {
    blocks: 0,
    fences: 0,
    last: start?.sequence ?? 0,
    hash: start === null ? "" : hex(start.hash),
  };
  const failed = await follow(start === null ? chain : chain.slice(1), directory, points, sealed);
  const fault = failed?.fault ?? (await rootFault(directory, points, sealed.last));
  const bad = failed?.seal.type === "block" ? failed.seal : null;
  return {
    report: {
      ...sealed,
      first: (start?.sequence ?? 0) + 1,
      fault,
      badBlock: bad === null ? null : { epoch: bad.epoch, first: bad.first, last: bad.last },
    },
    fits: (sequence, hash) => {
      if (sequence > sealed.last || sequence < (start?.sequence ?? 0) || chain.length === 0) {
        return null;
      }
      return points.get(hash)?.last === sequence;
    },
  };
}

async function follow(
  chain: readonly SealEntry[],
  directory: string,
  points: Map<string, Point>,
  sealed: { blocks: number; fences: number; last: number; hash: string },
): Promise<{ readonly fault: string; readonly seal: SealEntry } | null> {
  const records = new SegmentRecords(directory, await readdir(directory));
  for (const seal of chain) {
    if (seal.type === "mark") continue;
    if (seal.type === "begin" || seal.type === "trim") {
      const fault = `the seals between record ${sealed.last} and record ${seal.sequence} are missing`;
      return { fault, seal };
    }
    const fault = await faultOf(seal, points, records);
    if (fault !== null) return { fault: `${nameOf(seal)} ${fault}`, seal };
    const before = points.get(hex(seal.previousHash));
    const last = seal.type === "block" ? seal.last : (before?.last ?? 0);
    points.set(hex(seal.hash), { epoch: seal.epoch, last });
    sealed.blocks += seal.type === "block" ? 1 : 0;
    sealed.fences += seal.type === "fence" ? 1 : 0;
    sealed.last = Math.max(sealed.last, last);
    sealed.hash = hex(seal.hash);
  }
  return null;
}

/** The stored root was accepted: its message is one of the chain. */
async function rootFault(
  directory: string,
  points: ReadonlyMap<string, Point>,
  last: number,
): Promise<string | null> {
  const root = await loadRoot(new SystemFiles(), directory);
  if (root === null || root.lastSequence > last || last === 0) return null;
  return points.get(hex(root.hash))?.last === root.lastSequence
    ? null
    : `the accepted root at record ${root.lastSequence} is not on the chain of the seals`;
}
