import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";

import { headers } from "nats";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { parseTraceparent, traceparent } from "../../actors/kernel/trace-context.ts";
import { wire } from "../../schemas/messages.ts";
import { type Delivery, ExchangeClient } from "../../schemas/sdk/client.ts";
import { eventSubject } from "../../schemas/subjects.ts";
import { missingNatsServer } from "../support/nats-cluster.ts";
import { marketName, type OneRegion, regionName, withOneRegion } from "../support/one-region.ts";
import { OtlpReceiver, type ReceivedSpan } from "../support/otlp-receiver.ts";
import { testUnless } from "../support/skip.ts";

const test = suite("traces of orders");

const hops = [
  "market mailbox",
  "market actor",
  "command ring",
  "reactor",
  "journal",
  "safe",
  "events",
];

interface Context {
  readonly traceId: string;
  readonly spanId: string;
  readonly isSampled: boolean;
}
const context = (isSampled: boolean): Context => ({
  traceId: randomBytes(16).toString("hex"),
  spanId: randomBytes(8).toString("hex"),
  isSampled,
});

let session = 0;
/** A client of the SDK that sends these contexts with its requests. */
function client({ connection }: OneRegion, trace: () => string | null): ExchangeClient {
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

async function trade(of: ExchangeClient): Promise<void> {
  const order = { kind: "place", quantity: 1, price: 100, timeInForce: "day" } as const;
  const answer = await of.submit([
    { ...order, side: "buy", account: 1 },
    { ...order, side: "sell", account: 2 },
  ]);
  assert.ok(answer.ok, answer.ok ? "" : answer.failure.reason);
  if (answer.ok) for (const { refusal } of answer.value.outcomes) assert.is(refusal, null);
}

async function eventually<T>(
  what: string,
  look: () => T | null,
  said: () => string = () => "",
): Promise<T> {
  for (let tries = 0; tries < 300; tries += 1) {
    const found = look();
    if (found !== null) return found;
    await delay(100);
  }
  throw new Error(`did not come about: ${what}; ${said()}`);
}

function checkHops(spans: readonly ReceivedSpan[], sent: Context): void {
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

testUnless(
  test,
  missingNatsServer(),
  "B1.4 one order's trace has every hop under one id, from the client's span to the block of events",
  async () => {
    const receiver = await OtlpReceiver.start();
    try {
      await withOneRegion(
        "replicated",
        async (region) => {
          await region.ready();
          const blocks: wire.market.v1.EventBlock[] = [];
          region.connection.subscribe(eventSubject(marketName, "block"), {
            callback: (_, message) => {
              blocks.push(wire.market.v1.EventBlock.decode(message.data));
            },
          });
          const traced = context(true);
          const unsampled = context(false);
          await trade(client(region, () => traceparent(traced)));
          await trade(client(region, () => traceparent(unsampled)));
          await trade(client(region, () => null));
          await trade(client(region, () => "no context"));
          const spans = await eventually(
            "every span has come",
            () => {
              const found = receiver.of(traced.traceId);
              return found.length > hops.length ? found : null;
            },
            () => receiver.spans.map(({ name }) => name).join(", "),
          );
          checkHops(spans, traced);
          assert.is(spans.length, hops.length + 1);
          assert.is(receiver.spans.length, spans.length, "nobody else is traced");
          const named = await eventually("the block names its trace", () => {
            const texts = blocks.flatMap(({ traces }) => traces);
            return texts.length > 0 ? texts : null;
          });
          assert.equal(
            named.map((text) => parseTraceparent(text)?.traceId),
            [traced.traceId],
          );
          const scrape = await (await fetch(`${region.region.http}/metrics`)).text();
          assert.match(scrape, /^meridian_traces_begun_total 1$/m);
        },
        { tracing: { url: receiver.url } },
      );
    } finally {
      await receiver.stop();
    }
  },
);

test.run();
