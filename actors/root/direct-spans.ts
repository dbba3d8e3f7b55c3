import {
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  trace as traceApi,
  TraceFlags,
  type Tracer,
} from "@opentelemetry/api";
import { RandomIdGenerator } from "@opentelemetry/sdk-trace";

import type { CommandStamps } from "../../native/index.ts";
import { orderTraceIds, type OrderTraceIds } from "../../schemas/order-trace.ts";
import type { DirectCommand, HopAttributes, RequestTrace } from "../kernel/ports/tracing.ts";
import { traceparent } from "../kernel/trace-context.ts";
import { durationNs, type DurationNs } from "../kernel/units.ts";

/** Unix time of a monotonic one, as OpenTelemetry has times: seconds and nanoseconds. */
export type WallClock = (monotonic: DurationNs) => [number, number];

/** Ids at random, except of spans that are begun `as` one whose ids are known. */
export class ChosenIds extends RandomIdGenerator {
  #chosen: { readonly traceId: string; readonly spanId: string } | null = null;

  as(traceId: string, spanId: string, begin: () => Span): Span {
    this.#chosen = { traceId, spanId };
    try {
      return begin();
    } finally {
      this.#chosen = null;
    }
  }

  override generateTraceId(): string {
    return this.#chosen?.traceId ?? super.generateTraceId();
  }

  override generateSpanId(): string {
    return this.#chosen?.spanId ?? super.generateSpanId();
  }
}

/** Orders whose other half is not known yet at most; the oldest is told of by halves. */
const halves = 256;

function keep<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.set(key, value);
  if (map.size <= halves) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}

/**
 * Spans of orders that came by OUCH or shared memory. The market tells what it saw of them, order entry when
 * it had them; neither waits for the other, because ids are made of market and sequence.
 */
export class DirectSpans {
  readonly #tracer: Tracer;
  readonly #ids: ChosenIds;
  readonly #region: string;
  readonly #wallNow: () => WallClock;
  /** Of members of order entry: their orders have a span of the edge above them. */
  #members: ReadonlySet<number> = new Set();
  /** Told by the market, not yet by order entry; and the other way round. */
  readonly #begun = new Map<string, { readonly sequenced: DurationNs; readonly wall: WallClock }>();
  readonly #entered = new Map<string, CommandStamps>();

  constructor(tracer: Tracer, ids: ChosenIds, region: string, wallNow: () => WallClock) {
    this.#tracer = tracer;
    this.#ids = ids;
    this.#region = region;
    this.#wallNow = wallNow;
  }

  members(sessions: Iterable<number>): void {
    this.#members = new Set(sessions);
  }

  begin({ market, sequence, session, sequenced }: DirectCommand): RequestTrace {
    const ids = orderTraceIds(market, sequence);
    const wall = this.#wallNow();
    if (!this.#members.has(session)) {
      const above = remote(ids.traceId, ids.clientSpanId);
      const span = this.#span(market, sequence, ids, above, "shared memory", wall(sequenced));
      return new DirectTrace(this.#tracer, ids, sequenced, wall, span);
    }
    const key = `${market} ${sequence}`;
    const stamps = this.#entered.get(key);
    this.#entered.delete(key);
    if (stamps === undefined) keep(this.#begun, key, { sequenced, wall });
    else this.#tellEntry(market, stamps, sequenced, wall);
    return new DirectTrace(this.#tracer, ids, sequenced, wall, null);
  }

  /** Order entry has answered it. */
  entered(market: string, stamps: CommandStamps): void {
    const key = `${market} ${stamps.sequence}`;
    const begun = this.#begun.get(key);
    this.#begun.delete(key);
    if (begun === undefined) keep(this.#entered, key, stamps);
    else this.#tellEntry(market, stamps, begun.sequenced, begun.wall);
  }

  #tellEntry(market: string, stamps: CommandStamps, at: DurationNs, wall: WallClock): void {
    const { sequence, received, offered, taken, told } = stamps;
    const ids = orderTraceIds(market, sequence);
    const span = this.#span(market, sequence, ids, ROOT_CONTEXT, "ouch", wall(received));
    const trace = new DirectTrace(this.#tracer, ids, received, wall, span);
    const sequenced = durationNs(Math.min(Math.max(at, offered), taken));
    const attributes = { "meridian.sequence": sequence };
    trace.hop("order entry", received, offered, attributes);
    trace.hop("command ring", offered, sequenced, attributes);
    trace.hop("report", taken, told, attributes);
    trace.end(told);
  }

  #span(
    market: string,
    sequence: number,
    { traceId, cellSpanId }: OrderTraceIds,
    above: Context,
    door: string,
    startTime: [number, number],
  ): Span {
    const attributes = {
      "meridian.market": market,
      "meridian.region": this.#region,
      "meridian.sequence": sequence,
      "meridian.door": door,
    };
    const options = { kind: SpanKind.SERVER, startTime, attributes };
    return this.#ids.as(traceId, cellSpanId, () =>
      this.#tracer.startSpan(`order ${market}`, options, above),
    );
  }
}

const remote = (traceId: string, spanId: string): Context =>
  traceApi.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: TraceFlags.SAMPLED,
    isRemote: true,
  });

class DirectTrace implements RequestTrace {
  readonly context: string;
  readonly began: DurationNs;
  readonly #tracer: Tracer;
  readonly #inside: Context;
  readonly #wall: WallClock;
  /** Null: who else tells of it ends it. */
  readonly #span: Span | null;

  constructor(
    tracer: Tracer,
    { traceId, cellSpanId }: OrderTraceIds,
    began: DurationNs,
    wall: WallClock,
    span: Span | null,
  ) {
    this.#tracer = tracer;
    this.#inside = remote(traceId, cellSpanId);
    this.#wall = wall;
    this.#span = span;
    this.began = began;
    this.context = traceparent({ traceId, spanId: cellSpanId, isSampled: true });
  }

  hop(name: string, began: DurationNs, ended: DurationNs, attributes: HopAttributes = {}): void {
    const options = { startTime: this.#wall(began), attributes };
    this.#tracer.startSpan(name, options, this.#inside).end(this.#wall(ended));
  }

  end(ended: DurationNs): void {
    this.#span?.end(this.#wall(ended));
  }
}
