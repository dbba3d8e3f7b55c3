import type { Side } from "./events.ts";

/**
 * Nasdaq TotalView-ITCH 5.0: big-endian messages, in files each behind a 2-byte length. Every message
 * starts with type (1), stock locate (2), tracking number (2) and nanoseconds after midnight (6).
 * Prices are in units of 10^-4.
 */

/** Length of every message type; another length is a fault. */
const lengths: Readonly<Record<string, number>> = {
  S: 12,
  R: 39,
  H: 25,
  Y: 20,
  L: 26,
  V: 35,
  W: 12,
  K: 28,
  J: 35,
  h: 21,
  A: 36,
  F: 40,
  E: 31,
  C: 36,
  X: 23,
  D: 19,
  U: 35,
  P: 44,
  Q: 40,
  B: 19,
  I: 50,
  N: 20,
  O: 48,
};
const lengthOfByte: readonly (number | undefined)[] = Array.from(
  { length: 256 },
  (_, byte) => lengths[String.fromCharCode(byte)],
);

interface Header {
  readonly locate: number;
  /** Nanoseconds after midnight. */
  readonly time: number;
}
/** The messages that matter to a book, decoded; the others by their letter. */
export type ItchMessage =
  | (Header & {
      readonly type: "add";
      readonly reference: number;
      readonly side: Side;
      readonly shares: number;
      readonly stock: string;
      readonly price: number;
      /** Market participant, "" when not attributed. */
      readonly participant: string;
    })
  | (Header & {
      readonly type: "executed";
      readonly reference: number;
      readonly shares: number;
      readonly match: number;
    })
  | (Header & {
      readonly type: "executed_at_price";
      readonly reference: number;
      readonly shares: number;
      readonly match: number;
      readonly printable: boolean;
      readonly price: number;
    })
  | (Header & { readonly type: "cancel"; readonly reference: number; readonly shares: number })
  | (Header & { readonly type: "delete"; readonly reference: number })
  | (Header & {
      readonly type: "replace";
      readonly reference: number;
      readonly newReference: number;
      readonly shares: number;
      readonly price: number;
    })
  | (Header & {
      readonly type: "trade";
      readonly side: Side;
      readonly shares: number;
      readonly stock: string;
      readonly price: number;
      readonly match: number;
    })
  | (Header & {
      readonly type: "cross";
      readonly shares: number;
      readonly stock: string;
      readonly price: number;
      readonly match: number;
      readonly crossType: string;
    })
  | (Header & { readonly type: "directory"; readonly stock: string; readonly roundLot: number })
  | (Header & { readonly type: "trading_action"; readonly stock: string; readonly state: string })
  | (Header & { readonly type: "system_event"; readonly event: string })
  | (Header & { readonly type: "other"; readonly letter: string });

/** What is wrong with a message, or null: type known, length right. Cheap enough for every frame. */
export function frameFault(message: Uint8Array): string | null {
  const type = message[0];
  if (type === undefined) return "the message is empty";
  const expected = lengthOfByte[type];
  if (expected === undefined) return `type 0x${type.toString(16).padStart(2, "0")} is unknown`;
  if (message.length === expected) return null;
  const letter = String.fromCharCode(type);
  return `type ${letter} has ${message.length} bytes instead of ${expected}`;
}

/** Stock locate of a message that has a full header. */
export const locateOf = (message: Uint8Array): number =>
  ((message[1] ?? 0) << 8) | (message[2] ?? 0);

