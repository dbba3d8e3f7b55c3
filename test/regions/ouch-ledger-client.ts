/**
 * Clients of the drills' markets in one region, by OUCH over TCP: as ledger-client.ts, but each has a
 * connection to whoever has the market, which it finds again by itself.
 *   node test/regions/ouch-ledger-client.ts JSON
 */
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

import { seededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import type { OuchOutbound } from "../../schemas/nasdaq/codec.ts";
import {
  type OuchGatewayAddress,
  type OuchRequest,
  OuchSession,
  type OuchSessionEvent,
} from "../../schemas/nasdaq/ouch-session.ts";
import { type LedgerLine, nowMs } from "./ledger.ts";

export interface OuchClientSettings {
  readonly name: string;
  readonly username: string;
  readonly password: string;
  /** The member's session in the markets. */
  readonly session: number;
  readonly markets: readonly {
    readonly market: string;
    readonly gateways: readonly OuchGatewayAddress[];
  }[];
  readonly seed: number;
  readonly pauseMs: number;
}

const settings = JSON.parse(process.argv[2] ?? "{}") as OuchClientSettings;
const random = seededRandomness(settings.seed);
const ORDERS_KEPT = 40;
/** Prices of OUCH are in 10^-4, those of the markets in 10^-2. */
const PRICE_UNITS = 100;
const INDEX_BITS = 24n;

const write = (line: LedgerLine): void => {
  writeSync(1, `${JSON.stringify(line)}\n`);
};

let going = true;

class Trader {
  readonly market: string;
  readonly #session: OuchSession;
  readonly #sentAt = new Map<number, number>();
  readonly #open: number[] = [];

  constructor(market: string, gateways: readonly OuchGatewayAddress[]) {
    this.market = market;
    const { username, password } = settings;
    this.#session = new OuchSession({ gateways, username, password }, (event) => this.#hear(event));
  }

  get isIdle(): boolean {
    return this.#session.unanswered === 0;
  }
  get resends(): number {
    return this.#session.resends;
  }

  async trade(): Promise<never> {
    for (;;) {
      await sleep(settings.pauseMs);
      if (!going || !this.isIdle) continue;
      if (this.#open.length > ORDERS_KEPT || (this.#open.length > 0 && random.below(4) === 0)) {
        const userRef = this.#open.shift() ?? 0;
        if (!this.#session.send({ kind: "cancelOrder", userRef, quantity: 0 })) {
          this.#open.push(userRef);
        }
        continue;
      }
      const sentAt = nowMs();
      const userRef = this.#session.submit(order(this.market));
      if (userRef !== null) this.#sentAt.set(userRef, sentAt);
    }
  }

  #hear(event: OuchSessionEvent): void {
    if (event.kind !== "message") return;
    const { message, session, resent } = event;
    const epoch = Number(session.split(".")[0]);
    const common = { client: settings.name, market: this.market, session: settings.session, epoch };
    const at = nowMs();
    if (message.kind === "orderAccepted" || message.kind === "orderRejected") {
      this.#answered(message, { ...common, at, resent });
    }
    if (message.kind !== "orderExecuted") return;
    write({
      type: "executed",
      ...common,
      at,
      number: message.userRef,
      sequence: Number(message.match >> INDEX_BITS),
      index: Number(message.match & ((1n << INDEX_BITS) - 1n)),
      quantity: message.quantity,
      price: Number(message.price) / PRICE_UNITS,
    });
  }

  #answered(
    message: Extract<OuchOutbound, { kind: "orderAccepted" | "orderRejected" }>,
    common: Omit<
      Extract<LedgerLine, { type: "answered" }>,
      "type" | "number" | "orderId" | "reason" | "sentAt"
    >,
  ): void {
    const number = message.userRef;
    const sentAt = this.#sentAt.get(number);
    // Of a connection of before: it was told already.
    if (sentAt === undefined) return;
    this.#sentAt.delete(number);
    const isAccepted = message.kind === "orderAccepted";
    if (isAccepted && message.state === "L") this.#open.push(number);
    write({
      type: "answered",
      ...common,
      number,
      orderId: isAccepted ? Number(message.orderReference) : 0,
      reason: isAccepted ? 0 : message.reason,
      sentAt,
    });
  }
}

function order(market: string): Omit<OuchRequest, "userRef"> {
  const side = random.below(2) === 0 ? "B" : "S";
  // Most rest on their own side of 1,000, some cross it.
  const distance = random.below(30) - 4;
  const price = side === "B" ? 1_000 - distance : 1_001 + distance;
  return {
    kind: "enterOrder",
    side,
    quantity: 1 + random.below(9),
    symbol: market,
    price: BigInt(price * PRICE_UNITS),
    timeInForce: "0",
    display: "Y",
    capacity: "P",
    intermarketSweep: "N",
    crossType: "N",
    clientOrderId: settings.name,
    options: {},
  } as Omit<OuchRequest, "userRef">;
}

const traders = settings.markets.map(({ market, gateways }) => new Trader(market, gateways));

async function pause(): Promise<void> {
  going = false;
  while (traders.some(({ isIdle }) => !isIdle)) await sleep(10);
  const resends = traders.reduce((sum, trader) => sum + trader.resends, 0);
  write({ type: "idle", client: settings.name, resends });
}

createInterface({ input: process.stdin }).on("line", (line) => {
  if (line === "pause") void pause();
  if (line === "go") going = true;
});
await Promise.all(traders.map((trader) => trader.trade()));
