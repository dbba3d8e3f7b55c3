import type { SenderIdentity } from "../kernel/incarnation-fence.ts";
import type { Result } from "../kernel/result.ts";

/** What is kept of an actor in the directory: what was asked for, and what is wanted now. Plain data. */
export interface ActorRecord {
  readonly id: string;
  readonly type: string;
  /** All of them, defaults included, as texts. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly requestedBy: string;
  /** Actors with the same word run in different cells; empty: anywhere. */
  readonly antiAffinity: string;
  readonly shard: number;
  readonly stopped: boolean;
  /** What it said of itself when it stopped: known wherever its shard goes. */
  readonly stoppedBecause: string;
  /** Epoch of the shard when this was written; who owns it under a lower one writes no more. */
  readonly epoch: number;
}

/** What an actor last said of itself. */
export interface ActorSays {
  readonly state: string;
  readonly detail: string;
  /** The encoded report, by the message of its group. */
  readonly report: Uint8Array;
}

export interface ActorStatus {
  readonly record: ActorRecord;
  readonly state: string;
  readonly detail: string;
  readonly cell: string;
  readonly incarnation: number;
  readonly report: Uint8Array;
  readonly group: ActorGroup;
}

/** Supervisors under which actors are spawned. */
export type ActorGroup = "strategies" | "executions";

/** How an actor that trades is addressed. */
export interface ActorAddress {
  readonly actor: string;
  readonly shard: string;
  readonly incarnation: number;
}

/** A type of actor that can be spawned by request. */
export interface SpawnableType {
  readonly type: string;
  readonly group: ActorGroup;
  /** Type of the actor definition, which is the first part of its event log's name. */
  readonly actorType: string;
  /**
   * Checks the texts; the value has all parameters, defaults included. Failure codes:
   * parameters_invalid, unavailable (reference data cannot be read).
   */
  check(
    id: string,
    parameters: Readonly<Record<string, string>>,
  ): Promise<Result<Readonly<Record<string, string>>>>;
  /**
   * Makes what an actor must have before its record is written; once for each. Failure codes as check.
   */
  prepare(record: ActorRecord): Promise<Result<void>>;
  /**
   * The report of one that had just been spawned, encoded as its group's: what it would quote now. Absent, and empty:
   * it cannot be told.
   */
  preview?(id: string, parameters: Readonly<Record<string, string>>): Promise<Uint8Array>;
  /** JSON Schema of the parameters. */
  readonly schema: object;
  /** `start` of the child specification. Failure codes as check. */
  start(record: ActorRecord, address: ActorAddress): Promise<Result<unknown>>;
  /** Failure codes: those of the actor, busy, not_found, timeout, internal. */
  steer(path: string, commandId: string, verb: SteerVerb): Promise<Result<void>>;
}

export type SteerVerb = "pause" | "resume" | "flatten" | "stop" | "start";

export interface SpawnFields {
  readonly key: string;
  readonly type: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly requestedBy: string;
  readonly antiAffinity: string;
  readonly sender: SenderIdentity | null;
}

export type ControlRequest =
  | ({ readonly verb: "spawn" } & SpawnFields)
  | ({ readonly verb: "check" } & SpawnFields)
  | {
      readonly verb: "stop";
      readonly id: string;
      readonly requestedBy: string;
      readonly sender: SenderIdentity | null;
    }
  | { readonly verb: "restart"; readonly id: string; readonly requestedBy: string }
  | { readonly verb: "describe" | "watch"; readonly id: string }
  | { readonly verb: "types"; readonly type: string }
  | { readonly verb: "list"; readonly type: string; readonly after: string; readonly limit: number }
  | {
      readonly verb: "send";
      readonly id: string;
      readonly commandId: string;
      readonly message: "pause" | "resume" | "flatten";
      readonly sender: SenderIdentity | null;
    };

export type ControlAnswer =
  | { readonly type: "actor"; readonly status: ActorStatus; readonly repeated: boolean }
  | { readonly type: "types"; readonly types: readonly SpawnableType[] }
  | { readonly type: "list"; readonly actors: readonly ActorStatus[]; readonly more: boolean }
  | { readonly type: "watch"; readonly status: ActorStatus; readonly subject: string };
