import * as assert from "uvu/assert";

import {
  blockHash,
  chainStart,
  type ChainState,
  fold,
} from "../../actors/kernel/accepted-chain.ts";
import { type MarketEngine, RECORD_BYTES } from "../../actors/kernel/ports/matching-engine.ts";
import { accountId, priceTicks, quantityLots, sequence } from "../../actors/kernel/units.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
/** Commands offered before their events are drained. */
const BATCH = 8_192;

/** Gives commands to an open market, and does with its log what the market's owner does: seal and accept. */
export class LogOwner {
  readonly digests = new Map<number, string>();
  readonly market: MarketEngine;
  #chain: ChainState = { ...chainStart("m"), epoch: 1 };
  #sent = 0;

  constructor(market: MarketEngine) {
    this.market = market;
  }

  /** That many commands, as one block. */
  async round(count: number): Promise<void> {
    for (let left = count; left > 0; left -= BATCH) await this.#offer(Math.min(left, BATCH));
    this.digests.set(this.#sent, this.market.progress().digest);
    await this.#seal();
  }

  async #offer(count: number): Promise<void> {
    const header = { session: 0, number: 0, account: accountId(1), tag: 0 };
    for (let index = 0; index < count; index += 1) {
      this.#sent += 1;
      if (this.#sent === 1) {
        this.market.offer({
          ...header,
          kind: "configure",
          bandLow: priceTicks(1),
          bandHigh: priceTicks(1_000),
          maximumQuantity: quantityLots(10),
          orderCapacity: 10_000,
          mode: "durable",
        });
        continue;
      }
      this.market.offer({
        ...header,
        kind: "place",
        side: this.#sent % 2 === 0 ? "buy" : "sell",
        orderType: "limit",
        timeInForce: "day",
        price: priceTicks(500 + (this.#sent % 7)),
        quantity: quantityLots(1 + (this.#sent % 3)),
      });
    }
    this.market.flush();
    while (this.market.progress().durable < this.#sent) await turn();
    this.market.drain(() => {}, 1e6);
  }

  async #seal(): Promise<void> {
    const first = this.#chain.lastSequence + 1;
    const records = this.market.records(sequence(first), 2 ** 20);
    const body = {
      market: "m",
      epoch: 1,
      first,
      last: first + records.length / RECORD_BYTES - 1,
      previousHash: this.#chain.hash,
      records,
    };
    const block = { type: "block" as const, ...body, hash: blockHash(body) };
    const verdict = fold(this.#chain, block);
    assert.ok(verdict.accepted);
    await this.market.seal([block]);
    this.#chain = verdict.state;
    const { lastSequence, hash } = verdict.state;
    this.market.accept({ sequence: lastSequence, epoch: 1, hash });
    while (this.market.shadow()?.sequence !== lastSequence) await turn();
  }
}
