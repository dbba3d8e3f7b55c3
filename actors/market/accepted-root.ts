import { HASH_BYTES } from "../kernel/accepted-chain.ts";
import type { Files } from "../kernel/ports/files.ts";
import type { JournalledReference } from "./decide.ts";
import { referenceStart } from "./decide.ts";

/** An accepted message and the number under which the stream holds it. */
export interface Anchor {
  readonly streamSequence: number;
  readonly hash: Uint8Array;
}

/**
 * Accepted messages that must still be where they were before a cell builds on what it has read. One
 * of them may have come back to its old number as a late copy, behind another chain; that four in a
 * row have needs four appends of one owner on their way at once, and it has one.
 */
export const ANCHORS = 4;

/**
 * A point of the accepted chain that this log has been compared with, so that a restart does not
 * fold the journal from its start. It is a convenience: without it, or when the journal does not
 * hold the named message any more, everything is folded again.
 */
export interface AcceptedRoot {
  /** Id of the write-ahead log that holds every record up to `lastSequence`. */
  readonly log: string;
  /** Stream sequence of the accepted message whose hash this is. */
  readonly streamSequence: number;
  readonly epoch: number;
  readonly lastSequence: number;
  readonly hash: Uint8Array;
  /** Log and holder named by the last accepted fence. */
  readonly fenceLog: string;
  readonly fenceHolder: string;
  readonly reference: JournalledReference;
  /** The last accepted messages, this one included, oldest first; never empty. */
  readonly anchors: readonly Anchor[];
}

interface StoredRoot extends Omit<AcceptedRoot, "hash" | "anchors"> {
  readonly version: number;
  readonly hash: string;
  readonly anchors: readonly { readonly streamSequence: number; readonly hash: string }[];
}

const path = (directory: string): string => `${directory}/accepted.json`;

/** The stored root, null when there is none or it is not usable. */
export async function loadRoot(files: Files, directory: string): Promise<AcceptedRoot | null> {
  const content = await files.read(path(directory));
  if (content === null) return null;
  try {
    const stored = JSON.parse(Buffer.from(content).toString("utf8")) as StoredRoot;
    const anchors = stored.anchors.map(({ streamSequence, hash }) => ({
      streamSequence,
      hash: new Uint8Array(Buffer.from(hash, "hex")),
    }));
    const numbers = [
      stored.streamSequence,
      stored.epoch,
      stored.lastSequence,
      ...anchors.map(({ streamSequence }) => streamSequence),
    ];
    const hash = new Uint8Array(Buffer.from(stored.hash, "hex"));
    const hashes = [hash, ...anchors.map((anchor) => anchor.hash)];
    if (stored.version !== 2 || anchors.length === 0) return null;
    if (hashes.some(({ length }) => length !== HASH_BYTES)) return null;
    if (!numbers.every((value) => Number.isSafeInteger(value) && value >= 0)) return null;
    return { ...stored, anchors, hash, reference: { ...referenceStart, ...stored.reference } };
  } catch {
    return null;
  }
}

export function storeRoot(files: Files, directory: string, root: AcceptedRoot): Promise<void> {
  const text = JSON.stringify({
    version: 2,
    ...root,
    hash: hex(root.hash),
    anchors: root.anchors.map(({ streamSequence, hash }) => ({ streamSequence, hash: hex(hash) })),
  });
  return files.replace(path(directory), Buffer.from(`${text}\n`, "utf8"));
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
