import { setTimeout as sleep } from "node:timers/promises";

import type { NatsConnection } from "nats";

import { wire } from "../../schemas/messages.ts";
import { commandSubject } from "../../schemas/subjects.ts";

const { SubmitRequest, SubmitReply, Side, OrderType, TimeInForce } = wire.market.v1;
const session = 4_712;
const WITHIN_MS = 60_000;

/** One order after another, each again under its number, where the market is said to be, until it is told. */
export class FollowingClient {
  readonly #connection: NatsConnection;
  readonly #market: string;
  readonly #home: string;
  #region: string;
  #number = 0;
  #stopped = false;
  /** Final refusals of an order, but for those that a client has to expect while a market moves. */
  readonly refused: string[] = [];

  constructor(connection: NatsConnection, market: string, home: string) {
    this.#connection = connection;
    this.#market = market;
    this.#home = home;
    this.#region = home;
  }
  get region(): string {
    return this.#region;
  }

  async run(): Promise<void> {
    while (!this.#stopped) await this.place();
  }
  stop(): void {
    this.#stopped = true;
  }

  async place(): Promise<void> {
    this.#number += 1;
    const place = {
      side: Side.SIDE_BUY,
      orderType: OrderType.ORDER_TYPE_LIMIT,
      timeInForce: TimeInForce.TIME_IN_FORCE_IOC,
      price: 5_000_000,
      quantity: 10,
    };
    const commands = [{ number: this.#number, account: 9, place }];
    const payload = SubmitRequest.encode({ session, commands }).finish();
    const until = performance.now() + WITHIN_MS;
    let last = "";
    while (performance.now() < until) {
      const subject = commandSubject(this.#region, this.#market, "submit");
      const reply = await this.#connection
        .request(subject, payload, { timeout: 2_000 })
        .then(({ data }) => SubmitReply.decode(data))
        .catch(() => null);
      if (reply !== null && !reply.refusal) {
        const refusal = reply.outcomes[0]?.refusal;
        if (refusal) this.refused.push(refusal.code ?? "");
        return;
      }
      last = reply?.refusal?.reason ?? "no answer";
      const told = reply?.refusal?.region ?? "";
      // Who does not answer may have lost the market: its home knows where it is.
      if (told !== "" || reply === null) this.#region = told === "" ? this.#home : told;
      await sleep(50);
    }
    throw new Error(`order ${this.#number} is not told its outcome: ${last}`);
  }
}
