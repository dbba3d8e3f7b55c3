/**
 * A process with one shared-memory client, for tests: connects as its argument (JSON) says, sends its orders,
 * prints what came back as JSON, and ends, or waits to be killed.
 */
import type { PlaceCommand } from "../../actors/kernel/ports/matching-engine.ts";
import { accountId, priceTicks, quantityLots } from "../../actors/kernel/units.ts";
import { MarketClient } from "../../native/client/market-client.ts";

interface Request {
  readonly socket: string;
  readonly market: string;
  readonly tokenByte: number;
  readonly account: number;
  readonly orders: number;
  readonly group: number;
  readonly side: "buy" | "sell" | "both";
  readonly stays: boolean;
}

const request = JSON.parse(process.argv[2] ?? "") as Request;
const connected = await MarketClient.connect({
  ...request,
  token: new Uint8Array(32).fill(request.tokenByte),
  ...(request.group === 0 ? {} : { cancelOnDisconnect: request.group }),
});
if (!connected.ok) throw new Error(connected.failure.reason);
const client = connected.value;

const order = (index: number): PlaceCommand => ({
  kind: "place",
  session: 0,
  number: 0,
  account: accountId(request.account),
  tag: index,
  side: request.side === "both" ? (index % 2 === 0 ? "sell" : "buy") : request.side,
  orderType: "limit",
  timeInForce: "day",
  price: priceTicks(100),
  quantity: quantityLots(1),
  ...(request.group === 0 ? {} : { group: request.group }),
});

let sent = 0;
let answered = 0;
let inOrder = true;
const kinds: Record<string, number> = {};
while (answered < request.orders && client.ended === null) {
  while (sent < request.orders && client.submit(order(sent)) === "yes") sent += 1;
  client.flush();
  client.poll((event, foreign) => {
    if (foreign) return;
    kinds[event.kind] = (kinds[event.kind] ?? 0) + 1;
    inOrder &&= event.tag === answered;
    if (event.last) answered += 1;
  });
  if (answered < request.orders) await client.wait(100);
}
const { session, ended } = client;
process.stdout.write(`${JSON.stringify({ session, answered, inOrder, kinds, ended })}\n`);
if (request.stays) setInterval(() => client.flush(), 1_000);
else await client.close();
