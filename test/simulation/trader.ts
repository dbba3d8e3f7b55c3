import type { MarketDefinition } from "../../actors/region/messages.ts";
import type { SeededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import { durationNs } from "../../actors/kernel/units.ts";
import { wire } from "../../schemas/messages.ts";
import { commandSubject } from "../../schemas/subjects.ts";
import { Life, type Scheduler } from "./scheduler.ts";
import { SimulatedBus, type SimulatedSwitch } from "./simulated-bus.ts";
import { SimulatedClock } from "./simulated-clock.ts";

const { SubmitRequest, SubmitReply, Side, OrderType, TimeInForce, DurabilityMode } = wire.market.v1;

/** Refusals that say nothing about the command: the same number goes again. */
const passing = new Set([
  "market_stopped",
  "busy",
  "ring_full",
  "not_durable",
  "not_owner",
  "unavailable",
  "internal",
]);
const ANSWER_NS = durationNs(2_000_000_000);
/** Any of several cells may get a request, and only one of them owns the market. */
const LONGEST_PAUSE_NS = 300e6;
const COMMANDS_PER_REQUEST = 5;
const ORDERS_KEPT = 12;

/** What a client was told of one command. */
export interface Acknowledgement {
  readonly market: string;
  readonly session: number;
  readonly number: number;
  readonly mode: "matched" | "durable" | "replicated";
  readonly epoch: number;
  readonly at: number;
  readonly sequence: number;
  readonly orderId: number;
  readonly executed: number;
  readonly refusal: string;
}

/** A client of one market: one request at a time, sent again with the same numbers until it is answered. */
export class Trader {
  readonly session: number;
  readonly acknowledged: Acknowledgement[] = [];
  /** A request that has no final answer yet: since when. */
  waitingSince: number | null = null;
  /** Commands sent at least once. */
  sent = 0;
  requests = 0;
  readonly #life: Life;
  readonly #bus: SimulatedBus;
  readonly #scheduler: Scheduler;
  readonly #random: SeededRandomness;
  readonly #market: MarketDefinition;
  readonly #account: number;
  readonly #pauseNs: number;
  readonly #regions: readonly string[];
  #region: string;
  #number = 0;
  #orders: number[] = [];
  #stopped = false;

  constructor(
    shared: SimulatedSwitch,
    index: number,
    site: number,
    market: MarketDefinition,
    random: SeededRandomness,
    commandsPerSecond: number,
    regions: readonly string[],
  ) {
    this.#scheduler = shared.scheduler;
    this.#random = random;
    this.#market = market;
    this.#regions = regions;
    this.#region = market.home;
    this.#account = 1 + index;
    this.session = 1_000 + index;
    this.#pauseNs = (1e9 * (1 + COMMANDS_PER_REQUEST)) / 2 / commandsPerSecond;
    this.#life = new Life(`trader-${index}`);
    const time = { rate: 1, wallOffset: 0, frozen: 0 };
    const clock = new SimulatedClock(shared.scheduler, this.#life, time);
    this.#bus = new SimulatedBus(shared, this.#life, site, clock);
  }

  start(): void {
    this.#later();
  }

  /** Sends nothing new; what waits is sent until it is answered. */
  stop(): void {
    this.#stopped = true;
  }

  /** One more order, whatever was stopped. */
  probe(): void {
    if (this.waitingSince === null) this.#send(1);
  }

  #later(): void {
    // Exponential, so that bursts occur.
    const pause = -Math.log(1 - this.#random.unit()) * this.#pauseNs;
    this.#scheduler.in(pause, this.#life, "think", () => {
      if (this.#stopped || this.waitingSince !== null) return;
      this.#send(1 + this.#random.below(COMMANDS_PER_REQUEST));
    });
  }

  #send(count: number): void {
    const commands = Array.from({ length: count }, () => this.#command());
    this.sent += count;
    this.waitingSince = this.#scheduler.now;
    const payload = SubmitRequest.encode({ session: this.session, commands }).finish();
    void this.#deliver(payload);
  }

  async #deliver(payload: Uint8Array): Promise<void> {
    const { market } = this.#market;
    for (let tries = 0; ; tries += 1) {
      this.requests += 1;
      const answer = await this.#bus.request(
        commandSubject(this.#region, market, "submit"),
        payload,
        ANSWER_NS,
      );
      const reply = answer.ok ? SubmitReply.decode(answer.value) : null;
      if (reply !== null && this.#take(reply)) break;
      this.#redirect(reply);
      const pause = Math.min(50e6 * 2 ** Math.min(tries, 3), LONGEST_PAUSE_NS);
      await new Promise<void>((resolve) => {
        this.#scheduler.in(pause * (0.5 + this.#random.unit()), this.#life, "again", resolve);
      });
    }
    this.waitingSince = null;
    if (!this.#stopped) this.#later();
  }

  /** Where the refusal says, or to the next region when nobody serves it in this one: as the SDK's client. */
  #redirect(reply: wire.market.v1.SubmitReply | null): void {
    const told = reply?.refusal?.region ?? "";
    if (told !== "") this.#region = told;
    else if (reply === null || reply.refusal?.code === "market_stopped") {
      const at = this.#regions.indexOf(this.#region);
      this.#region = this.#regions[(at + 1) % this.#regions.length] ?? this.#region;
    }
  }

  /** True when every command has its final outcome. */
  #take(reply: wire.market.v1.SubmitReply): boolean {
    const code = reply.refusal?.code ?? "";
    if (code !== "" && !passing.has(code)) {
      throw new Error(`${this.#life.name} was refused: ${code}`);
    }
    if (!isFinal(reply)) return false;
    const at = this.#scheduler.now;
    this.acknowledged.push(...acknowledgements(reply, this.#market.market, this.session, at));
    for (const outcome of reply.outcomes ?? []) {
      if ((outcome.remaining ?? 0) > 0) this.#orders.push(outcome.orderId ?? 0);
    }
    this.#orders = this.#orders.slice(-ORDERS_KEPT);
    return true;
  }

  #command(): wire.market.v1.ICommand {
    this.#number += 1;
    const base = { number: this.#number, account: this.#account };
    const drawn = this.#random.below(10);
    const own = this.#orders[this.#random.below(Math.max(1, this.#orders.length))];
    const { tick, lot } = this.#market;
    const buys = this.#random.below(2) === 0;
    const price = (1_000 + this.#random.below(9) - 4) * tick;
    const quantity = (1 + this.#random.below(5)) * lot;
    if (drawn < 2 && own !== undefined) return { ...base, cancel: { orderId: own } };
    if (drawn < 3 && own !== undefined) {
      return { ...base, replace: { orderId: own, price, quantity } };
    }
    return {
      ...base,
      place: {
        side: buys ? Side.SIDE_BUY : Side.SIDE_SELL,
        orderType: OrderType.ORDER_TYPE_LIMIT,
        timeInForce: drawn < 4 ? TimeInForce.TIME_IN_FORCE_IOC : TimeInForce.TIME_IN_FORCE_DAY,
        price,
        quantity,
      },
    };
  }
}

/** Whether a reply says what became of every command, for good. */
export function isFinal(reply: wire.market.v1.SubmitReply): boolean {
  if (reply.refusal !== null && reply.refusal !== undefined) return false;
  return !(reply.outcomes ?? []).some((outcome) => passing.has(outcome.refusal?.code ?? ""));
}

/** What a final reply has promised. */
export function acknowledgements(
  reply: wire.market.v1.SubmitReply,
  market: string,
  session: number,
  at: number,
): readonly Acknowledgement[] {
  return (reply.outcomes ?? []).map((outcome) => ({
    market,
    session,
    number: outcome.number ?? 0,
    mode: modeOf(reply.durability ?? 0),
    epoch: reply.epoch ?? 0,
    at,
    sequence: outcome.sequence ?? 0,
    orderId: outcome.orderId ?? 0,
    executed: outcome.executed ?? 0,
    refusal: outcome.refusal?.code ?? "",
  }));
}

function modeOf(mode: wire.market.v1.DurabilityMode): Acknowledgement["mode"] {
  if (mode === DurabilityMode.DURABILITY_MODE_REPLICATED) return "replicated";
  return mode === DurabilityMode.DURABILITY_MODE_DURABLE ? "durable" : "matched";
}
