import type { ActorBehaviour, ActorContext, ActorRef } from "../kernel/actor.ts";
import { type EventSourced, eventSourcedBehaviour } from "../kernel/event-sourced.ts";
import type { EventSourcedMachine } from "../kernel/event-sourced-machine.ts";
import type { Bus } from "../kernel/ports/bus.ts";
import type { EventLog } from "../kernel/ports/event-log.ts";
import { type Failure, refuse, type Result, unreachable } from "../kernel/result.ts";
import { type DurationNs, epoch, type TimestampNs } from "../kernel/units.ts";
import { decideTrader, evolveTrader, initialTrader, type Planner, wantedNow } from "./decide.ts";
import {
  openLots,
  type Order,
  type OrderOutcome,
  passes,
  placesOf,
  type Settlement,
  settlementOf,
} from "./ledger.ts";
import { asEventSourced, type TraderMachine } from "./machine.ts";
import { createMarketView, type MarketView, type MarketViewActor } from "./market-view.ts";
import type {
  TraderEvent,
  TraderMessage,
  TraderReply,
  TraderStart,
  TraderState,
} from "./messages.ts";
import { type LimitReport, RiskGate } from "./risk-gate.ts";
import * as codec from "./wire.ts";

/** What an actor that trades needs from its cell. */
export interface TraderPorts {
  readonly bus: Bus;
  readonly events: EventLog;
  /** A session number never used before: 1 … 2^53 - 1. */
  readonly session: () => number;
  /** Takes what the actor says of itself: at each change, at most every half second else. */
  readonly report: (start: TraderStart<unknown>, report: TraderReport) => void;
  /** A request of this actor was refused because its incarnation is over; counted. */
  readonly stale: (id: string) => void;
  /** Orders of this actor were not sent because its risk limit refused them, by code; counted. */
  readonly limited: (code: string) => void;
}

export interface TraderReport {
  /** looking | working | paused | backing_off | limited | stopping | stopped | done | fenced. */
  readonly state: string;
  readonly detail: string;
  readonly trader: TraderState<unknown>;
  readonly view: MarketView;
  readonly limit: LimitReport;
}

/** The part that differs from one kind of trader to the next, as data and pure functions. */
export interface TraderKind<Parameters, Memo> {
  readonly type: string;
  readonly machine: TraderMachine;
  planner(start: TraderStart<Parameters>): Planner<Memo>;
  readonly events: EventSourced<unknown, unknown, unknown, TraderEvent<Memo>, unknown>["events"];
  readonly snapshots: NonNullable<
    EventSourced<
      TraderStart<Parameters>,
      TraderState<Memo>,
      TraderMessage,
      TraderEvent<Memo>,
      TraderReply<Memo>
    >["snapshots"]
  >;
  /** Between two looks at the market. */
  interval(start: TraderStart<Parameters>): DurationNs;
  /** Absent: the planner needs nothing but what the actor knows. Made once an incarnation. */
  adviser?(context: TraderContext, start: TraderStart<Parameters>): Adviser<Memo>;
}

export type TraderContext = ActorContext<TraderMessage, EventSourcedMachine>;

/** Who is asked outside before each plan; what it says goes into the plan, which stays pure. */
export type Adviser<Memo> = (
  state: TraderState<Memo>,
  view: MarketView,
) => Promise<{ readonly advice: unknown; readonly failure: Failure | null }>;

/** Resends of internal commands come at once or not at all; those of people are few. */
const remembered = 256;
/** Refusals of a request that no copy of it ever escapes. */
const final = new Set(["malformed", "too_large"]);
const replyTimeout = 5_000_000_000 as DurationNs;
const askTimeout = 30_000_000_000 as DurationNs;
const reportEvery = 500_000_000;
const firstBackOff = 250_000_000;
const longestBackOff = 5_000_000_000;
/** The back-off grows no further while cells say that another one owns the market. */
const ownerTries = 3;

