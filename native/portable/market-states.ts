import { isCallPhase, marketStates, reasons, timesInForce } from "./codes.ts";
import type { EngineState } from "./engine-state.ts";
import { isForLater } from "./order.ts";
import type { Order } from "./order.ts";
import { parkPegs } from "./pegs.ts";
import { restParked } from "./resting.ts";

/** What a change of the market's state brings about once it has been told. */

const ofTheDay: readonly number[] = [
  timesInForce.day,
  timesInForce.at_open,
  timesInForce.at_close,
  timesInForce.good_for_auction,
];

export function changeState(engine: EngineState, state: number): void {
  if (engine.state === marketStates.open) {
    parkPegs(engine);
    engine.limitStateEnded = true;
  }
  engine.state = state;
  if (isCallPhase(state)) {
    restParked(engine, (order) => isForAuction(order) && !isForLater(order, state));
  }
  if (state === marketStates.open) engine.pegsDue = true;
  if (state === marketStates.closed) {
    engine.dayEnd = {
      account: null,
      reason: reasons.day_end,
      before: engine.sequence,
      matches: ({ timeInForce }) => ofTheDay.includes(timeInForce),
      row: 0,
      passed: 0,
    };
  }
}

const isForAuction = ({ timeInForce }: Order): boolean =>
  timeInForce === timesInForce.at_close || timeInForce === timesInForce.good_for_auction;
