import { setTimeout as sleep } from "node:timers/promises";

import type { Delivery } from "../../schemas/sdk/client.ts";
import type { RegionLink } from "../../schemas/sdk/regional-transport.ts";
import type { Line } from "./line.ts";

/** A line over one connection. */
export type OneLine = Line & RegionLink;

const pauseMs = 200;

/**
 * A line that is opened again when its server is lost, wherever one takes it. What was under way then ends as
 * `disconnected`, and what is asked while no server takes a connection as well; the next question finds the new line.
 */
export class ReopenedLine implements Line {
  readonly #open: () => Promise<OneLine | null>;
  #line: Promise<OneLine | null>;
  #closed = false;

  /** `open`: null when no server takes a connection. */
  constructor(first: OneLine, open: () => Promise<OneLine | null>) {
    this.#open = open;
    this.#line = Promise.resolve(first);
    this.#watch(first);
  }

  async request(
    subject: string,
    payload: Uint8Array,
    timeoutMs: number,
    trace?: string,
  ): Promise<Delivery> {
    const line = await this.#present();
    if (line === null) return { kind: "disconnected" };
    return line.request(subject, payload, timeoutMs, ...(trace === undefined ? [] : [trace]));
  }

  /** What is published while no line is open is missed: there is nobody to keep it. */
  async *listen(subject: string): AsyncGenerator<Uint8Array> {
    while (!this.#closed) {
      const line = await this.#present();
      if (line === null) await sleep(pauseMs, undefined, { ref: false });
      else yield* line.listen(subject);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await (await this.#line)?.close();
  }

  /** One attempt at a time; whoever asks meanwhile waits for that. */
  #present(): Promise<OneLine | null> {
    const present = this.#line;
    const next = present.then((line) => (line === null && !this.#closed ? this.#again() : line));
    this.#line = next;
    return next;
  }

  async #again(): Promise<OneLine | null> {
    const line = await this.#open();
    if (line !== null) this.#watch(line);
    return line;
  }

  #watch(line: OneLine): void {
    void line.lost.then(() => {
      this.#line = this.#line.then((present) => (present === line ? null : present));
    });
  }
}
