import type { SenderIdentity } from "../kernel/incarnation-fence.ts";
import type { Failure } from "../kernel/result.ts";
import type { QuantityLots } from "../kernel/units.ts";

/**
 * What a desk, an account or a strategy may do. The first two allow nothing when they are 0; any other
 * that is 0 does not limit. Safe integers.
 */
export interface Limits {
  readonly maximumOrderQuantity: QuantityLots;
  /** Lots reserved at a time. */
  readonly maximumOpenQuantity: QuantityLots;
  /** Lots, long or short: in each market by the engine, and of a whole subtree as its members report. */
  readonly maximumPosition: number;
  /** Of one order, ticks times lots. */
  readonly maximumNotional: number;
  /** Ticks an order's price may be from the last trade. */
  readonly collar: number;
  /** In each market. */
  readonly maximumOpenOrders: number;
  /** New orders and replacements in a window of milliseconds. */
  readonly messageCount: number;
  readonly messageWindowMs: number;
  readonly executionCount: number;
  readonly executionWindowMs: number;
  /** Price units times quantity units. */
  readonly maximumLoss: number;
}

export type Scope = "desk" | "account" | "strategy";

/** Start data of the actor in its child specification. */
export interface RiskLimitStart {
  /** Whose risk limit it is, wherever it runs. */
  readonly region: string;
  /** A subject token; names the event log as well. */
  readonly name: string;
  /** In force until the first set_limits. */
  readonly limits: Limits;
  /** Epoch of the shard under which this cell runs it. */
  readonly incarnation: number;
}

/** A risk limit in the whole cluster. */
export interface NamedLimit {
  readonly region: string;
  readonly name: string;
}

/** `commandId`: chosen by the sender, 1 to 128 characters; the same in a resend. */
export type RiskLimitCommand =
  | {
      readonly type: "define";
      readonly commandId: string;
      readonly scope: Scope;
      /** Whose limits hold beside its own; empty: nobody's. */
      readonly parent: string;
      /** Under which its orders come to the markets; 0: it has none of its own. */
      readonly account: number;
      /** Its limits go to the markets in which its members trade; false: to all. */
      readonly tradedOnly: boolean;
      readonly requestedBy: string;
    }
  | {
      readonly type: "set_limits";
      readonly commandId: string;
      readonly limits: Limits;
      /** Who asked for it, for the record and for the second pair of eyes. */
      readonly requestedBy: string;
    }
  | {
      readonly type: "approve";
      readonly commandId: string;
      /** Command id of what waits. */
      readonly proposal: string;
      readonly approvedBy: string;
    }
  | {
      readonly type: "stop";
      readonly commandId: string;
      readonly reason: string;
      readonly requestedBy: string;
    }
  | { readonly type: "resume"; readonly commandId: string; readonly requestedBy: string }
  | ({ readonly type: "reserve" } & Move)
  | ({ readonly type: "release" } & Move)
  | {
      readonly type: "undo";
      readonly commandId: string;
      readonly reservation: string;
      readonly quantity: QuantityLots;
    }
  | {
      readonly type: "hold";
      readonly commandId: string;
      readonly from: string;
      /** Of two that one member sends, the one with the higher epoch and number counts. */
      readonly epoch: number;
      readonly number: number;
      /** Lots that it has open or is about to: absolute. */
      readonly quantity: QuantityLots;
      /** Lots of the largest order that is to follow; 0: none is. */
      readonly largest: QuantityLots;
      /** Where it trades. */
      readonly markets: readonly string[];
      readonly sender?: SenderIdentity;
    }
  | ({ readonly type: "report"; readonly commandId: string; readonly from: string } & Holding);

/** What a member of a subtree, or all of it, has: absolute, so the last report counts. */
export interface Holding {
  /** Price units times quantity units, negative for a loss. */
  readonly profit: number;
  /** Lots, long and short added. */
  readonly position: number;
  /** Under which it trades. */
  readonly accounts: readonly number[];
}

/** A question: changes nothing, has no id. `reservation`: whether that one was undone. */
export interface Describe {
  readonly type: "describe";
  readonly reservation?: string;
  /** Null or absent: nothing is asked about limits. */
  readonly wanted?: Limits | null;
}
/** What has waited for approval as long as it may. */
export interface ProposalDue {
  readonly type: "proposal_due";
}
export type RiskLimitMessage = RiskLimitCommand | Describe | ProposalDue;

/** Lots that an order takes, or gives back. */
export interface Move {
  readonly commandId: string;
  readonly quantity: QuantityLots;
  /** An actor that acts under a lease; a client has none. */
  readonly sender?: SenderIdentity;
}

type EventOf<Command> = Command extends { readonly type: string }
  ? Omit<Command, "type" | "sender">
  : never;
type Commanded<Type extends RiskLimitCommand["type"]> = EventOf<
  Extract<RiskLimitCommand, { readonly type: Type }>
>;

export type RiskLimitEvent =
  | ({ readonly type: "defined" } & Commanded<"define">)
  | ({ readonly type: "limits_proposed" } & Commanded<"set_limits">)
  /** `approvedBy` is empty where nobody had to: tighter limits. */
  | ({ readonly type: "limits_set"; readonly approvedBy: string } & Commanded<"set_limits">)
  | ({ readonly type: "resume_proposed" } & Commanded<"resume">)
  | ({ readonly type: "resumed"; readonly approvedBy: string } & Commanded<"resume">)
  | ({ readonly type: "stopped" } & Commanded<"stop">)
  | {
      readonly type: "breached";
      readonly commandId: string;
      readonly limit: "maximum_loss" | "maximum_position";
      readonly allowed: number;
      readonly reached: number;
    }
  | { readonly type: "proposal_lapsed"; readonly proposal: string }
  | ({ readonly type: "reserved" } & Commanded<"reserve">)
  | ({ readonly type: "released" } & Commanded<"release">)
  | ({ readonly type: "undone" } & Commanded<"undo">)
  | ({ readonly type: "held" } & Omit<Commanded<"hold">, "largest">)
  | ({ readonly type: "reported" } & Commanded<"report">);

/** What stood after a command. */
export interface Outcome {
  readonly limits: Limits;
  readonly reserved: QuantityLots;
  /** Null until it is defined. */
  readonly scope: Scope | null;
  readonly parent: string;
  readonly account: number;
  /** Command id of what waits for approval; empty: nothing. */
  readonly proposal: string;
  /** Why no order is taken; empty: they are. */
  readonly stopped: string;
  /** Of the subtree, as reported. */
  readonly profit: number;
  readonly position: number;
  /** Of a question about a reservation: it was taken back. */
  readonly undone: boolean;
  /** Of a question about limits: they would wait for a second person. */
  readonly approvalNeeded?: boolean;
  /** Of what is reserved, by members that trade. */
  readonly held: QuantityLots;
  /** Rises with every change of what is held. */
  readonly revision: number;
  /** Where those members trade. */
  readonly markets: readonly string[];
}

/** `limit` and `requested` are 0 where the refusal is not about a quantity. */
export interface RiskLimitFailure extends Failure {
  readonly code:
    | "limit_exceeded"
    | "not_reserved"
    | "quantity_not_positive"
    | "account_killed"
    | "already_defined"
    | "not_found"
    | "not_permitted"
    | "command_id_reused"
    | "log_full"
    | "not_in_force"
    | "stale_epoch";
  readonly limit: number;
  readonly requested: number;
}

export type RiskLimitReply =
  | { readonly type: "done"; readonly outcome: Outcome; readonly repeated: boolean }
  | { readonly type: "refused"; readonly failure: RiskLimitFailure; readonly outcome: Outcome };
