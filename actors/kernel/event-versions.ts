/**
 * How an actor's events are kept, and how those of older versions are read. Events are plain data;
 * the version rises by one when their shape or meaning changes, and brings an upcaster.
 */
export interface EventCodec<Event> {
  /** Of what encode() makes: 1, 2, … */
  readonly version: number;
  encode(event: Event): Uint8Array;
  /** Plain data of an event of that version. Throws on damage. */
  decode(content: Uint8Array, version: number): unknown;
  /** By version n: an event of version n as events of version n + 1, none, one or several. */
  readonly upcasters: Readonly<Record<number, (event: unknown) => readonly unknown[]>>;
  /** Checks plain data of the present version. Throws on what is none. */
  parse(event: unknown): Event;
  /** Reads an entry from before entries named command and version. Absent: there are none. */
  legacy?(entry: Uint8Array): LegacyEntry;
}

export interface LegacyEntry {
  readonly commandId: string;
  readonly asked: string;
  readonly eventVersion: number;
  /** Plain data of events of that version. */
  readonly events: readonly unknown[];
}

/** How an actor's state is kept in snapshots; state and replies are plain JSON. */
export interface StateCodec<State, Reply> {
  readonly version: number;
  /** By version n: a state of version n as one of version n + 1. */
  readonly upcasters: Readonly<Record<number, (state: unknown) => unknown>>;
  /** Checks a state of the present version. Throws on what is none. */
  parse(state: unknown): State;
  /** Checks a remembered reply, of this version or an older one. Throws on what is none. */
  parseReply(reply: unknown): Reply;
}

/** Events of any known version as events of the present one. Throws on a newer or unreadable one. */
export function upcastEvents<Event>(
  codec: EventCodec<Event>,
  version: number,
  events: readonly unknown[],
): readonly Event[] {
  let current = events;
  for (let from = version; from < codec.version; from += 1) {
    const upcaster = codec.upcasters[from];
    if (upcaster === undefined) throw unreadable("event", from, codec.version);
    current = current.flatMap((event) => upcaster(event));
  }
  if (version > codec.version) throw unreadable("event", version, codec.version);
  return current.map((event) => codec.parse(event));
}

/** A state of any known version as one of the present one. Throws on a newer or unreadable one. */
export function upcastState<State>(
  codec: Pick<StateCodec<State, unknown>, "version" | "upcasters" | "parse">,
  version: number,
  state: unknown,
): State {
  let current = state;
  for (let from = version; from < codec.version; from += 1) {
    const upcaster = codec.upcasters[from];
    if (upcaster === undefined) throw unreadable("state", from, codec.version);
    current = upcaster(current);
  }
  if (version > codec.version) throw unreadable("state", version, codec.version);
  return codec.parse(current);
}

const unreadable = (what: string, version: number, present: number): Error =>
  new Error(
    `${what} of version ${version}: this program reads up to ${present} and has no way from it`,
  );
