import { setTimeout as delay } from "node:timers/promises";
import * as assert from "uvu/assert";
import { wire } from "../../schemas/messages.ts";
import { type OneRegion, place } from "./one-region.ts";

const session = 9_001;
const price = 100;
const pauseMs = 5;

/** A client that sends one order after the other, numbered, until it is stopped. */
export class NumberedOrders {
  readonly #region: OneRegion;
  readonly #faults: string[] = [];
  readonly #running: Promise<void>;
  readonly #resends: boolean;
  #sent = 0;
  #longestMs = 0;
  #stopping = false;

  /** `resends`: an order without an answer is sent again under its number, as a client does whose server restarts. */
  constructor(region: OneRegion, { resends }: { readonly resends: boolean }) {
    this.#region = region;
    this.#resends = resends;
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      this.#sent += 1;
      const began = performance.now();
      await this.#send(this.#sent);
      this.#longestMs = Math.max(this.#longestMs, performance.now() - began);
      await delay(pauseMs);
    }
  }

  async #send(number: number): Promise<void> {
    while (!this.#stopping || this.#resends) {
      const reply = await this.#region.submit(session, [place(number, "buy", price, 1)]);
      const refusal = reply?.refusal?.code ?? reply?.outcomes?.[0]?.refusal ?? null;
      const isTaken =
        reply !== null && refusal === null && Number(reply.outcomes?.[0]?.sequence) > 0;
      if (isTaken) {
        const { durability } = reply;
        if (durability !== wire.market.v1.DurabilityMode.DURABILITY_MODE_REPLICATED) {
          this.#faults.push(`${number}: acknowledged as ${durability}`);
        }
        return;
      }
      if (!this.#resends) {
        this.#faults.push(`${number}: ${reply === null ? "no answer" : JSON.stringify(reply)}`);
        return;
      }
      await delay(100);
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#running;
  }

  /** Checks, once it has stopped, that each order was taken and is in the book, once. */
  async check(): Promise<{ readonly orders: number; readonly longestMs: number }> {
    assert.equal(this.#faults, []);
    assert.ok(this.#sent > 0, "there were orders");
    const { bids } = await this.#region.book();
    const resting = (bids ?? []).reduce((sum, level) => sum + Number(level.quantity), 0);
    assert.is(resting, this.#sent, "every order is in the book, and none twice");
    return { orders: this.#sent, longestMs: Math.round(this.#longestMs) };
  }
}
