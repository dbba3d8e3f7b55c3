import { type SoupControl, decodeSoupControl, encodeSoupControl } from "./codec.ts";

/** SoupBinTCP 3.0: packets of a 2-byte length, a letter and what belongs to it, cut out of a stream of bytes. */

export type SoupPacket =
  | SoupControl
  | {
      readonly kind: "sequencedData" | "unsequencedData" | "debug";
      readonly data: Uint8Array;
    };

export type SoupFailure =
  /** The length counts the letter, so it cannot be 0. */
  | { readonly code: "length_zero" }
  | { readonly code: "length_too_large"; readonly length: number; readonly limit: number }
  | { readonly code: "packet_invalid"; readonly type: number; readonly reason: string };

export type SoupRead =
  | { readonly state: "packet"; readonly packet: SoupPacket }
  | { readonly state: "incomplete" }
  /** The stream cannot be read any further: where the next packet begins is unknown or the peer does not keep to the protocol. */
  | { readonly state: "failed"; readonly failure: SoupFailure };

const dataKinds = { S: "sequencedData", U: "unsequencedData", "+": "debug" } as const;
const dataLetters = { sequencedData: 0x53, unsequencedData: 0x55, debug: 0x2b } as const;
const LENGTH_BYTES = 2;
const LARGEST_LENGTH = 0xffff;

export function encodeSoup(packet: SoupPacket): Uint8Array {
  const content =
    "data" in packet
      ? dataContent(dataLetters[packet.kind], packet.data)
      : encodeSoupControl(packet);
  if (content.length > LARGEST_LENGTH)
    throw new RangeError(`${content.length} bytes do not fit a packet`);
  const bytes = new Uint8Array(LENGTH_BYTES + content.length);
  new DataView(bytes.buffer).setUint16(0, content.length);
  bytes.set(content, LENGTH_BYTES);
  return bytes;
}

function dataContent(letter: number, data: Uint8Array): Uint8Array {
  const content = new Uint8Array(1 + data.length);
  content[0] = letter;
  content.set(data, 1);
  return content;
}

/** Reads packets out of chunks as they arrive. Holds at most one packet of `limit` bytes beside the last chunk. */
export class SoupReader {
  #held = new Uint8Array();
  readonly #limit: number;

  constructor(limit = LARGEST_LENGTH) {
    this.#limit = limit;
  }

  /** Bytes of a packet that has not come whole. */
  get held(): number {
    return this.#held.length;
  }

  push(chunk: Uint8Array): void {
    const joined = new Uint8Array(this.#held.length + chunk.length);
    joined.set(this.#held);
    joined.set(chunk, this.#held.length);
    this.#held = joined;
  }

  next(): SoupRead {
    const held = this.#held;
    if (held.length < LENGTH_BYTES) return { state: "incomplete" };
    const length = new DataView(held.buffer, held.byteOffset).getUint16(0);
    if (length === 0) return { state: "failed", failure: { code: "length_zero" } };
    if (length > this.#limit)
      return {
        state: "failed",
        failure: { code: "length_too_large", length, limit: this.#limit },
      };
    if (held.length < LENGTH_BYTES + length) return { state: "incomplete" };
    const content = held.subarray(LENGTH_BYTES, LENGTH_BYTES + length);
    this.#held = held.subarray(LENGTH_BYTES + length);
    return readPacket(content);
  }
}

function readPacket(content: Uint8Array): SoupRead {
  const type = content[0] ?? 0;
  const letter = String.fromCharCode(type);
  if (letter === "S" || letter === "U" || letter === "+")
    return {
      state: "packet",
      packet: { kind: dataKinds[letter], data: content.subarray(1) },
    };
  const decoded = decodeSoupControl(content);
  return decoded.ok
    ? { state: "packet", packet: decoded.message }
    : {
        state: "failed",
        failure: { code: "packet_invalid", type, reason: decoded.failure.code },
      };
}