/** Decodes a message without frame fault. A field that has no meaning is given as the reason why. */
export function decodeItch(message: Uint8Array): ItchMessage | string {
  const fault = frameFault(message);
  if (fault !== null) return fault;
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const header: Header = {
    locate: view.getUint16(1),
    time: view.getUint16(5) * 2 ** 32 + view.getUint32(7),
  };
  const letter = String.fromCharCode(view.getUint8(0));
  switch (letter) {
    case "A":
    case "F":
      return decodeAdd(view, header, letter === "F");
    case "E":
      return {
        ...header,
        type: "executed",
        reference: uint64(view, 11),
        shares: view.getUint32(19),
        match: uint64(view, 23),
      };
    case "C":
      return {
        ...header,
        type: "executed_at_price",
        reference: uint64(view, 11),
        shares: view.getUint32(19),
        match: uint64(view, 23),
        printable: text(view, 31, 1) === "Y",
        price: view.getUint32(32),
      };
    case "X":
      return { ...header, type: "cancel", reference: uint64(view, 11), shares: view.getUint32(19) };
    case "D":
      return { ...header, type: "delete", reference: uint64(view, 11) };
    case "U":
      return {
        ...header,
        type: "replace",
        reference: uint64(view, 11),
        newReference: uint64(view, 19),
        shares: view.getUint32(27),
        price: view.getUint32(31),
      };
    case "P":
      return decodeTrade(view, header);
    case "Q":
      return {
        ...header,
        type: "cross",
        shares: uint64(view, 11),
        stock: text(view, 19, 8),
        price: view.getUint32(27),
        match: uint64(view, 31),
        crossType: text(view, 39, 1),
      };
    case "R":
      return {
        ...header,
        type: "directory",
        stock: text(view, 11, 8),
        roundLot: view.getUint32(21),
      };
    case "H":
      return {
        ...header,
        type: "trading_action",
        stock: text(view, 11, 8),
        state: text(view, 19, 1),
      };
    case "S":
      return { ...header, type: "system_event", event: text(view, 11, 1) };
    default:
      return { ...header, type: "other", letter };
  }
}

function decodeAdd(view: DataView, header: Header, attributed: boolean): ItchMessage | string {
  const side = sideOf(view, 19);
  if (side === null) return "the side is neither B nor S";
  return {
    ...header,
    type: "add",
    reference: uint64(view, 11),
    side,
    shares: view.getUint32(20),
    stock: text(view, 24, 8),
    price: view.getUint32(32),
    participant: attributed ? text(view, 36, 4) : "",
  };
}

function decodeTrade(view: DataView, header: Header): ItchMessage | string {
  const side = sideOf(view, 19);
  if (side === null) return "the side is neither B nor S";
  return {
    ...header,
    type: "trade",
    side,
    shares: view.getUint32(20),
    stock: text(view, 24, 8),
    price: view.getUint32(32),
    match: uint64(view, 36),
  };
}

function sideOf(view: DataView, offset: number): Side | null {
  const letter = view.getUint8(offset);
  if (letter === 0x42) return "buy";
  return letter === 0x53 ? "sell" : null;
}

/** References and match numbers stay far below 2^53; a larger one loses its last digits. */
const uint64 = (view: DataView, offset: number): number =>
  view.getUint32(offset) * 2 ** 32 + view.getUint32(offset + 4);

function text(view: DataView, offset: number, size: number): string {
  let result = "";
  for (let at = offset; at < offset + size; at += 1)
    result += String.fromCharCode(view.getUint8(at));
  return result.trimEnd();
}

/** Cuts a file into messages by their 2-byte lengths. Never holds more than one message back. */
export class ItchFramer {
  #rest = new Uint8Array(0);
  /** Offset of the first byte of #rest in the file. */
  #offset = 0;

  /** Calls the sink with each complete message and the offset of its length. */
  push(chunk: Uint8Array, sink: (message: Uint8Array, offset: number) => void): void {
    let bytes = chunk;
    if (this.#rest.length > 0) {
      bytes = new Uint8Array(this.#rest.length + chunk.length);
      bytes.set(this.#rest);
      bytes.set(chunk, this.#rest.length);
    }
    let at = 0;
    while (at + 2 <= bytes.length) {
      const length = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
      const end = at + 2 + length;
      if (end > bytes.length) break;
      sink(bytes.subarray(at + 2, end), this.#offset + at);
      at = end;
    }
    this.#rest = bytes.slice(at);
    this.#offset += at;
  }

  /** What is wrong with the end of the file, or null. */
  end(): { readonly offset: number; readonly reason: string } | null {
    if (this.#rest.length === 0) return null;
    return { offset: this.#offset, reason: "the file ends inside a message" };
  }
}