/** Refused before the engine, which gives every outcome a sequence: another copy may have been processed. */
const isUndecided = ({ refusal, sequence }: OrderOutcome): boolean =>
  refusal !== null && sequence === 0 && passes(refusal.code);

export function traderBehaviour<Parameters, Memo>(
  context: ActorContext<TraderMessage, EventSourcedMachine>,
  start: TraderStart<Parameters>,
  kind: TraderKind<Parameters, Memo>,
  ports: TraderPorts,
): ActorBehaviour<TraderMessage, TraderReply<Memo>, EventSourcedMachine> {
  const planner = kind.planner(start);
  const rules: EventSourced<
    TraderStart<Parameters>,
    TraderState<Memo>,
    TraderMessage,
    TraderEvent<Memo>,
    TraderReply<Memo>
  > = {
    machine: asEventSourced(kind.machine),
    log: ({ id }) => `${kind.type}.${id}`,
    initial: () => initialTrader(),
    commandId: (message) => (message.type === "look" ? null : message.commandId),
    asked: (message) => (message.type === "steer" ? `steer ${message.verb}` : message.type),
    decide: (state, message) => decideTrader(planner, state, message, start.instrument),
    evolve: evolveTrader,
    outcome: () => ({ type: "done" }),
    repeated: (reply) => reply,
    refusal: (failure) => ({ type: "refused", failure }),
    events: kind.events,
    snapshots: kind.snapshots,
    remembered,
  };
  const incarnation = epoch(start.sender.incarnation);
  const sourced = eventSourcedBehaviour(context, start, rules, {
    events: ports.events,
    epoch: () => incarnation,
  });
  const loop = new TraderLoop(context, start, { kind, planner, ports });
  return {
    ...sourced,
    async restore() {
      await sourced.restore?.();
      loop.begin();
    },
  };
}

/** Looks at the market, has the actor decide, sends what it has kept, has it keep the outcomes. */
class TraderLoop<Parameters, Memo> {
  readonly #context: ActorContext<TraderMessage, EventSourcedMachine>;
  readonly #start: TraderStart<Parameters>;
  readonly #kind: TraderKind<Parameters, Memo>;
  readonly #planner: Planner<Memo>;
  readonly #ports: TraderPorts;
  readonly #gate: RiskGate;
  readonly #self: ActorRef<TraderMessage, TraderReply<Memo>>;
  readonly #view: MarketViewActor = createMarketView();
  readonly #adviser: Adviser<Memo> | null;
  #detail = "";
  /** Why the risk limit let no order pass; null: it did. */
  #limited: Failure | null = null;
  #wake: () => void = () => {};
  #asked = 0;
  #failures = 0;
  #reportedAt = Number.NEGATIVE_INFINITY;
  #reportedState = "";

  constructor(
    context: ActorContext<TraderMessage, EventSourcedMachine>,
    start: TraderStart<Parameters>,
    of: {
      readonly kind: TraderKind<Parameters, Memo>;
      readonly planner: Planner<Memo>;
      readonly ports: TraderPorts;
    },
  ) {
    this.#context = context;
    this.#start = start;
    this.#kind = of.kind;
    this.#planner = of.planner;
    this.#ports = of.ports;
    this.#gate = new RiskGate(context, start, of.ports.bus);
    this.#self = context.self;
    this.#adviser = of.kind.adviser?.(context, start) ?? null;
  }

