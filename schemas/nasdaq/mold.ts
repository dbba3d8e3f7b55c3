/**
 * MoldUDP64: a packet is session (10), sequence of its first message (8), count (2) and that many messages, each behind
 * its 2-byte length. Count 0 is a heartbeat, 0xffff the end of the session; the sequence is then the next one. The same
 * 20 bytes from a client ask for messages again.
 */

export const MOLD_HEADER_BYTES = 20;
const SESSION_BYTES = 10;
const END_OF_SESSION = 0xffff;

export interface MoldHeader {
  readonly session: string;
  /** Of the first message; in a heartbeat and at the end the one that comes next. */
  readonly sequence: bigint;
}
export type MoldPacket =
  | (MoldHeader & { readonly kind: "messages"; readonly messages: readonly Uint8Array[] })
  | (MoldHeader & { readonly kind: "heartbeat" | "endOfSession" });
export interface MoldRequest extends MoldHeader {
  readonly count: number;
}

export type MoldFailure = { readonly code: "truncated" | "trailing_bytes"; readonly at: number };
export type MoldDecoded<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly failure: MoldFailure };

export function decodeMold(bytes: Uint8Array): MoldDecoded<MoldPacket> {
  const header = readHeader(bytes);
  if (header === null) return failed("truncated", bytes.length);
  const { session, sequence, count } = header;
  if (count === 0 || count === END_OF_SESSION) {
    if (bytes.length > MOLD_HEADER_BYTES) return failed("trailing_bytes", MOLD_HEADER_BYTES);
    const kind = count === 0 ? "heartbeat" : "endOfSession";
    return { ok: true, value: { kind, session, sequence } };
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const messages: Uint8Array[] = [];
  let at = MOLD_HEADER_BYTES;
  for (let left = count; left > 0; left -= 1) {
    if (at + 2 > bytes.length) return failed("truncated", at);
    const length = view.getUint16(at);
    if (at + 2 + length > bytes.length) return failed("truncated", at);
    messages.push(bytes.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return at === bytes.length
    ? { ok: true, value: { kind: "messages", session, sequence, messages } }
    : failed("trailing_bytes", at);
}

export function encodeMold(packet: MoldPacket): Uint8Array {
  const messages = packet.kind === "messages" ? packet.messages : [];
  const total = messages.reduce((all, one) => all + 2 + one.length, MOLD_HEADER_BYTES);
  const bytes = new Uint8Array(total);
  const count = packet.kind === "endOfSession" ? END_OF_SESSION : messages.length;
  if (packet.kind === "messages" && (count === 0 || count >= END_OF_SESSION))
    throw new RangeError(`a packet cannot carry ${count} messages`);
  writeHeader(bytes, packet, count);
  const view = new DataView(bytes.buffer);
  let at = MOLD_HEADER_BYTES;
  for (const message of messages) {
    view.setUint16(at, message.length);
    bytes.set(message, at + 2);
    at += 2 + message.length;
  }
  return bytes;
}

export function decodeMoldRequest(bytes: Uint8Array): MoldDecoded<MoldRequest> {
  const header = readHeader(bytes);
  if (header === null) return failed("truncated", bytes.length);
  return bytes.length === MOLD_HEADER_BYTES
    ? { ok: true, value: header }
    : failed("trailing_bytes", MOLD_HEADER_BYTES);
}

export function encodeMoldRequest(request: MoldRequest): Uint8Array {
  const bytes = new Uint8Array(MOLD_HEADER_BYTES);
  writeHeader(bytes, request, request.count);
  return bytes;
}

function readHeader(bytes: Uint8Array): MoldRequest | null {
  if (bytes.length < MOLD_HEADER_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const session = String.fromCharCode(...bytes.subarray(0, SESSION_BYTES)).replace(/^ +| +$/g, "");
  return { session, sequence: view.getBigUint64(SESSION_BYTES), count: view.getUint16(18) };
}

function writeHeader(bytes: Uint8Array, header: MoldHeader, count: number): void {
  if (header.session.length > SESSION_BYTES)
    throw new RangeError(`session ${header.session} has more than ${SESSION_BYTES} letters`);
  const view = new DataView(bytes.buffer);
  const session = header.session.padEnd(SESSION_BYTES);
  for (let at = 0; at < SESSION_BYTES; at += 1) view.setUint8(at, session.charCodeAt(at));
  view.setBigUint64(SESSION_BYTES, header.sequence);
  view.setUint16(18, count);
}

function failed(code: MoldFailure["code"], at: number): { ok: false; failure: MoldFailure } {
  return { ok: false, failure: { code, at } };
}
