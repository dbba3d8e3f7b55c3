import { z } from "zod";

const positive = z.int().min(1).max(Number.MAX_SAFE_INTEGER);
const limit = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
const largest32 = 2 ** 32 - 1;

/** Actors that are spawned by request. */
export const actorsSchema = z.strictObject({
  /** This cell hosts at most; 0: none, and it answers no request about them. */
  capacity: z.int().min(0).max(100_000).default(1_000),
  /** The region runs at most, at a time. */
  maximum: z.int().min(0).max(100_000).default(4_096),
  /** Seconds without a message after which a paused or finished one is put away. */
  passivateAfter: z.number().min(0).default(30),
  /** Other regions whose actors may run here, when they are moved or have no cell left. */
  hosts: z.array(z.string().regex(/^[A-Za-z0-9_-]{1,32}$/, "the name of a region")).default([]),
  /**
   * What an account may do whose first actor is spawned, and the most that an actor's own limit allows.
   * Lots; 0: not limited, except for the first two.
   */
  limits: z
    .strictObject({
      maximumOrderQuantity: positive.default(100_000),
      maximumOpenQuantity: positive.default(1_000_000),
      maximumPosition: limit.default(10_000_000),
      maximumOpenOrders: limit.default(1_000),
      /** New orders and replacements in a second. */
      ordersPerSecond: limit.max(largest32).default(10_000),
      /** Price units times quantity units. */
      maximumLoss: limit.default(0),
    })
    .prefault({}),
});
export type ActorsConfiguration = z.infer<typeof actorsSchema>;
