import { rmSync } from "node:fs";

import * as assert from "uvu/assert";

import { traceparent } from "../../actors/kernel/trace-context.ts";
import { orderTraceIds } from "../../schemas/order-trace.ts";
import type { SoakOptions } from "../soak.ts";
import {
  memoryHops,
  orderByOuch,
  orderBySharedMemory,
  ouchHops,
} from "../support/direct-orders.ts";
import { temporaryFolder } from "../support/launched-cluster.ts";
import { eventually, marketName, withOneRegion } from "../support/one-region.ts";
import { buildCollector, type CollectedSpan, OtelCollector } from "../support/otel-collector.ts";
import { context, hops, tracingClient, tradeOnce } from "../support/traced-orders.ts";

/** The spans of a trace once the root and every hop below it have come. */
async function whole(
  collector: OtelCollector,
  root: string,
  wanted: readonly string[],
  of: (span: CollectedSpan) => boolean,
): Promise<readonly CollectedSpan[]> {
  let spans: readonly CollectedSpan[] = [];
  await eventually(`${root} and ${wanted.join(", ")}`, () => {
    spans = collector.spans().filter(of);
    return Promise.resolve(spans.length > wanted.length ? true : null);
  }).catch((cause: unknown) => {
    throw new Error(`${String(cause)}: ${spans.map(({ name }) => name).join(", ")}`);
  });
  const above = spans.find(({ name }) => name === root);
  assert.ok(above, spans.map(({ name }) => name).join(", "));
  for (const name of wanted) {
    const hop = spans.find((span) => span.name === name);
    assert.is(hop?.parentSpanId, above.spanId, `${root}: ${name}`);
  }
  assert.is(new Set(spans.map(({ traceId }) => traceId)).size, 1);
  return spans;
}

/**
 * A real OpenTelemetry collector, built from its Go modules (some minutes at first), receives one trace a
 * way in: NATS, OUCH, shared memory. `count`: orders over NATS (default 20).
 */
export async function soak({ count }: SoakOptions): Promise<void> {
  await buildCollector();
  const folder = temporaryFolder();
  const collector = await OtelCollector.start(folder);
  try {
    await withOneRegion(
      "replicated",
      async (region) => {
        await region.ready();
        const begun = performance.now();
        const orders = count ?? 20;
        for (let order = 0; order < orders; order += 1) {
          const sent = context(true);
          await tradeOnce(tracingClient(region, () => traceparent(sent)));
          const spans = await whole(
            collector,
            `submit ${marketName}`,
            hops,
            ({ traceId }) => traceId === sent.traceId,
          );
          const root = spans.find(({ name }) => name === `submit ${marketName}`);
          assert.is(root?.parentSpanId, sent.spanId, "the client's span is above");
        }
        const seconds = ((performance.now() - begun) / 1_000).toFixed(1);
        console.log(`${orders} orders over NATS: every hop under one id, ${seconds} s`);
        const { traceId: ofMemory } = orderTraceIds(marketName, await orderBySharedMemory(region));
        await whole(
          collector,
          `order ${marketName}`,
          memoryHops,
          (span) => span.traceId === ofMemory,
        );
        const others = new Set(collector.spans().map(({ traceId }) => traceId));
        await orderByOuch(region);
        await whole(
          collector,
          `order ${marketName}`,
          ouchHops,
          ({ traceId }) => !others.has(traceId),
        );
        console.log("one over shared memory and one by OUCH: every hop under one id each");
      },
      { tracing: { url: collector.url, direct: 1 } },
    );
  } finally {
    await collector.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
