import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";

import { headers } from "nats";
import * as assert from "uvu/assert";

import { type Delivery, ExchangeClient } from "../../schemas/sdk/client.ts";
import { marketName, type OneRegion, regionName } from "./one-region.ts";
import type { ReceivedSpan } from "./otlp-receiver.ts";

/** Of one order, one after the other. */
export const hops = [
  "market mailbox",
  "market actor",
  "command ring",
  "reactor",
  "journal",
  "safe",
  "events",
];

export interface Context {
  readonly traceId: string;
  readonly spanId: string;
  readonly isSampled: boolean;
}
export const context = (isSampled: boolean): Context => ({
  traceId: randomBytes(16).toString("hex"),
  spanId: randomBytes(8).toString("hex"),
  isSampled,
});

let session = 1_000;
/** A client of the SDK that sends these contexts with its requests. */
export function tracingClient(
  { connection }: OneRegion,
  trace: () => string | null,
): ExchangeClient {
  return new ExchangeClient({
    region: regionName,
    market: marketName,
    session: (session += 1),
    sleep: (milliseconds) => delay(milliseconds),
    random: () => 0.5,
    trace,
    transport: {
      async request(subject, payload, timeoutMs, sent): Promise<Delivery> {
        const header = headers();
        if (sent !== undefined) header.set("traceparent", sent);
        try {
          const reply = await connection.request(subject, payload, {
            timeout: timeoutMs,
            ...(sent === undefined ? {} : { headers: header }),
          });
          return { kind: "reply", payload: reply.data };
        } catch {
          return { kind: "timeout" };
        }
      },
    },
  });
}

export async function tradeOnce(of: ExchangeClient): Promise<void> {
  const order = { kind: "place", quantity: 1, price: 100, timeInForce: "day" } as const;
  const answer = await of.submit([
    { ...order, side: "buy", account: 1 },
    { ...order, side: "sell", account: 2 },
  ]);
  assert.ok(answer.ok, answer.ok ? "" : answer.failure.reason);
  if (answer.ok) for (const { refusal } of answer.value.outcomes) assert.is(refusal, null);
}

export function checkHops(spans: readonly ReceivedSpan[], sent: Context): void {
  const [root, ...more] = spans.filter(({ name }) => name === `submit ${marketName}`);
  assert.equal(more, []);
  assert.is(root?.parentSpanId, sent.spanId, "the client's span is above");
  assert.is(root?.resource["service.name"], "meridian-cell");
  assert.is(root?.resource["meridian.region"], regionName);
  let before = root?.began ?? 0n;
  for (const name of hops) {
    const hop = spans.find((span) => span.name === name);
    if (hop === undefined) throw new Error(`no hop ${name}`);
    assert.is(hop.parentSpanId, root?.spanId, name);
    assert.ok(hop.began >= before, `${name} begins before the one before it ends`);
    assert.ok(hop.ended >= hop.began, name);
    // The block of events leaves on its own.
    before = hop.ended;
  }
  const safe = spans.find(({ name }) => name === "safe");
  assert.is(safe?.attributes["meridian.durability"], "replicated");
  assert.ok(Number(safe?.attributes["meridian.sequence"]) > 0);
  assert.ok((safe?.ended ?? 0n) <= (root?.ended ?? 0n), "safe before it is answered");
}
