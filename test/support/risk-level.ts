import * as assert from "uvu/assert";

import { quantityLots, timestampNs } from "../../actors/kernel/units.ts";
import {
  askedBy,
  decide,
  done,
  evolve,
  initialState,
  repeated,
  type RiskLimitState,
} from "../../actors/risk-limit/decide.ts";
import { noLimits } from "../../actors/risk-limit/limits.ts";
import type { RiskLimitMessage, RiskLimitReply } from "../../actors/risk-limit/messages.ts";

const now = timestampNs(1n);

/** One level as its actor would be: rules, and the memory of what was done. */
export class RiskLevel {
  state: RiskLimitState;
  readonly #done = new Map<string, { readonly asked: string; readonly reply: RiskLimitReply }>();

  constructor(parent: string, open: number) {
    const quantity = quantityLots(open);
    const limits = { ...noLimits, maximumOrderQuantity: quantity, maximumOpenQuantity: quantity };
    this.state = { ...initialState(limits), scope: "account", parent };
  }

  ask(message: RiskLimitMessage): RiskLimitReply {
    if (!("commandId" in message)) return this.#decided(message);
    const before = this.#done.get(message.commandId);
    if (before !== undefined) {
      assert.is(before.asked, askedBy(message));
      return repeated(before.reply);
    }
    const reply = this.#decided(message);
    if (reply.type === "done") {
      this.#done.set(message.commandId, { asked: askedBy(message), reply });
    }
    return reply;
  }

  #decided(message: RiskLimitMessage): RiskLimitReply {
    const decision = decide(this.state, message, now);
    if (decision.type === "answered") return decision.reply;
    this.state = decision.events.reduce(evolve, this.state);
    return done(this.state);
  }
}
