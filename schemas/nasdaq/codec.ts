import {
  type FieldKind,
  type FieldLayout,
  type MessageLayout,
  itchMessages,
  ouchInbound,
  ouchOptions,
  ouchOutbound,
  soupPackets,
  widths,
} from "./layouts.ts";

/**
 * Encoders and decoders of SoupBinTCP packets and of OUCH and ITCH messages, driven by the table of layouts.ts. Decoding
 * is total: whatever the bytes, a message or the reason why they are none. Only the layout is checked; what a letter
 * means is the receiver's affair.
 */

type ValueOf<Kind extends FieldKind> = Kind extends "u64"
  ? bigint
  : Kind extends "u8" | "u16" | "u32" | "u48" | "i32"
    ? number
    : string;

/** What an appendage says; absent options are absent keys. */
export type OuchOptions = {
  readonly [Name in keyof typeof ouchOptions]?: ValueOf<(typeof ouchOptions)[Name]["kind"]>;
};

type Fields<Layout extends MessageLayout> = {
  readonly [Field in Layout["fields"][number] as Field[0]]: ValueOf<Field[1]>;
};
type Appendage<Layout extends MessageLayout> = Layout extends { readonly appendage: true }
  ? { readonly options: OuchOptions }
  : unknown;
type Group = Readonly<Record<string, MessageLayout>>;
type MessageOf<Messages extends Group> = {
  readonly [Name in keyof Messages]: { readonly kind: Name } & Fields<Messages[Name]> &
    Appendage<Messages[Name]>;
}[keyof Messages];

export type SoupControl = MessageOf<typeof soupPackets>;
export type OuchInbound = MessageOf<typeof ouchInbound>;
export type OuchOutbound = MessageOf<typeof ouchOutbound>;
export type ItchMessage = MessageOf<typeof itchMessages>;

/** Why bytes are no message. */
export type DecodeFailure =
  | { readonly code: "empty" }
  | { readonly code: "type_unknown"; readonly type: number }
  | {
      readonly code: "length_wrong";
      readonly kind: string;
      readonly expected: number;
      readonly received: number;
    }
  | { readonly code: "option_malformed"; readonly kind: string; readonly at: number };

export type Decoded<Message> =
  | { readonly ok: true; readonly message: Message }
  | { readonly ok: false; readonly failure: DecodeFailure };

export const decodeSoupControl = decoderOf<SoupControl>(soupPackets);
export const decodeOuchInbound = decoderOf<OuchInbound>(ouchInbound);
export const decodeOuchOutbound = decoderOf<OuchOutbound>(ouchOutbound);
export const decodeItch = decoderOf<ItchMessage>(itchMessages);

export const encodeSoupControl: (message: SoupControl) => Uint8Array = encoderOf(soupPackets);
export const encodeOuchInbound: (message: OuchInbound) => Uint8Array = encoderOf(ouchInbound);
export const encodeOuchOutbound: (message: OuchOutbound) => Uint8Array = encoderOf(ouchOutbound);
export const encodeItch: (message: ItchMessage) => Uint8Array = encoderOf(itchMessages);

const APPENDAGE_LENGTH_BYTES = 2;

function decoderOf<Message>(group: Group): (bytes: Uint8Array) => Decoded<Message> {
  const byLetter = new Map(
    Object.entries(group).map(([kind, layout]) => [layout.letter.charCodeAt(0), { kind, layout }]),
  );
  return (bytes) => {
    const type = bytes[0];
    if (type === undefined) return { ok: false, failure: { code: "empty" } };
    const found = byLetter.get(type);
    if (found === undefined) return { ok: false, failure: { code: "type_unknown", type } };
    const { kind, layout } = found;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const appended =
      layout.appendage && bytes.length >= layout.size
        ? view.getUint16(layout.size - APPENDAGE_LENGTH_BYTES)
        : 0;
    const expected = layout.size + appended;
    if (bytes.length !== expected)
      return {
        ok: false,
        failure: { code: "length_wrong", kind, expected, received: bytes.length },
      };
    const message: Record<string, unknown> = { kind };
    let at = 1;
    for (const [name, fieldKind] of layout.fields) {
      message[name] = readField(view, at, fieldKind);
      at += widths[fieldKind];
    }
    if (layout.appendage) {
      const options = readOptions(view, layout.size);
      if (typeof options === "number")
        return { ok: false, failure: { code: "option_malformed", kind, at: options } };
      message["options"] = options;
    }
    return { ok: true, message: message as Message };
  };
}

const optionOfTag = new Map<number, readonly [name: string, kind: FieldKind]>(
  Object.entries(ouchOptions).map(([name, { tag, kind }]) => [tag, [name, kind]]),
);

/** The options from `at` to the end, or the place of the first that is malformed. The last one of a tag counts. */
function readOptions(view: DataView, start: number): OuchOptions | number {
  const options: Record<string, unknown> = {};
  for (let at = start; at < view.byteLength; at += 1 + view.getUint8(at)) {
    const length = view.getUint8(at);
    if (length === 0 || at + 1 + length > view.byteLength) return at;
    const known = optionOfTag.get(view.getUint8(at + 1));
    if (known === undefined) continue;
    const [name, kind] = known;
    if (length !== 1 + widths[kind]) return at;
    options[name] = readField(view, at + 2, kind);
  }
  return options;
}

