import { z } from "zod";

/** An actor library under measurement: the same work, done with what it offers. */
export interface Subject {
  /** Makes `count` idle actors, supervised where the library supervises. */
  spawn(count: number): Promise<void>;
  /** Tells `count` messages to the first thousand actors in turn; resolves when all are worked on. */
  messages(count: number): Promise<void>;
  /** Crashes an actor; resolves when its next life has worked on a message. Null: it has no restarts. */
  readonly crash: (() => Promise<void>) | null;
}

/** Actors that take the messages. */
export const receivers = 1_000;

export const playedSchema = z.object({
  /** Actors made. */
  spawned: z.number(),
  /** Microseconds an actor, of processor time and as time passed. */
  spawnProcessorUs: z.number(),
  spawnPassedUs: z.number(),
  /** Bytes an actor: of the heap after collection, and of the process. */
  heapBytes: z.number(),
  processBytes: z.number(),
  messages: z.number(),
  messagesPerSecond: z.number(),
  messageProcessorNs: z.number(),
  /** Microseconds from the message that crashes to the next one worked on; null: it has no restarts. */
  crashP50Us: z.number().nullable(),
  crashP99Us: z.number().nullable(),
});
export type Played = z.infer<typeof playedSchema>;

export interface Sizes {
  readonly actors: number;
  readonly messages: number;
  readonly crashes: number;
}
