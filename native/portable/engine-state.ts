import { AccountTable } from "./accounts.ts";
import type { Account } from "./accounts.ts";
import { Book } from "./book.ts";
import { breakerModes, eventKinds, marketStates } from "./codes.ts";
import type { SideNumber } from "./codes.ts";
import { accountTerm, addTerm, marketTerm, orderTerm, removeTerm, specialTerm } from "./digest.ts";
import { cells } from "./events.ts";
import type { EventCells } from "./events.ts";
import { OrderIds } from "./order-ids.ts";
import { isConditional, isPeg, isTrailing, standings } from "./order.ts";
import type { Order } from "./order.ts";
import { RandomSizes } from "./random-sizes.ts";
import { RememberedTrades } from "./remembered-trades.ts";

export interface Configuration {
  readonly bandLow: number;
  readonly bandHigh: number;
  readonly maximumQuantity: number;
  readonly orderCapacity: number;
}

export interface Breaker {
  mode: number;
  reference: number;
  width: number;
  /** A limit state lasts at most so long; 0: no end. */
  seconds: number;
}

export interface LimitState {
  readonly side: SideNumber;
  readonly edge: number;
  readonly since: bigint;
}

/** Orders to be canceled one a step. */
export interface Sweep {
  /** null: the day end, all accounts. */
  readonly account: number | null;
  readonly reason: number;
  /** Only orders accepted before this command. */
  readonly before: number;
  readonly matches: (order: Order) => boolean;
  /** Row and entry of the last order that was passed. */
  row: number;
  passed: number;
}

/** Prices of the trades of a step. */
interface StepTrades {
  low: number;
  high: number;
  last: number;
}

/** Terms that wait for the next digest; more than this are summed up at once. */
const CHANGES_KEPT = 4_096;

/**
 * Everything that the market is, and the few operations through which all rules change it: where an
 * order stands, how many lots it has, what is emitted.
 */
export class EngineState {
  /** Of the command being applied. */
  sequence = 0;
  /** The market's time in nanoseconds; never falls. */
  time = 0n;
  events: EventCells[] = [];

  configuration: Configuration | null = null;
  state: number = marketStates.open;
  /** Price of the last trade; 0: none yet. */
  lastTrade = 0;
  readonly breaker: Breaker = { mode: breakerModes.none, reference: 0, width: 0, seconds: 0 };
  limitState: LimitState | null = null;
  /** A limit state that began before this command has ended, whatever the book shows now. */
  limitStateEnded = false;
  /** Prices at which the present step may trade; null: all. */
  allowed: { readonly low: number; readonly high: number } | null = null;
  /** What traded in the present step. */
  stepTrades: StepTrades | null = null;

  readonly ids = new OrderIds();
  readonly random = new RandomSizes();
  readonly accounts = new AccountTable();
  readonly book = new Book();
  readonly trades = new RememberedTrades();
  /** Open orders by id, in entry order. */
  readonly orders = new Map<number, Order>();
  /** Stops and trailing stops that wait. */
  readonly waiting = new Set<Order>();
  readonly parked = new Set<Order>();
  /** About to enter, oldest first. */
  readonly queue: Order[] = [];
  /** Open orders of these kinds, in any state. */
  readonly pegs = new Set<Order>();
  readonly discretionary = new Set<Order>();
  readonly conditional = new Set<Order>();
  readonly expiring = new Set<Order>();
  /** No open order expires before this second. */
  nextExpiry = Infinity;

  readonly sweeps: Sweep[] = [];
  dayEnd: Sweep | null = null;
  /** Lit touch at the last peg pass. */
  pegTouch = { bid: 0, ask: 0 };
  pegsDue = false;
  /** Something came to rest since the last pass over conditional orders. */
  conditionalDue = false;

  #orderDigest = 0n;
  #accountDigest = 0n;
  readonly #changedOrders: Order[] = [];
  readonly #changedAccounts = new Set<Account>();

  emit(event: Partial<EventCells>): void {
    this.events.push(cells(event));
  }

