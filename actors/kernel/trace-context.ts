/** W3C Trace Context, level 2: the header `traceparent`, version 00. */
export interface TraceContext {
  /** 32 hexadecimal digits, not all 0. */
  readonly traceId: string;
  /** 16 hexadecimal digits, not all 0. */
  readonly spanId: string;
  readonly isSampled: boolean;
}

const shape = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const longestHeader = 512;

/** Null when the text is none: whoever gets one goes on as if there were no header (section 3.2.2). */
export function parseTraceparent(text: string): TraceContext | null {
  const found = text.length > longestHeader ? null : shape.exec(text);
  if (found === null) return null;
  const [, version = "", traceId = "", spanId = "", flags = "", more] = found;
  // Version 00 has four fields; later ones may have more, and ff is never valid.
  if (version === "ff" || (version === "00" && more !== undefined)) return null;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return null;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

export const traceparent = ({ traceId, spanId, isSampled }: TraceContext): string =>
  `00-${traceId}-${spanId}-${isSampled ? "01" : "00"}`;
