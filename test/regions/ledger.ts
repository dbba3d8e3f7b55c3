import type { Durability } from "../../schemas/sdk/orders.ts";

/** What a client was told of one command: a line of its ledger. */
export interface Acknowledgement {
  readonly client: string;
  readonly market: string;
  readonly session: number;
  readonly number: number;
  readonly sequence: number;
  readonly orderId: number;
  readonly executed: number;
  /** Code of the refusal; empty when accepted. */
  readonly refusal: string;
  readonly repeated: boolean;
  readonly epoch: number;
  readonly durability: Durability;
  /** When the command was sent first and when this came, in ms of the machine's monotonic clock. */
  readonly sentAt: number;
  readonly at: number;
}

/** A client's request that ended without an answer, although it was sent again and again. */
export interface Unanswered {
  readonly client: string;
  readonly market: string;
  readonly code: string;
  readonly at: number;
}

/** What a client of OUCH was told of an order: accepted under a reference, or rejected. */
export interface OuchAnswer {
  readonly client: string;
  readonly market: string;
  readonly session: number;
  /** The user reference, which is the number in the market's session. */
  readonly number: number;
  /** 0: rejected. */
  readonly orderId: number;
  /** The reason of a rejection; 0: accepted. */
  readonly reason: number;
  /** It had been sent in an earlier session of the gateway too. */
  readonly resent: boolean;
  readonly epoch: number;
  readonly sentAt: number;
  readonly at: number;
}

/** One side of a trade, as a client of OUCH was told of it. */
export interface Execution {
  readonly client: string;
  readonly market: string;
  readonly session: number;
  readonly number: number;
  /** Sequence and index of the event, which the match number is made of. */
  readonly sequence: number;
  readonly index: number;
  readonly quantity: number;
  readonly price: number;
  readonly epoch: number;
  readonly at: number;
}

/** What clients were told of one market, in the order in which it came. */
export interface Ledger {
  readonly acknowledged: readonly Acknowledgement[];
  readonly answered: readonly OuchAnswer[];
  readonly executed: readonly Execution[];
}

export type LedgerLine =
  | ({ readonly type: "acknowledged" } & Acknowledgement)
  | ({ readonly type: "answered" } & OuchAnswer)
  | ({ readonly type: "executed" } & Execution)
  | ({ readonly type: "unanswered" } & Unanswered)
  /** Nothing of the client is under way. */
  | { readonly type: "idle"; readonly client: string; readonly resends: number };

/** The same in all processes of the machine. */
export const nowMs = (): number => Number(process.hrtime.bigint() / 1_000n) / 1_000;
