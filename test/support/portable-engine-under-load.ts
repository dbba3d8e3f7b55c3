/** Feeds a market in a folder for ever and prints each durable sequence; killed by engine.test.ts. */
import { writeSync } from "node:fs";
import type { EngineCommand } from "../../actors/kernel/ports/matching-engine.ts";
import { accountId, epoch, priceTicks, quantityLots } from "../../actors/kernel/units.ts";
import { systemClock } from "../../actors/kernel/system-clock.ts";
import { PortableEngine } from "../../native/portable/engine.ts";

const engine = new PortableEngine({ clock: systemClock() });
const market = await engine.open({
  market: "load",
  directory: process.argv[2] ?? "",
  epoch: epoch(1),
});
const header = { session: 0, number: 0, account: accountId(1), tag: 0 };
market.offer({
  ...header,
  kind: "configure",
  bandLow: priceTicks(1),
  bandHigh: priceTicks(1_000),
  maximumQuantity: quantityLots(10),
  orderCapacity: 100_000,
  mode: "durable",
});
market.onDurable(() => {
  writeSync(1, `${market.progress().durable}\n`);
});
let index = 0;
function feed(): void {
  market.drain(() => {}, 100_000);
  for (let count = 0; count < 100; count += 1) {
    index += 1;
    const order: EngineCommand = {
      ...header,
      kind: "place",
      side: index % 2 === 0 ? "buy" : "sell",
      orderType: "limit",
      timeInForce: "day",
      price: priceTicks(500 + (index % 7)),
      quantity: quantityLots(1 + (index % 3)),
    };
    market.offer(order);
  }
  market.flush();
  setImmediate(feed);
}
feed();
