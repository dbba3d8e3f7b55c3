import type { EngineCommand, EngineEvent } from "../../actors/kernel/ports/matching-engine.ts";
import {
  configure,
  type MarketLimits,
  outcomeOf,
  type Receipt,
  toCommand,
} from "../../actors/replay/engine-exchange.ts";
import { Market } from "../../native/portable/market.ts";
import type { Action, Answer, Outcome } from "../../schemas/sdk/orders.ts";

/** The slow twin as an exchange of one market, without a cell or network around it. */
export class TwinExchange {
  readonly market = new Market();
  readonly #tick: number;
  #sequence = 0;

  constructor(limits: MarketLimits) {
    this.#tick = limits.tick;
    this.#apply(configure(limits));
  }

  /** Applies actions under given session numbers, as a cell would. */
  apply(actions: readonly Action[], session: number, firstNumber: number): Outcome[] {
    return actions.map((action, index) => {
      const number = firstNumber + index;
      return outcomeOf(
        this.#apply(toCommand(action, session, session === 0 ? 0 : number, this.#tick)),
        number,
        this.#tick,
      );
    });
  }

  async submit(actions: readonly Action[]): Promise<Answer<Receipt>> {
    return { ok: true, value: { outcomes: this.apply(actions, 0, 1) } };
  }

  #apply(command: EngineCommand): EngineEvent[] {
    this.#sequence += 1;
    return this.market.apply(command, this.#sequence);
  }
}
