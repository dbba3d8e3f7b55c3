/**
 * A cell with one market in mode `durable` on the native engine, in a process of its own, that sends
 * itself orders and prints each acknowledgement: "ack NUMBER SEQUENCE". It goes on until it is killed.
 *   node test/support/durable-cell.ts FOLDER SEED-FILE SERVER
 */
import { readFileSync, writeSync } from "node:fs";

import { connectNats } from "../../actors/bus/nats.ts";
import { loadNativeEngine } from "../../native/index.ts";
import { wire } from "../../schemas/messages.ts";
import { MarketCell } from "./market-cell.ts";

const [directory = "", seedFile = "", server = ""] = process.argv.slice(2);
const engine = loadNativeEngine({ snapshotInterval: 200 });
if (!engine.ok) throw new Error(engine.failure.reason);
const seed = new Uint8Array(readFileSync(seedFile));
const bus = await connectNats({ servers: [server], user: "cell", seed, authority: null });
const cell = await MarketCell.open({
  bus,
  directory,
  engine: engine.value,
  definition: { mode: "durable" },
});
writeSync(1, "open\n");
const { Side, OrderType, TimeInForce, DurabilityMode } = wire.market.v1;
for (let first = 1; ; first += 16) {
  const commands = Array.from({ length: 16 }, (_, index) => ({
    number: first + index,
    account: 7,
    place: {
      side: (first + index) % 2 === 0 ? Side.SIDE_BUY : Side.SIDE_SELL,
      orderType: OrderType.ORDER_TYPE_LIMIT,
      timeInForce: TimeInForce.TIME_IN_FORCE_DAY,
      price: 500 + ((first + index) % 5) * 5,
      quantity: 10,
    },
  }));
  const reply = await cell.submit({ session: 77, commands });
  if (reply.durability !== DurabilityMode.DURABILITY_MODE_DURABLE) {
    writeSync(1, `not durable: ${reply.durability}\n`);
  }
  const lines = reply.outcomes
    .filter(({ refusal }) => !refusal)
    .map(({ number, sequence }) => `ack ${number} ${sequence}\n`);
  writeSync(1, lines.join(""));
}