function encoderOf(group: Group): (message: { readonly kind: string }) => Uint8Array {
  return (message) => {
    const layout = group[message.kind];
    if (layout === undefined) throw new RangeError(`no message is called ${message.kind}`);
    const values = message as unknown as Readonly<Record<string, unknown>>;
    const options = layout.appendage
      ? encodeOptions(values["options"] as OuchOptions)
      : new Uint8Array();
    const bytes = new Uint8Array(layout.size + options.length);
    const view = new DataView(bytes.buffer);
    bytes[0] = layout.letter.charCodeAt(0);
    let at = 1;
    for (const [name, kind] of layout.fields) {
      writeField(view, at, kind, values[name], name);
      at += widths[kind];
    }
    if (layout.appendage) view.setUint16(at, options.length);
    bytes.set(options, layout.size);
    return bytes;
  };
}

function encodeOptions(options: OuchOptions): Uint8Array {
  const given = Object.entries(ouchOptions).flatMap(([name, { tag, kind }]) => {
    const value = options[name as keyof OuchOptions];
    return value === undefined ? [] : [{ name, tag, kind, value }];
  });
  const bytes = new Uint8Array(given.reduce((all, { kind }) => all + 2 + widths[kind], 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { name, tag, kind, value } of given) {
    view.setUint8(at, 1 + widths[kind]);
    view.setUint8(at + 1, tag);
    writeField(view, at + 2, kind, value, name);
    at += 2 + widths[kind];
  }
  return bytes;
}

function readField(view: DataView, at: number, kind: FieldKind): bigint | number | string {
  return readers[kind](view, at);
}

const textReader =
  (width: number) =>
  (view: DataView, at: number): string =>
    readText(view, at, width);

const readers: Readonly<
  Record<FieldKind, (view: DataView, at: number) => bigint | number | string>
> = {
  u8: (view, at) => view.getUint8(at),
  u16: (view, at) => view.getUint16(at),
  u32: (view, at) => view.getUint32(at),
  u48: (view, at) => view.getUint16(at) * 2 ** 32 + view.getUint32(at + 2),
  u64: (view, at) => view.getBigUint64(at),
  i32: (view, at) => view.getInt32(at),
  letter: (view, at) => String.fromCharCode(view.getUint8(at)),
  text2: textReader(2),
  text4: textReader(4),
  text6: textReader(6),
  text8: textReader(8),
  text10: textReader(10),
  text14: textReader(14),
  text20: textReader(20),
};

/** Without the spaces that fill it up, which numbers have in front and names behind. Bytes are Latin-1. */
function readText(view: DataView, start: number, width: number): string {
  let text = "";
  for (let at = start; at < start + width; at += 1) text += String.fromCharCode(view.getUint8(at));
  return text.replace(/^ +| +$/g, "");
}

const limits: Partial<Readonly<Record<FieldKind, readonly [low: number, high: number]>>> = {
  u8: [0, 2 ** 8 - 1],
  u16: [0, 2 ** 16 - 1],
  u32: [0, 2 ** 32 - 1],
  u48: [0, 2 ** 48 - 1],
  i32: [-(2 ** 31), 2 ** 31 - 1],
};

/** A value that its field cannot hold is the caller's bug and throws a RangeError. */
function writeField(
  view: DataView,
  at: number,
  kind: FieldKind,
  value: unknown,
  name: string,
): void {
  const fault = (): RangeError => new RangeError(`${name}: ${String(value)} does not fit ${kind}`);
  if (kind === "u64") {
    if (typeof value !== "bigint" || value < 0n || value >= 1n << 64n) throw fault();
    view.setBigUint64(at, value);
    return;
  }
  const range = limits[kind];
  if (range !== undefined) {
    if (typeof value !== "number" || !Number.isInteger(value)) throw fault();
    if (value < range[0] || value > range[1]) throw fault();
    writeInteger(view, at, kind, value);
    return;
  }
  if (typeof value !== "string" || value.length > widths[kind]) throw fault();
  // Numbers in text (a sequence) stand at the end of their field, names at its start.
  const filled = kind === "text20" ? value.padStart(20) : value.padEnd(widths[kind]);
  for (let offset = 0; offset < filled.length; offset += 1) {
    const code = filled.charCodeAt(offset);
    if (code > 0xff) throw fault();
    view.setUint8(at + offset, code);
  }
}

function writeInteger(view: DataView, at: number, kind: FieldKind, value: number): void {
  const width = widths[kind];
  // Two's complement from the last byte on; at most 48 bits, so that the number is exact.
  let rest = value;
  for (let place = at + width - 1; place >= at; place -= 1) {
    view.setUint8(place, ((rest % 256) + 256) % 256);
    rest = Math.floor(rest / 256);
  }
}

/** Bytes of a message's fields as the table adds them up: what `size` must be. */
export function sizeOf(layout: MessageLayout): number {
  const fields: readonly FieldLayout[] = layout.fields;
  const own = fields.reduce((all, [, kind]) => all + widths[kind], 1);
  return own + (layout.appendage ? APPENDAGE_LENGTH_BYTES : 0);
}
