import {
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  trace as traceApi,
  TraceFlags,
  type Tracer,
} from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  AlwaysOnSampler,
  BatchSpanProcessor,
  type SpanExporter,
  TracerProvider,
} from "@opentelemetry/sdk-trace";

import type { CommandStamps } from "../../native/index.ts";
import type { CellConfiguration } from "../../schemas/configuration.ts";
import { isPicked, pickedOf } from "../../schemas/order-trace.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import type {
  DirectCommand,
  HopAttributes,
  RequestTrace,
  Tracing,
} from "../kernel/ports/tracing.ts";
import { parseTraceparent, traceparent } from "../kernel/trace-context.ts";
import type { DurationNs } from "../kernel/units.ts";
import { ChosenIds, DirectSpans, type WallClock } from "./direct-spans.ts";

type Settings = NonNullable<CellConfiguration["tracing"]>;

export interface TraceCounts {
  readonly begun: number;
  /** Not traced although it was asked for, because there were too many in that second. */
  readonly leftOut: number;
  /** Batches that the collector did not take. */
  readonly failed: number;
}

/** Spans that wait for the collector at most; more are dropped. */
const spansWaiting = 2_048;
const spansPerBatch = 256;
const batchDelayMs = 1_000;
const exportTimeoutMs = 5_000;
const second = 1_000_000_000;

/** What order entry needs to tell its part of a trace. */
export interface EntryTracing {
  /** Of 2^32: the part of the commands whose times it takes. */
  readonly picked: number;
  members(sessions: Iterable<number>): void;
  entered(market: string, stamps: CommandStamps): void;
  /** Commands whose times were not kept. */
  missed(count: number): void;
}

/** Traces of orders by OpenTelemetry. */
export class OrderTracing implements Tracing, EntryTracing {
  readonly picked: number;
  readonly #provider: TracerProvider;
  readonly #tracer: Tracer;
  readonly #direct: DirectSpans;
  readonly #clock: Clock;
  readonly #settings: Settings;
  readonly #random: () => number;
  readonly #failed: () => number;
  #begun = 0;
  #leftOut = 0;
  #secondBegan = 0;
  #inSecond = 0;

