import type { SenderIdentity } from "../kernel/incarnation-fence.ts";
import type { Failure } from "../kernel/result.ts";
import type { QuantityLots } from "../kernel/units.ts";

/** Limits of an account. An order above the first, or open lots above the second, are refused. */
export interface Limits {
  readonly maximumOrderQuantity: QuantityLots;
  readonly maximumOpenQuantity: QuantityLots;
}

/** Start data of the actor in its child specification. */
export interface RiskLimitStart {
  /** A subject token; names the event log as well. */
  readonly account: string;
  /** In force until the first set_limits. */
  readonly limits: Limits;
}

/** `commandId`: chosen by the sender, 1 to 64 characters; the same in a resend. */
export type RiskLimitCommand =
  | {
      readonly type: "set_limits";
      readonly commandId: string;
      readonly limits: Limits;
      /** Who asked for it, for the record. */
      readonly requestedBy: string;
    }
  | {
      readonly type: "reserve" | "release";
      readonly commandId: string;
      readonly quantity: QuantityLots;
      /** An actor that acts under a lease; a client has none. */
      readonly sender?: SenderIdentity;
    };

/** A question: changes nothing, has no id. */
export interface Describe {
  readonly type: "describe";
}
export type RiskLimitMessage = RiskLimitCommand | Describe;

export type RiskLimitEvent =
  | {
      readonly type: "limits_set";
      readonly commandId: string;
      readonly limits: Limits;
      readonly requestedBy: string;
    }
  | { readonly type: "reserved"; readonly commandId: string; readonly quantity: QuantityLots }
  | { readonly type: "released"; readonly commandId: string; readonly quantity: QuantityLots };

/** What stood after a command. */
export interface Outcome {
  readonly limits: Limits;
  readonly reserved: QuantityLots;
}

/** `limit` and `requested` are 0 where the refusal is not about a quantity. */
export interface RiskLimitFailure extends Failure {
  readonly code:
    | "limit_exceeded"
    | "not_reserved"
    | "quantity_not_positive"
    | "command_id_reused"
    | "log_full"
    | "stale_epoch";
  readonly limit: number;
  readonly requested: number;
}

export type RiskLimitReply =
  | { readonly type: "done"; readonly outcome: Outcome; readonly repeated: boolean }
  | { readonly type: "refused"; readonly failure: RiskLimitFailure; readonly outcome: Outcome };
