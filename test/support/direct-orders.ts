import { readFileSync } from "node:fs";

import * as assert from "uvu/assert";

import { accountId, priceTicks, quantityLots } from "../../actors/kernel/units.ts";
import { MarketClient } from "../../native/client/market-client.ts";
import {
  clientGrantsSchema,
  edgeAccessSchema,
  edgesFileSchema,
} from "../../schemas/configuration.ts";
import { connectTcp, OuchClient } from "../../schemas/nasdaq/ouch-client.ts";
import { orderTraceIds } from "../../schemas/order-trace.ts";
import { eventually, marketName, type OneRegion, regionName } from "./one-region.ts";
import type { ReceivedSpan } from "./otlp-receiver.ts";

/** What the cell tells of an order that came by OUCH, one after the other; then of one over shared memory. */
export const ouchHops = [
  "order entry",
  "command ring",
  "reactor",
  "journal",
  "safe",
  "report",
  "events",
];
export const memoryHops = ["reactor", "journal", "safe", "events"];

const readJson = (file: string | undefined): unknown =>
  JSON.parse(readFileSync(file ?? "", "utf8"));

/** Sends an order by OUCH, and waits until it is accepted. */
export async function orderByOuch({ region }: OneRegion): Promise<void> {
  const listening = await eventually("the cell says where it listens", () => {
    try {
      const { markets } = edgesFileSchema.parse(readJson(region.edges?.edgesFile));
      return Promise.resolve(markets[marketName] ?? null);
    } catch {
      return Promise.resolve(null);
    }
  });
  const [member] = edgeAccessSchema.parse(readJson(region.edges?.accessFile)).members;
  const connected = await connectTcp(listening.host, listening.orders);
  if (!connected.ok || member === undefined) throw new Error("nobody listens");
  const { username, password } = member;
  const loggedIn = await OuchClient.logIn(connected.stream, { username, password });
  if (!loggedIn.ok) throw new Error(loggedIn.failure.reason);
  const { client } = loggedIn;
  client.send({
    kind: "enterOrder",
    userRef: 1,
    side: "B",
    quantity: 10,
    symbol: marketName,
    price: 50_000n,
    timeInForce: "0",
    display: "Y",
    capacity: "P",
    intermarketSweep: "N",
    crossType: "N",
    clientOrderId: "",
    options: {},
  });
  const received = await client.receive(60_000);
  assert.is(received.kind === "message" ? received.message.kind : "", "orderAccepted");
  client.logOut();
}

/** Sends an order over shared memory, and gives the sequence that its events name. */
export async function orderBySharedMemory({ region }: OneRegion): Promise<number> {
  const { socket = "", grantsFile } = region.clients ?? {};
  const [grant] = clientGrantsSchema.parse(readJson(grantsFile)).grants;
  if (grant === undefined) throw new Error("nobody may connect");
  const connected = await MarketClient.connect({
    socket,
    market: marketName,
    token: new Uint8Array(Buffer.from(grant.token, "hex")),
    account: grant.account,
  });
  if (!connected.ok) throw new Error(connected.failure.reason);
  const client = connected.value;
  client.submit({
    kind: "place",
    session: 0,
    number: 1,
    account: accountId(grant.account),
    tag: 1,
    side: "buy",
    orderType: "limit",
    timeInForce: "day",
    price: priceTicks(400),
    quantity: quantityLots(10),
  });
  client.flush();
  const sequence = await eventually("the order is accepted", async () => {
    const accepted: number[] = [];
    await client.wait(50);
    client.poll((event, foreign) => {
      if (!foreign && event.kind === "accepted") accepted.push(event.sequence);
    });
    return accepted[0] ?? null;
  });
  await client.close();
  return sequence;
}

/** One trace with every hop, its ids made of market and sequence. Gives that of the span above the hops. */
export function checkDirect(
  spans: readonly ReceivedSpan[],
  door: string,
  hops: readonly string[],
): ReceivedSpan {
  const [root] = spans.filter(({ name }) => name === `order ${marketName}`);
  if (root === undefined) throw new Error("nothing is above the hops");
  const sequence = Number(root.attributes["meridian.sequence"]);
  const ids = orderTraceIds(marketName, sequence);
  assert.equal([root.traceId, root.spanId], [ids.traceId, ids.cellSpanId]);
  assert.is(root.attributes["meridian.door"], door);
  assert.is(root.resource["meridian.region"], regionName);
  assert.equal(
    spans.map(({ name }) => name).sort(),
    [root.name, ...hops].sort(),
    "each hop once, and nothing else",
  );
  for (const span of spans) {
    assert.is(span.traceId, root.traceId, span.name);
    if (span !== root) assert.is(span.parentSpanId, root.spanId, span.name);
    assert.ok(span.ended >= span.began, span.name);
    assert.ok(span.began >= root.began, `${span.name} is not before the order came`);
  }
  const safe = spans.find(({ name }) => name === "safe");
  assert.is(safe?.attributes["meridian.durability"], "replicated");
  return root;
}