  begin(): void {
    const { bus } = this.#ports;
    const { clock } = this.#context;
    const subscription = bus.subscribe(
      codec.touchSubject(this.#start.instrument.market),
      this.#context.callback((_subject: string, payload: Uint8Array) => {
        const touch = codec.decodeL1(payload, clock.monotonic());
        if (touch !== null) this.#view.send(touch);
      }),
    );
    this.#context.onExit(() => {
      subscription.unsubscribe();
      this.#view.stop();
    });
    this.#gate.watch(() => this.#wake());
    this.#context.run((signal) => this.#run(signal));
  }

  async #run(signal: AbortSignal): Promise<void> {
    if (!(await this.#introduce(signal))) return;
    await this.#readBook();
    while (!signal.aborted) {
      const again = await this.#turn();
      if (!again) return;
      const wait = this.#failures === 0 ? this.#kind.interval(this.#start) : this.#backOff();
      await this.#sleep(wait);
    }
  }

  /** The market has to know this incarnation before anything is sent: from then on lower ones are out. */
  async #introduce(signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      const answer = await this.#submit(codec.encodeIntroduction(this.#start.sender), 0);
      if (answer.ok) {
        this.#failures = 0;
        return true;
      }
      if (answer.failure.code === "stale_epoch") return this.#fenced(answer.failure);
      await this.#failed(answer.failure);
      await this.#sleep(this.#backOff());
    }
    return false;
  }

  /** One round; false: nothing is left to do. */
  async #turn(): Promise<boolean> {
    const before = await this.#look();
    if (before === null) return true;
    if (before.ledger.pending !== null) return await this.#settle(before, true);
    // A stop takes orders off the book: what is gone then was not filled, as far as anybody knows.
    const stopped = this.#gate.stopped !== "";
    if (before.ledger.live.length > 0 && !stopped) await this.#reconcile(before);
    if (this.#view.getSnapshot().context.sequence === 0) await this.#readBook();
    const view = this.#view.getSnapshot().context;
    const asked = before.phase === "running" ? await this.#adviser?.(before, view) : undefined;
    const { advice = null, failure = null } = asked ?? {};
    const given = { view, advice, at: this.#context.clock.now() };
    const allowance = await this.#allowance(before, given);
    const message: TraderMessage = {
      type: "plan",
      commandId: this.#commandId("plan"),
      session: this.#ports.session(),
      ...given,
      allowance,
      barred: this.#gate.stopped !== "",
    };
    await this.#ask(message);
    const after = await this.#look();
    if (after === null) return true;
    if (failure !== null) this.#detail = `${failure.code}: ${failure.reason}`;
    if (after.ledger.pending !== null) return await this.#settle(after, false);
    return await this.#rests(after);
  }

  /** Lots that may be open after what is planned now; null where nothing is to be placed, or may be. */
  async #allowance(
    state: TraderState<Memo>,
    given: { readonly view: MarketView; readonly advice: unknown; readonly at: TimestampNs },
  ): Promise<number | null> {
    const { instrument } = this.#start;
    const { lot } = instrument;
    const orders = wantedNow(this.#planner, state, given, instrument)?.orders ?? [];
    const places = placesOf(orders);
    const rests = openLots(state.ledger, [], lot);
    if (this.#gate.stopped !== "" && rests > 0) {
      // What rests goes first; then it asks whether the stop still stands.
      this.#limited = stopFailure(this.#gate.stopped);
      return null;
    }
    if (places.length === 0) {
      if (this.#limited !== null) this.#failures = 0;
      this.#limited = null;
      return null;
    }
    const open = openLots(state.ledger, orders, lot);
    const largest = Math.max(...places.map(({ quantity }) => Math.ceil(quantity / lot)));
    this.#limited = await this.#gate.allow(open, largest);
    if (this.#limited === null) {
      this.#detail = "";
      return open;
    }
    const { code, reason } = this.#limited;
    this.#ports.limited(code);
    this.#failures += 1;
    this.#detail = `${code}: ${reason}`;
    return null;
  }

  /** Nothing is under way: the limit is told what rests. False: nothing is left to do. */
  async #rests(state: TraderState<Memo>): Promise<boolean> {
    const lots = openLots(state.ledger, [], this.#start.instrument.lot);
    const failure = await this.#gate.settle(lots);
    const ended = state.phase === "stopped" || state.phase === "done";
    if (failure?.code === "stale_epoch") return this.#fenced(failure);
    if (failure !== null && ended) {
      // What it holds would stay taken for ever; so it is not over yet.
      this.#failures += 1;
      this.#detail = `${failure.code}: ${failure.reason}`;
      return true;
    }
    this.#stands(state);
    return !ended;
  }

  /** The address holds over restarts: what an ended incarnation still has to say is not for its successor. */
  async #ask(message: TraderMessage): Promise<Result<TraderReply<Memo>>> {
    this.#context.signal.throwIfAborted();
    const reply = await this.#self.ask(message, askTimeout);
    this.#context.signal.throwIfAborted();
    return reply;
  }

  async #look(): Promise<TraderState<Memo> | null> {
    const reply = await this.#ask({ type: "look" });
    return reply.ok && reply.value.type === "state" ? reply.value.state : null;
  }

  /**
   * Sends the pending orders, under their numbers, until their outcomes are known and kept. `again`: a copy may have
   * been sent before.
   */
  async #settle(state: TraderState<Memo>, again: boolean): Promise<boolean> {
    const { pending, session } = state.ledger;
    if (pending === null) return true;
    const { sender, account } = this.#start;
    const payload = codec.encodeOrders(
      sender,
      session,
      account,
      pending.firstNumber,
      pending.orders,
    );
    const answer = await this.#submit(payload, pending.orders.length);
    if (!answer.ok) {
      if (answer.failure.code === "stale_epoch") return this.#fenced(answer.failure);
      // A refusal of the whole says nothing of a copy that was sent before: only what can never be taken ends it.
      if (!final.has(answer.failure.code)) {
        await this.#failed(answer.failure);
        return true;
      }
    }
    // The same holds of one order: a copy of before may rest, or trade, where this one did not come to the engine.
    const undecided = answer.ok && again ? answer.value.find(isUndecided) : undefined;
    if (undecided?.refusal) {
      await this.#failed(undecided.refusal);
      return true;
    }
    const settlements = answer.ok
      ? answer.value.map((outcome, index) =>
          this.#settlement(pending.orders[index] as Order, outcome),
        )
      : pending.orders.map(() => refusedBy(answer.failure));
    const commandId = `settle/${pending.firstNumber}`;
    await this.#ask({ type: "settle", commandId, settlements });
    const slow = settlements.find(({ refusal }) => refusal !== null && passes(refusal));
    const refused = settlements.find(({ refusal }) => refusal !== null);
    this.#detail = refused?.refusal ?? "";
    this.#failures = slow === undefined ? 0 : this.#failures + 1;
    const after = await this.#look();
    if (after === null || after.ledger.pending !== null) return true;
    await this.#rests(after);
    return true;
  }

  #settlement(order: Order, outcome: OrderOutcome): Settlement {
    const settlement = settlementOf(order, outcome);
    const swept = this.#gate.stopped !== "" && settlement.refusal === "order_unknown";
    return swept ? { ...settlement, canceled: null } : settlement;
  }

  async #submit(payload: Uint8Array, expected: number): Promise<Result<readonly OrderOutcome[]>> {
    const { home, market } = this.#start.instrument;
    const subject = codec.submitSubject(home, market);
    this.#context.signal.throwIfAborted();
    const reply = await this.#ports.bus.request(subject, payload, replyTimeout);
    this.#context.signal.throwIfAborted();
    // Whatever kept the answer away, nobody knows; the same bytes are sent again.
    if (!reply.ok) return refuse("timeout", reply.failure.reason, "it is sent again");
    const answer = codec.decodeSubmitReply(reply.value, expected);
    if (!answer.ok) return refuse("timeout", answer.failure.reason, "it is sent again");
    if (answer.value.refusal !== null) return { ok: false, failure: answer.value.refusal };
    return { ok: true, value: answer.value.outcomes };
  }

  /** What is left of the own orders: others trade with them between two looks. */
  async #reconcile({ ledger }: TraderState<Memo>): Promise<void> {
    const { home, market } = this.#start.instrument;
    const lowest = Math.min(...ledger.live.map(({ orderId }) => orderId));
    const reply = await this.#ports.bus.request(
      codec.ordersSubject(home, market),
      codec.encodeOrdersRequest(this.#start.account, lowest - 1),
      replyTimeout,
    );
    const page = reply.ok ? codec.decodeOrdersReply(reply.value) : null;
    if (page === null || !page.ok || page.value.more) return;
    const left = new Map(page.value.orders.map((order) => [order.orderId, order.remaining]));
    const resting = ledger.live.flatMap(({ orderId, remaining }) => {
      const found = left.get(orderId) ?? 0;
      return found === remaining ? [] : [{ orderId, remaining: found }];
    });
    if (resting.length === 0) return;
    const commandId = this.#commandId("reconcile");
    await this.#ask({ type: "reconcile", commandId, resting });
  }

  async #readBook(): Promise<void> {
    const { home, market } = this.#start.instrument;
    const reply = await this.#ports.bus.request(
      codec.bookSubject(home, market),
      codec.encodeBookRequest(1),
      replyTimeout,
    );
    const book = reply.ok ? codec.decodeBook(reply.value, this.#context.clock.monotonic()) : null;
    if (book !== null) this.#view.send(book);
  }

  #stands(state: TraderState<Memo>): void {
    const limited = this.#limited !== null;
    this.#context.lifecycle.send(lifecycleOf(state, this.#failures, limited) as never);
    this.#report(state);
  }

  async #failed(failure: Failure): Promise<void> {
    // Of several cells of the region one owns the market: the next question soon reaches that one.
    const most = failure.code === "not_owner" ? ownerTries : Number.POSITIVE_INFINITY;
    this.#failures = Math.min(this.#failures + 1, most);
    this.#detail = failure.code;
    this.#context.lifecycle.send({ type: "back_off" } as never);
    const state = await this.#look();
    if (state !== null) this.#report(state);
  }

  #fenced(failure: Failure): false {
    this.#ports.stale(this.#start.id);
    this.#detail = failure.reason;
    this.#context.lifecycle.send({ type: "fenced" });
    this.#context.log.warn({ failure }, "this incarnation is over; it sends nothing more");
    this.#report(initialTrader());
    return false;
  }

  #report(trader: TraderState<Memo>): void {
    const state = this.#visibleState(trader);
    const now = this.#context.clock.monotonic();
    if (state === this.#reportedState && now - this.#reportedAt < reportEvery) return;
    this.#reportedState = state;
    this.#reportedAt = now;
    const view = this.#view.getSnapshot().context;
    this.#ports.report(this.#start, {
      state,
      detail: this.#detail,
      trader,
      view,
      limit: this.#gate.report,
    });
  }

  #visibleState({ phase }: TraderState<Memo>): string {
    const lifecycle = this.#context.lifecycle.state();
    if (lifecycle === "fenced") return "fenced";
    if (phase !== "running") return phase;
    return lifecycle.replace("active.", "");
  }

  #commandId(kind: string): string {
    this.#asked += 1;
    const { incarnation } = this.#start.sender;
    return `${kind}/${incarnation}/${this.#context.incarnation}/${this.#asked}`;
  }

  #backOff(): DurationNs {
    const doubled = firstBackOff * 2 ** Math.min(this.#failures - 1, 10);
    return Math.min(longestBackOff, doubled) as DurationNs;
  }

  #sleep(delay: DurationNs): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#context.after(delay, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }
}

function lifecycleOf(
  { phase, ledger }: TraderState<unknown>,
  failures: number,
  limited: boolean,
): { readonly type: string } {
  switch (phase) {
    case "running":
    case "flattening":
      if (limited) return { type: "limit" };
      if (failures > 0) return { type: "back_off" };
      return { type: ledger.sent === 0 ? "look" : "work" };
    case "paused":
      return { type: "rest" };
    case "stopping":
      return { type: "wind_down" };
    case "stopped":
    case "done":
      return { type: "end" };
    default:
      return unreachable(phase);
  }
}

const stopFailure = (reason: string): Failure => ({
  code: "account_killed",
  reason,
  next: "have it resumed by two persons",
});

const refusedBy = ({ code }: Failure): Settlement => ({
  refusal: code,
  orderId: 0,
  executed: 0,
  value: "0",
  canceled: 0,
  remaining: 0,
});
