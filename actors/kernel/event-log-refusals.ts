import { type Failure, refuse } from "./result.ts";

type Refusal = { readonly ok: false; readonly failure: Failure };

/** What every event log refuses, in the same words. */
export function wrongSequence(log: string, last: number, expected: number): Refusal {
  return refuse(
    "wrong_sequence",
    `the last event of ${log} is ${last}, not ${expected}`,
    "read the log again and decide anew",
  );
}

export function staleEpoch(log: string, present: number, epoch: number): Refusal {
  return refuse(
    "stale_epoch",
    `${log} was written under epoch ${present}; this writer has ${epoch}`,
    "stop: another cell owns this actor now",
  );
}

export function logFull(log: string, holds: number, capacity: number): Refusal {
  return refuse(
    "log_full",
    `${log} holds ${holds} of ${capacity} events`,
    "raise the capacity of the event log, or take snapshots of it",
  );
}

export function trimmed(log: string, first: number): Refusal {
  return refuse(
    "trimmed",
    `${log} begins at event ${first}: a snapshot has taken the place of those before`,
    "read the snapshot, then the events after it",
  );
}
