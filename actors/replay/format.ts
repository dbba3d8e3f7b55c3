import { frameFault, ItchFramer } from "./itch.ts";

export type SessionFormat = "lobster" | "itch";

/**
 * Tells the format of a session by its first bytes (some kilobytes are enough): ITCH when most are
 * messages behind their lengths, LOBSTER when they are text with few odd bytes, else null.
 */
export function sessionFormat(head: Uint8Array): SessionFormat | null {
  let messages = 0;
  let good = 0;
  new ItchFramer().push(head, (message) => {
    messages += 1;
    if (frameFault(message) === null) good += 1;
  });
  if (good > messages / 2) return "itch";
  let odd = 0;
  for (const byte of head) if (byte < 0x20 && !lineBytes.has(byte)) odd += 1;
  return odd <= head.length / 100 ? "lobster" : null;
}

/** Tab, line feed, carriage return. */
const lineBytes: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0d]);
