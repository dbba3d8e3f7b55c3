/**
 * What an event log keeps of one command: its id, what it asked, when, and all that came of it, as
 * one entry. Nothing of a command is ever kept without the rest.
 *
 *   u8      0xe5
 *   u8      1, version of this layout
 *   varint  version of the actor's events
 *   i64     when it was decided, Unix nanoseconds, little-endian
 *   text    command id                  (varint length, UTF-8)
 *   text    what the command asked
 *   varint  number of changes, each: u8 kind, then
 *             0 event          bytes    (varint length, bytes)
 *             1 timer set      text id, i64 due
 *             2 timer cleared  text id
 */
export interface EventRecord {
  readonly eventVersion: number;
  readonly at: bigint;
  readonly commandId: string;
  readonly asked: string;
  readonly changes: readonly RecordedChange[];
}

export type RecordedChange =
  | { readonly kind: "event"; readonly content: Uint8Array }
  | { readonly kind: "timer_set"; readonly id: string; readonly due: bigint }
  | { readonly kind: "timer_cleared"; readonly id: string };

/** No protobuf message begins with it (field 28, wire type 5): entries from before this layout differ. */
const marker = 0xe5;
const layout = 1;
const kinds = ["event", "timer_set", "timer_cleared"] as const;

export const isEventRecord = (entry: Uint8Array): boolean => entry[0] === marker;

export function encodeRecord(record: EventRecord): Uint8Array {
  const writer = new Writer();
  writer.u8(marker);
  writer.u8(layout);
  writer.varint(record.eventVersion);
  writer.i64(record.at);
  writer.text(record.commandId);
  writer.text(record.asked);
  writer.varint(record.changes.length);
  for (const change of record.changes) {
    writer.u8(kinds.indexOf(change.kind));
    if (change.kind === "event") {
      writer.bytes(change.content);
    } else {
      writer.text(change.id);
      if (change.kind === "timer_set") writer.i64(change.due);
    }
  }
  return writer.done();
}

/** Throws on bytes that encodeRecord did not make: the log is ours, so that is damage. */
export function decodeRecord(entry: Uint8Array): EventRecord {
  const reader = new Reader(entry);
  if (reader.u8() !== marker) throw new Error("not an entry of an event-sourced actor");
  const version = reader.u8();
  if (version !== layout) {
    throw new Error(`an entry of layout ${version}; this program reads ${layout} and older`);
  }
  const eventVersion = reader.varint();
  const at = reader.i64();
  const commandId = reader.text();
  const asked = reader.text();
  const count = reader.varint();
  if (count > entry.length) throw new Error("an entry says it has more changes than it can");
  const changes = Array.from({ length: count }, () => readChange(reader));
  reader.end();
  return { eventVersion, at, commandId, asked, changes };
}

function readChange(reader: Reader): RecordedChange {
  const kind = kinds[reader.u8()];
  switch (kind) {
    case "event":
      return { kind, content: reader.bytes() };
    case "timer_set": {
      const id = reader.text();
      return { kind, id, due: reader.i64() };
    }
    case "timer_cleared":
      return { kind, id: reader.text() };
    case undefined:
    default:
      throw new Error("an entry has a change of no known kind");
  }
}

class Writer {
  readonly #parts: Uint8Array[] = [];

  u8(value: number): void {
    this.#parts.push(Uint8Array.of(value));
  }

  varint(value: number): void {
    const bytes: number[] = [];
    let rest = value;
    while (rest >= 0x80) {
      bytes.push((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    bytes.push(rest);
    this.#parts.push(Uint8Array.from(bytes));
  }

  i64(value: bigint): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(value);
    this.#parts.push(bytes);
  }

  bytes(content: Uint8Array): void {
    this.varint(content.length);
    this.#parts.push(content);
  }

  text(value: string): void {
    this.bytes(Buffer.from(value, "utf8"));
  }

  done(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.#parts));
  }
}

class Reader {
  readonly #content: Buffer;
  #at = 0;

  constructor(content: Uint8Array) {
    this.#content = Buffer.from(content.buffer, content.byteOffset, content.length);
  }

  u8(): number {
    return this.#content.readUInt8(this.#step(1));
  }

  varint(): number {
    let value = 0;
    for (let factor = 1; factor <= 2 ** 49; factor *= 0x80) {
      const byte = this.u8();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    throw new Error("an entry has a number that is too long");
  }

  i64(): bigint {
    return this.#content.readBigInt64LE(this.#step(8));
  }

  bytes(): Uint8Array {
    const length = this.varint();
    const from = this.#step(length);
    return new Uint8Array(this.#content.subarray(from, from + length));
  }

  text(): string {
    return Buffer.from(this.bytes()).toString("utf8");
  }

  end(): void {
    if (this.#at !== this.#content.length) throw new Error("an entry is longer than it says");
  }

  #step(bytes: number): number {
    const at = this.#at;
    if (at + bytes > this.#content.length) throw new Error("an entry ends too early");
    this.#at = at + bytes;
    return at;
  }
}
