/**
 * What happened in a run, in order: a hash over everything, and the last lines for people. Two runs
 * of one seed are the same run exactly when their hashes are the same.
 */

/** Lines kept for a report. */
const REMEMBERED = 4_096;

export class Trace {
  #low = 0x811c9dc5;
  #high = 0x9e3779b9;
  #count = 0;
  readonly #lines: string[] = [];
  readonly #sink: ((line: string) => void) | null;
  readonly #detailed: boolean;

  /** `sink` gets every line as it comes; `detailed`: also timers and the steps of messages. */
  constructor(sink: ((line: string) => void) | null = null, detailed = false) {
    this.#sink = sink;
    this.#detailed = detailed;
  }

  /** Hashes one step of the scheduler. */
  step(at: number, order: number, label: string, who: string): void {
    this.#count += 1;
    this.#mix(at >>> 0);
    this.#mix(order);
    this.#mixText(label);
    this.#mixText(who);
    if (this.#detailed) this.#keep(`${seconds(at)} ${who} ${label}`);
  }

  /** Hashes bytes that a process sees: all of a short message, head and tail of a long one. */
  bytes(payload: Uint8Array): void {
    this.#mix(payload.length);
    const head = Math.min(payload.length, 128);
    for (let index = 0; index < head; index += 1) this.#mix(payload[index] ?? 0);
    for (let index = Math.max(head, payload.length - 128); index < payload.length; index += 1) {
      this.#mix(payload[index] ?? 0);
    }
  }

  /** Something worth a line of its own. */
  say(at: number, who: string, text: string): void {
    this.#count += 1;
    this.#mix(at >>> 0);
    this.#mixText(who);
    this.#mixText(text);
    this.#keep(`${seconds(at)} ${who} ${text}`);
  }

  get events(): number {
    return this.#count;
  }

  /** Sixteen hexadecimal digits. */
  hash(): string {
    const word = (value: number): string => (value >>> 0).toString(16).padStart(8, "0");
    return word(this.#high) + word(this.#low);
  }

  /** The last lines, oldest first. */
  lines(count = REMEMBERED): readonly string[] {
    return this.#lines.slice(-count);
  }

  #keep(line: string): void {
    this.#sink?.(line);
    this.#lines.push(line);
    if (this.#lines.length > 2 * REMEMBERED) this.#lines.splice(0, REMEMBERED);
  }

  #mixText(text: string): void {
    for (let index = 0; index < text.length; index += 1) this.#mix(text.charCodeAt(index));
  }

  /** Two multiplicative hashes with different constants, each fed by the other. */
  #mix(word: number): void {
    this.#low = Math.imul(this.#low ^ word, 0x01000193);
    this.#high = Math.imul(this.#high ^ (this.#low >>> 13) ^ word, 0x85ebca6b);
    this.#high ^= this.#high >>> 15;
  }
}

export const seconds = (at: number): string => `${(at / 1e9).toFixed(6)}s`;
