import { limitKinds } from "./codes.ts";
import type { SideNumber } from "./codes.ts";
import type { Order } from "./order.ts";

/** What the market knows of each account (native/engine/README.md, Risk). */

export const ACCOUNT_LIMIT = 4_096;

/** A counter that begins anew when its window has passed. */
export interface RateWindow {
  count: number;
  /** Nanoseconds. */
  start: bigint;
  length: bigint;
}

export interface Account {
  readonly number: number;
  /** Lots; negative: short. */
  position: number;
  /** Value of each limit by its number; 0: none. */
  readonly limits: number[];
  readonly messages: RateWindow;
  readonly executions: RateWindow;
  killed: boolean;
  /** Open orders in entry order. */
  readonly orders: Set<Order>;
  /** Open lots by side. */
  readonly openLots: [number, number];
  /** Its part of the state digest. */
  term: bigint;
}

const noWindow = (): RateWindow => ({ count: 0, start: 0n, length: 0n });

/** Accounts in the order in which they came; none ever leaves. */
export class AccountTable {
  readonly #rows = new Map<number, Account>();

  find(number: number): Account | undefined {
    return this.#rows.get(number);
  }

  /** Whether the account has a row or could get one. */
  hasRoom(number: number): boolean {
    return this.#rows.size < ACCOUNT_LIMIT || this.#rows.has(number);
  }

  /** The account's row; made when it has none. */
  row(number: number): Account {
    let account = this.#rows.get(number);
    if (account === undefined) {
      account = {
        number,
        position: 0,
        limits: Object.values(limitKinds).map(() => 0),
        messages: noWindow(),
        executions: noWindow(),
        killed: false,
        orders: new Set(),
        openLots: [0, 0],
        term: 0n,
      };
      this.#rows.set(number, account);
    }
    return account;
  }

  rows(): Iterable<Account> {
    return this.#rows.values();
  }
}

/** Lots that a reduce-only order of `side` may trade at most. */
export function reducible(account: Account | undefined, side: SideNumber): number {
  const position = account?.position ?? 0;
  return Math.max(0, side === 0 ? -position : position);
}

export const isOver = (window: RateWindow, time: bigint): boolean =>
  time >= window.start + window.length;

/** Counts one event, in a new window where the last one is over. */
export function countIn(window: RateWindow, time: bigint): void {
  if (isOver(window, time)) {
    window.start = time;
    window.count = 0;
  }
  window.count += 1;
}

/** What is counted in a window that may be over. */
export const countedIn = (window: RateWindow, time: bigint): number =>
  isOver(window, time) ? 0 : window.count;
