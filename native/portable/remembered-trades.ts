/** The last trades of the market, which can still be busted or corrected. */

export const TRADES_REMEMBERED = 2 ** 16;

export interface RememberedTrade {
  readonly sequence: number;
  /** Of its `executed` event within the command. */
  readonly index: number;
  readonly buyer: number;
  readonly seller: number;
  price: number;
  quantity: number;
  busted: boolean;
}

export class RememberedTrades {
  readonly #trades: RememberedTrade[] = [];
  #next = 0;

  add(trade: RememberedTrade): void {
    this.#trades[this.#next] = trade;
    this.#next = (this.#next + 1) % TRADES_REMEMBERED;
  }

  /** The trade of that event, unless it is forgotten or busted. */
  find(sequence: number, index: number): RememberedTrade | undefined {
    return this.#trades.find(
      (trade) => trade.sequence === sequence && trade.index === index && !trade.busted,
    );
  }
}