  /** Emits an event about an order, with its id, owner, side and limit. */
  emitOrder(order: Order, event: Partial<EventCells>): void {
    const { code = 0, price = order.price, quantity = 0, remaining = 0 } = event;
    const { kind = 0, otherOrderId = 0, otherPrice = 0 } = event;
    const { id: orderId, account, side } = order;
    this.events.push({
      kind,
      code,
      side,
      orderId,
      account,
      price,
      quantity,
      remaining,
      otherOrderId,
      otherPrice,
    });
  }

  accountOf(order: Order): Account {
    order.owner ??= this.accounts.row(order.account);
    return order.owner;
  }

  /** The order is open from now on. It stands nowhere yet. */
  admit(order: Order): void {
    order.id = this.ids.take();
    order.entry = this.sequence;
    this.orders.set(order.id, order);
    const account = this.accountOf(order);
    account.orders.add(order);
    account.openLots[order.side] += order.lots;
    if (isPeg(order)) this.pegs.add(order);
    if (order.discretion > 0) this.discretionary.add(order);
    if (isConditional(order)) this.conditional.add(order);
    if (order.expiry > 0) {
      this.expiring.add(order);
      this.nextExpiry = Math.min(this.nextExpiry, order.expiry);
    }
    this.changed(order);
  }

  /** The order is open no more; its slot is free. What its links cause is links.ts. */
  dismiss(order: Order): void {
    this.withdraw(order);
    order.standing = standings.gone;
    this.orders.delete(order.id);
    const account = this.accountOf(order);
    account.orders.delete(order);
    account.openLots[order.side] -= order.lots;
    order.lots = 0;
    if (isPeg(order)) this.pegs.delete(order);
    if (order.discretion > 0) this.discretionary.delete(order);
    if (order.expiry > 0) this.expiring.delete(order);
    if (!order.minimumIsMet) this.conditional.delete(order);
    this.ids.free(order.id);
    this.changed(order);
  }

  /** Takes the order from where it stands. */
  withdraw(order: Order): void {
    switch (order.standing) {
      case standings.lit:
      case standings.dark:
        this.book.remove(order);
        break;
      case standings.waiting:
        this.waiting.delete(order);
        break;
      case standings.queued:
        this.queue.splice(this.queue.indexOf(order), 1);
        break;
      case standings.parked:
        this.parked.delete(order);
        break;
      default:
        break;
    }
    order.standing = standings.entering;
    order.shown = 0;
    this.changed(order);
  }

  /** Puts the order last in the book at `order.at` (0: the queue of market orders). */
  stand(order: Order, standing: number, shown: number): void {
    order.standing = standing;
    order.shown = shown;
    order.priority = this.sequence;
    this.book.append(order);
    if (standing === standings.lit || isConditional(order)) this.conditionalDue = true;
    this.changed(order);
  }

  /** Lets the order wait, be queued or be parked. */
  set(order: Order, standing: number): void {
    order.standing = standing;
    order.priority = this.sequence;
    if (standing === standings.waiting) this.waiting.add(order);
    else if (standing === standings.queued) this.queue.push(order);
    else this.parked.add(order);
    this.changed(order);
  }

  /** Takes lots off an order, wherever it stands: off the reserve first. */
  takeOff(order: Order, quantity: number): void {
    order.lots -= quantity;
    this.accountOf(order).openLots[order.side] -= quantity;
    if (order.shown > order.lots) this.book.show(order, order.lots);
    order.minimum = Math.min(order.minimum, order.lots);
    this.changed(order);
  }

  /** Takes traded lots off an order: off what it shows. */
  takeTraded(order: Order, quantity: number): void {
    order.lots -= quantity;
    order.executed += quantity;
    this.accountOf(order).openLots[order.side] -= quantity;
    if (order.standing === standings.lit && order.shown > 0) {
      this.book.show(order, order.shown - quantity);
    }
    this.changed(order);
  }

  /** The order's minimum is met and gone. */
  meetMinimum(order: Order): void {
    order.minimum = 0;
    order.minimumIsMet = true;
    this.conditional.delete(order);
    this.changed(order);
  }

