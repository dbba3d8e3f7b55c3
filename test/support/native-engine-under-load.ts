/**
 * Feeds a market of the native engine in a folder, and prints each durable sequence, or why the log
 * waits; native/index.test.ts kills it, or lets its disk run full. It ends when the log goes on, or
 * with a second argument as soon as it waits.
 */
import { writeSync } from "node:fs";

import type { EngineCommand } from "../../actors/kernel/ports/matching-engine.ts";
import { accountId, epoch, priceTicks, quantityLots } from "../../actors/kernel/units.ts";
import { loadNativeEngine } from "../../native/index.ts";

const engine = loadNativeEngine();
if (!engine.ok) throw new Error(engine.failure.reason);
const market = await engine.value.open({
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
const gives = process.argv[3] === "give up";
let waited = false;
let done = false;
market.onDurable(() => {
  const { durable, logWaiting } = market.progress();
  done ||= logWaiting === null ? waited : gives;
  waited ||= logWaiting !== null;
  writeSync(1, logWaiting === null ? `durable ${durable}\n` : `waiting ${durable} ${logWaiting}\n`);
});
let index = 0;
function feed(): void {
  market.drain(() => {}, 1_000_000);
  for (let count = 0; count < 1_000; count += 1) {
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
  if (done) void finish();
  else setImmediate(feed);
}
async function finish(): Promise<void> {
  await market.close();
  writeSync(1, `closed ${market.progress().durable}\n`);
  if (engine.ok) await engine.value.stop();
}
feed();
