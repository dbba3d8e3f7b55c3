import type { DeadLetter, DeadLetterReason, DeadLetterStore } from "./actor.ts";
import type { Clock } from "./ports/clock.ts";

const textLimit = 1_024;

/** A store of at most `capacity` letters; the oldest makes room. */
export function deadLetterStore(clock: Clock, capacity = 1_024): DeadLetterStore {
  const letters = new Map<number, DeadLetter>();
  const counts = new Map<DeadLetterReason, number>();
  let total = 0;

  return {
    add(path, reason, message, failure = "") {
      total += 1;
      counts.set(reason, (counts.get(reason) ?? 0) + 1);
      letters.set(total, {
        number: total,
        path,
        reason,
        at: clock.now().toString(),
        message: messageText(message),
        failure: failure.slice(0, textLimit),
      });
      if (letters.size > capacity) letters.delete(total - capacity);
    },
    list: () => [...letters.values()],
    counts: () => Object.fromEntries(counts),
    get total() {
      return total;
    },
    get pushedOut() {
      return total - letters.size;
    },
  };
}

/** A message for people, cut. Bytes become a length and a prefix in hexadecimal: a letter must stay small whatever was sent. */
export function messageText(message: unknown): string {
  if (message instanceof Uint8Array) {
    const prefix = Buffer.from(message.subarray(0, 64)).toString("hex");
    return `${message.length} bytes ${prefix}`;
  }
  try {
    const json = JSON.stringify(message, (_key, value: unknown) =>
      typeof value === "bigint" ? value.toString() : value,
    ) as string | undefined;
    return (json ?? typeof message).slice(0, textLimit);
  } catch {
    return `unprintable ${typeof message}`;
  }
}