  /** Must be told of each order whose fields change, so that the digest follows. */
  changed(order: Order): void {
    if (order.isChanged) return;
    order.isChanged = true;
    this.#changedOrders.push(order);
    if (this.#changedOrders.length > CHANGES_KEPT) this.#sumUp();
  }

  accountChanged(account: Account): void {
    this.#changedAccounts.add(account);
  }

  digest(): bigint {
    this.#sumUp();
    const { lastTrade, state, limitState, random, breaker } = this;
    const market = marketTerm({
      lastTrade,
      reference: breaker.reference,
      state,
      inLimitState: limitState !== null,
      random: random.state,
    });
    return addTerm(addTerm(this.#orderDigest, this.#accountDigest), market);
  }

  /** Emits the state; what it brings about is market-states.ts. */
  emitState(state: number): void {
    this.emit({ kind: eventKinds.state_set, code: state });
  }

  /** What is wrong, or null. Slow. */
  verify(): string | null {
    this.#sumUp();
    let digest = 0n;
    let standing = 0;
    for (const order of this.orders.values()) {
      digest = addTerm(digest, termOf(order));
      if (order.lots <= 0) return `order ${order.id} is open with nothing left`;
      if (order.standing === standings.entering) return `order ${order.id} stands nowhere`;
      if (order.standing === standings.lit || order.standing === standings.dark) standing += 1;
    }
    if (digest !== this.#orderDigest) return "the digest of the orders is wrong";
    if (standing !== this.book.all().length) return "the book holds other orders than are open";
    if (this.book.all().some((order) => this.orders.get(order.id) !== order)) {
      return "an order rests that is not open";
    }
    const elsewhere = this.waiting.size + this.queue.length + this.parked.size;
    if (standing + elsewhere !== this.orders.size) return "an order stands nowhere or twice";
    return this.#accountFault() ?? this.book.verify(this.state === marketStates.open);
  }

  #accountFault(): string | null {
    let digest = 0n;
    let orders = 0;
    for (const account of this.accounts.rows()) {
      digest = addTerm(digest, termOfAccount(account));
      const lots = [0, 0];
      for (const order of account.orders) lots[order.side] = (lots[order.side] ?? 0) + order.lots;
      if (lots[0] !== account.openLots[0] || lots[1] !== account.openLots[1]) {
        return `account ${account.number} has other open lots than are counted`;
      }
      orders += account.orders.size;
    }
    if (orders !== this.orders.size) return "an order belongs to no account";
    return digest === this.#accountDigest ? null : "the digest of the accounts is wrong";
  }

  #sumUp(): void {
    for (const order of this.#changedOrders) {
      const term = order.standing === standings.gone ? 0n : termOf(order);
      this.#orderDigest = addTerm(removeTerm(this.#orderDigest, order.term), term);
      order.term = term;
      order.isChanged = false;
    }
    this.#changedOrders.length = 0;
    for (const account of this.#changedAccounts) {
      const term = termOfAccount(account);
      this.#accountDigest = addTerm(removeTerm(this.#accountDigest, account.term), term);
      account.term = term;
    }
    this.#changedAccounts.clear();
  }
}

function termOf(order: Order): bigint {
  const { id: orderId, account, side, lots: remaining, priority, standing } = order;
  const price = standing === standings.dark && isPeg(order) ? order.at : order.price;
  const term = orderTerm({ orderId, account, side, price, remaining, priority });
  if (isPlain(order)) return term;
  const extreme = isTrailing(order) ? order.extreme : 0;
  const shown = order.standing === standings.lit && order.at !== 0 ? order.shown : 0;
  return addTerm(term, specialTerm({ ...order, orderId, extreme, shown }));
}

const isPlain = (order: Order): boolean =>
  order.standing === standings.lit &&
  order.orderType === 0 &&
  order.timeInForce === 0 &&
  order.attributes === 0 &&
  order.display === 0 &&
  order.minimum === 0 &&
  order.discretion === 0 &&
  order.group === 0;

const termOfAccount = (account: Account): bigint =>
  accountTerm({
    account: account.number,
    position: account.position,
    messages: account.messages.count,
    executions: account.executions.count,
    limits: account.limits,
    killed: account.killed,
  });
