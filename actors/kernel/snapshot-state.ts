import type { DoneCommand } from "./command-memory.ts";
import { type StateCodec, upcastState } from "./event-versions.ts";

/** What a snapshot of an event-sourced actor holds. */
export interface SnapshotState<State, Reply> {
  readonly state: State;
  /** Commands that were done, oldest first. */
  readonly done: readonly (readonly [string, DoneCommand<Reply>])[];
  /** Timers that are set, with their due times. */
  readonly timers: readonly (readonly [string, bigint])[];
}

const layout = 1;

/** JSON, so that a person can read it. */
export function encodeSnapshotState<State, Reply>(
  codec: StateCodec<State, Reply>,
  { state, done, timers }: SnapshotState<State, Reply>,
): Uint8Array {
  const content = {
    layout,
    version: codec.version,
    state,
    done: done.map(([commandId, { asked, reply }]) => [commandId, asked, reply]),
    timers: timers.map(([id, due]) => [id, due.toString()]),
  };
  return new TextEncoder().encode(JSON.stringify(content));
}

/** Throws on bytes that encodeSnapshotState did not make: snapshots are ours, so that is damage. */
export function decodeSnapshotState<State, Reply>(
  codec: StateCodec<State, Reply>,
  bytes: Uint8Array,
): SnapshotState<State, Reply> {
  const content = JSON.parse(new TextDecoder().decode(bytes)) as {
    readonly layout: number;
    readonly version: number;
    readonly state: unknown;
    readonly done: readonly (readonly [string, string, unknown])[];
    readonly timers: readonly (readonly [string, string])[];
  };
  if (content.layout !== layout) {
    throw new Error(`a snapshot of layout ${content.layout}; this program reads ${layout}`);
  }
  return {
    state: upcastState(codec, content.version, content.state),
    done: content.done.map(([commandId, asked, reply]) => [
      commandId,
      { asked, reply: codec.parseReply(reply) },
    ]),
    timers: content.timers.map(([id, due]) => [id, BigInt(due)]),
  };
}
