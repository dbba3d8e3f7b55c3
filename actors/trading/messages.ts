import type { TimestampNs } from "../kernel/units.ts";
import type { Ledger, Order, Settlement } from "./ledger.ts";
import type { MarketView } from "./market-view.ts";
import type { Sender } from "./wire.ts";

/** Reference data of the market an actor trades; price and quantity units. */
export interface Instrument {
  readonly market: string;
  /** Region that matches it. */
  readonly home: string;
  readonly tick: number;
  readonly lot: number;
  readonly bandLow: number;
  readonly bandHigh: number;
  readonly maximumQuantity: number;
}

/**
 * What an actor that trades is wanted to do. `paused` and `stopped` have nothing resting; `stopping` is on
 * its way there; `flattening` brings its inventory to nothing, then it is paused; `done` has reached its end.
 */
export type Phase = "running" | "flattening" | "paused" | "stopping" | "stopped" | "done";

/** `start` of the child specification of every actor that trades; plain data. */
export interface TraderStart<Parameters> {
  readonly id: string;
  readonly region: string;
  readonly sender: Sender;
  readonly account: number;
  /** The risk limit that is asked before each order and told what this actor holds. */
  readonly risk: string;
  readonly instrument: Instrument;
  readonly parameters: Parameters;
}

/** `memo` is what the plan itself remembers; plain JSON, null before the first plan. */
export interface TraderState<Memo> {
  readonly ledger: Ledger;
  readonly phase: Phase;
  readonly memo: Memo | null;
}

export type TraderEvent<Memo> =
  | {
      readonly type: "planned";
      readonly session: number;
      readonly orders: readonly Order[];
      readonly memo: Memo | null;
    }
  | { readonly type: "settled"; readonly settlements: readonly Settlement[] }
  | {
      readonly type: "reconciled";
      readonly resting: readonly { readonly orderId: number; readonly remaining: number }[];
    }
  | { readonly type: "steered"; readonly phase: Phase };

export type SteerVerb = "pause" | "resume" | "flatten" | "stop" | "start";

export type TraderMessage =
  /** By the actor itself, when it is time to look at the market again. */
  | {
      readonly type: "plan";
      readonly commandId: string;
      /** Taken when the actor has none yet. */
      readonly session: number;
      readonly view: MarketView;
      readonly at: TimestampNs;
      /** Lots that the risk limit lets be open; null: no order is placed. */
      readonly allowance: number | null;
      /** The risk limit has stopped it: what rests is canceled. */
      readonly barred: boolean;
      /** What the kind asked outside for, checked; absent where it asks nothing. */
      readonly advice?: unknown;
    }
  | {
      readonly type: "settle";
      readonly commandId: string;
      readonly settlements: readonly Settlement[];
    }
  | {
      readonly type: "reconcile";
      readonly commandId: string;
      readonly resting: readonly { readonly orderId: number; readonly remaining: number }[];
    }
  | { readonly type: "steer"; readonly commandId: string; readonly verb: SteerVerb }
  | { readonly type: "look" };

export type TraderReply<Memo> =
  | { readonly type: "done" }
  | { readonly type: "state"; readonly state: TraderState<Memo> }
  | {
      readonly type: "refused";
      readonly failure: { readonly code: string; readonly reason: string; readonly next: string };
    };
