import type { DurationNs } from "../units.ts";

export type HopAttributes = Readonly<Record<string, string | number>>;

/**
 * A request that is traced. Its hops are told with their times once these are known, so whoever works
 * on the request only takes stamps.
 */
export interface RequestTrace {
  /** W3C traceparent for what follows from the request. */
  readonly context: string;
  /** Monotonic, like all times here: when the cell got it. */
  readonly began: DurationNs;
  hop(name: string, began: DurationNs, ended: DurationNs, attributes?: HopAttributes): void;
  /** The request is answered; hops may still be told. */
  end(ended: DurationNs): void;
}

/** A command that came by OUCH or shared memory, as its record has it. */
export interface DirectCommand {
  readonly market: string;
  readonly sequence: number;
  /** Of who sent it; 0: nobody, the engine made it itself. */
  readonly session: number;
  /** When the match thread stamped it. */
  readonly sequenced: DurationNs;
}

/** Decides which requests are traced, and takes what is told of them. */
export interface Tracing {
  /** `parent`: the traceparent that came with it, null for none. Null: it is not traced. */
  begin(parent: string | null, name: string, attributes: HopAttributes): RequestTrace | null;
  /** Whether the command of this sequence is traced, if it came by OUCH or shared memory. */
  picks(sequence: number): boolean;
  /** Of a command that was picked. Null: it is not traced after all. */
  beginDirect(command: DirectCommand): RequestTrace | null;
}
