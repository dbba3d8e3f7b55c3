import type { Files } from "../kernel/ports/files.ts";
import type { JournalledReference } from "./decide.ts";
import { referenceStart } from "./decide.ts";

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
}

const path = (directory: string): string => `${directory}/accepted.json`;

/** The stored root, null when there is none or it is not usable. */
export async function loadRoot(files: Files, directory: string): Promise<AcceptedRoot | null> {
  const content = await files.read(path(directory));
  if (content === null) return null;
  try {
    const stored = JSON.parse(Buffer.from(content).toString("utf8")) as Omit<
      AcceptedRoot,
      "hash"
    > & { readonly version: number; readonly hash: string };
    const numbers = [stored.streamSequence, stored.epoch, stored.lastSequence];
    const hash = new Uint8Array(Buffer.from(stored.hash, "hex"));
    if (stored.version !== 1 || hash.length !== 32) return null;
    if (!numbers.every((value) => Number.isSafeInteger(value) && value >= 0)) return null;
    return { ...stored, hash, reference: { ...referenceStart, ...stored.reference } };
  } catch {
    return null;
  }
}

export function storeRoot(files: Files, directory: string, root: AcceptedRoot): Promise<void> {
  const text = JSON.stringify({
    version: 1,
    ...root,
    hash: Buffer.from(root.hash).toString("hex"),
  });
  return files.replace(path(directory), Buffer.from(`${text}\n`, "utf8"));
}
