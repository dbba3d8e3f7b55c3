import type { AppendFate } from "../kernel/ports/bus.ts";

/** What JetStream says to a publish. */
export interface PublishAck {
  readonly sequence: number;
  readonly duplicate: boolean;
  readonly error: { readonly code: number; readonly text: string } | null;
}

/** JetStream: the last sequence on the subject is not the expected one. */
const WRONG_LAST_SEQUENCE = 10_071;

/**
 * The fate table of DESIGN §8.4. Only a sequence above 0 that is no duplicate is stored, only 10071
 * is a wrong tail; everything else may or may not be stored.
 */
export function fateOf(ack: PublishAck): AppendFate {
  if (ack.error?.code === WRONG_LAST_SEQUENCE) return { fate: "wrong_tail" };
  if (ack.error !== null) {
    return { fate: "undecided", reason: `${ack.error.code} ${ack.error.text}` };
  }
  if (ack.duplicate) return { fate: "undecided", reason: "duplicate" };
  if (ack.sequence <= 0) return { fate: "undecided", reason: "sequence 0" };
  return { fate: "stored", streamSequence: ack.sequence };
}
