/**
 * A cell on the native engine in this process, two orders that trade, and its end: what a container
 * profile has to allow. Prints how much was executed.
 */
import { loadNativeEngine } from "../../native/index.ts";
import { wire } from "../../schemas/messages.ts";
import { startMemoryCell } from "./memory-cell.ts";

const { Side, OrderType, TimeInForce } = wire.market.v1;
const engine = loadNativeEngine({ processor: "auto" });
if (!engine.ok) throw new Error(engine.failure.reason);
const cell = await startMemoryCell({ engine: engine.value });
await cell.ready();
const order = (number: number, side: wire.market.v1.Side) => ({
  number,
  account: number,
  place: {
    side,
    orderType: OrderType.ORDER_TYPE_LIMIT,
    timeInForce: TimeInForce.TIME_IN_FORCE_DAY,
    price: 500,
    quantity: 10,
  },
});
const reply = await cell.submit("TEST", {
  session: 5,
  commands: [order(1, Side.SIDE_SELL), order(2, Side.SIDE_BUY)],
});
console.log(`executed ${reply.outcomes[1]?.executed}`);
await cell.stop();