  constructor(of: {
    readonly settings: Settings;
    readonly cell: { readonly region: string; readonly cell: string };
    readonly clock: Clock;
    readonly exporter: SpanExporter;
    readonly random: () => number;
    readonly failed: () => number;
  }) {
    const { region, cell } = of.cell;
    const ids = new ChosenIds();
    this.#provider = new TracerProvider({
      idGenerator: ids,
      sampler: new AlwaysOnSampler(),
      resource: resourceFromAttributes({
        "service.name": "meridian-cell",
        "service.instance.id": cell,
        "meridian.region": region,
      }),
      spanProcessors: [
        new BatchSpanProcessor({
          exporter: of.exporter,
          maxQueueSize: spansWaiting,
          maxExportBatchSize: spansPerBatch,
          scheduledDelayMillis: batchDelayMs,
          exportTimeoutMillis: exportTimeoutMs,
        }),
      ],
    });
    this.#tracer = this.#provider.getTracer("meridian");
    this.#clock = of.clock;
    this.#settings = of.settings;
    this.picked = pickedOf(of.settings.direct ?? of.settings.ratio);
    this.#direct = new DirectSpans(this.#tracer, ids, region, () =>
      this.#wallAt(this.#clock.monotonic()),
    );
    this.#random = of.random;
    this.#failed = of.failed;
  }

  begin(parent: string | null, name: string, attributes: HopAttributes): RequestTrace | null {
    const context = parent === null ? null : parseTraceparent(parent);
    // A caller that has decided not to trace is followed; one without a context leaves it to us.
    if (context === null ? this.#random() >= this.#settings.ratio : !context.isSampled) return null;
    const began = this.#clock.monotonic();
    if (!this.#hasRoom(began)) {
      this.#leftOut += 1;
      return null;
    }
    this.#begun += 1;
    const above =
      context === null
        ? ROOT_CONTEXT
        : traceApi.setSpanContext(ROOT_CONTEXT, {
            traceId: context.traceId,
            spanId: context.spanId,
            traceFlags: TraceFlags.SAMPLED,
            isRemote: true,
          });
    const wall = this.#wallAt(began);
    const span = this.#tracer.startSpan(
      name,
      { kind: SpanKind.SERVER, startTime: wall(began), attributes },
      above,
    );
    return new TracedRequest(this.#tracer, span, traceApi.setSpan(above, span), began, wall);
  }

  picks(sequence: number): boolean {
    return isPicked(sequence, this.picked);
  }

  beginDirect(command: DirectCommand): RequestTrace | null {
    if (command.session === 0) return null;
    if (!this.#hasRoom(this.#clock.monotonic())) {
      this.#leftOut += 1;
      return null;
    }
    this.#begun += 1;
    return this.#direct.begin(command);
  }

  members(sessions: Iterable<number>): void {
    this.#direct.members(sessions);
  }

  entered(market: string, stamps: CommandStamps): void {
    this.#direct.entered(market, stamps);
  }

  missed(count: number): void {
    this.#leftOut += count;
  }

  counts(): TraceCounts {
    return { begun: this.#begun, leftOut: this.#leftOut, failed: this.#failed() };
  }

  /** Sends what waits, for some seconds at most. */
  async stop(): Promise<void> {
    await this.#provider.shutdown().catch(() => {});
  }

  #hasRoom(now: DurationNs): boolean {
    if (now - this.#secondBegan >= second) {
      this.#secondBegan = now;
      this.#inSecond = 0;
    }
    this.#inSecond += 1;
    return this.#inSecond <= this.#settings.mostPerSecond;
  }

  /** One conversion for a whole trace: a step of the wall clock must not tear its hops apart. */
  #wallAt(now: DurationNs): WallClock {
    const offset = this.#clock.now() - BigInt(now);
    return (monotonic) => {
      const unix = offset + BigInt(Math.round(monotonic));
      return [Number(unix / 1_000_000_000n), Number(unix % 1_000_000_000n)];
    };
  }
}

class TracedRequest implements RequestTrace {
  readonly context: string;
  readonly began: DurationNs;
  readonly #tracer: Tracer;
  readonly #span: Span;
  readonly #inside: Context;
  readonly #wall: WallClock;

  constructor(tracer: Tracer, span: Span, inside: Context, began: DurationNs, wall: WallClock) {
    this.#tracer = tracer;
    this.#span = span;
    this.#inside = inside;
    this.#wall = wall;
    this.began = began;
    const { traceId, spanId } = span.spanContext();
    this.context = traceparent({ traceId, spanId, isSampled: true });
  }

  hop(name: string, began: DurationNs, ended: DurationNs, attributes: HopAttributes = {}): void {
    const options = { startTime: this.#wall(began), attributes };
    this.#tracer.startSpan(name, options, this.#inside).end(this.#wall(ended));
  }

  end(ended: DurationNs): void {
    this.#span.end(this.#wall(ended));
  }
}

/** Traces of a cell's orders to the collector of its configuration. */
export function orderTracing(
  settings: Settings,
  cell: { readonly region: string; readonly cell: string },
  clock: Clock,
): OrderTracing {
  const otlp = new OTLPTraceExporter({ url: settings.url, timeoutMillis: exportTimeoutMs });
  let failed = 0;
  const exporter: SpanExporter = {
    export: (spans, done) =>
      otlp.export(spans, (result) => {
        if (result.error !== undefined) failed += 1;
        done(result);
      }),
    shutdown: () => otlp.shutdown(),
    forceFlush: () => otlp.forceFlush(),
  };
  return new OrderTracing({
    settings,
    cell,
    clock,
    exporter,
    random: Math.random,
    failed: () => failed,
  });
}
