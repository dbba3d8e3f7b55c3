import type { wire } from "../../../../schemas/messages.ts";

type TreeReply = wire.control.v1.TreeReply;

/**
 * What is known after the next message of a view. Rows that have not changed are left out of it, counts never are;
 * null: rows were left out that were not seen, because a message before it was missed. Pure.
 */
export function following(before: TreeReply | null, message: TreeReply): TreeReply | null {
  if (!message.unchanged) return message;
  if (before === null || message.number !== before.number + 1) return null;
  return Object.assign(message, { nodes: before.nodes });
}

const guest = /^\/[^/]+\/for-([^/]+)\//;

/**
 * Whose an actor is, by its path in the tree of a cell: a region without a cell has its actors in another's, below
 * `for-<region>`, and they are asked under their own region's name.
 */
export const regionOfPath = (path: string, tree: string): string => guest.exec(path)?.[1] ?? tree;
