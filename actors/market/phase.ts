import type { EngineEvent, MarketState } from "../kernel/ports/matching-engine.ts";
import type { Indication, MarketDefinition } from "./messages.ts";

export const noIndication: Indication = { price: 0, volume: 0, surplus: 0 };

/** The phase of the market and what an auction would do now, as of the events that have left. */
export class Phase {
  #state: MarketState;
  #indication: Indication = noIndication;

  constructor(state: MarketState) {
    this.#state = state;
  }

  get state(): MarketState {
    return this.#state;
  }

  /** Zeros while nothing would be traded. */
  get indication(): Indication {
    return this.#indication;
  }

  apply(event: EngineEvent, { tick, lot }: Pick<MarketDefinition, "tick" | "lot">): void {
    if (event.kind === "state_set") {
      this.#state = event.state;
      this.#indication = noIndication;
    } else if (event.kind === "indicative") {
      const { price, volume, surplus, surplusSide } = event;
      this.#indication = {
        price: price * tick,
        volume: volume * lot,
        surplus: surplus * lot * (surplusSide === "buy" ? 1 : -1),
      };
    }
  }
}
