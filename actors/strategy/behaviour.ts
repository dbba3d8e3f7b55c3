import type { ActorBehaviour, ActorContext } from "../kernel/actor.ts";
import { seededRandomness } from "../kernel/seeded-randomness.ts";
import type { DurationNs } from "../kernel/units.ts";
import {
  arrivalsOfMeanRate,
  type ArrivalState,
  nextArrival,
  quiet,
} from "../models/point-processes/hawkes-arrivals.ts";
import { certain } from "../models/numerics/failure.ts";
import type { StrategyPorts } from "./actor.ts";
import {
  bookSubject,
  decodeBookReply,
  decodeOrdersReply,
  decodeSubmitReply,
  decodeTouch,
  encodeBookRequest,
  encodeOrdersRequest,
  encodeSubmit,
  ordersSubject,
  submitSubject,
  touchSubject,
} from "./codec.ts";
import {
  backoff,
  decide,
  evolve,
  flowParameters,
  isNotNow,
  seen,
  startOfFlow,
  undone,
} from "./decide.ts";
import { type StrategyMachine, strategyMachine } from "./machine.ts";
import type {
  FlowAnswer,
  FlowCommand,
  FlowCounters,
  FlowState,
  LiveOrder,
  StrategyMessage,
  StrategyStart,
} from "./messages.ts";

/** Six arrivals in ten are caused by earlier ones, within an eighth of a second on average. */
const clustering = { branching: 0.6, decay: 8 } as const;
/** Commands of one request; more arrivals wait for its answer. */
const batchLimit = 32;
/** Arrivals that wait at most; more are left out and counted. */
const waitingLimit = 128;
/** Pages of own orders read at a start; what is beyond them is found at the next one. */
const pageLimit = 20;
const replyTimeout = 5_000_000_000 as DurationNs;
const second = 1_000_000_000;

/** A request whose answer is awaited; sent again byte for byte while nobody knows its fate. */
interface Request {
  readonly commands: readonly FlowCommand[];
  readonly payload: Uint8Array;
}

/** Orders arrive as a Hawkes process and go through the front door, one request at a time. */
export class FlowBehaviour implements ActorBehaviour<StrategyMessage, never, StrategyMachine> {
  readonly machine = strategyMachine;
  readonly input = undefined;
  readonly #context: ActorContext<StrategyMessage, StrategyMachine>;
  readonly #start: StrategyStart;
  readonly #ports: StrategyPorts;
  readonly #counters: FlowCounters;
  readonly #session: number;
  readonly #uniform: () => number;
  readonly #arrivalUniform: () => number;
  readonly #parameters;
  readonly #arrivals;
  #excitement: ArrivalState;
  #state: FlowState = startOfFlow;
  /** Arrivals whose command is not decided yet. */
  #waiting = 0;
  #nextAt = 0;
  #cancelArrival: () => void = () => {};
  #inFlight = false;
  #failures = 0;

  constructor(
    context: ActorContext<StrategyMessage, StrategyMachine>,
    start: StrategyStart,
    ports: StrategyPorts,
  ) {
    this.#context = context;
    this.#start = start;
    this.#ports = ports;
    this.#counters = ports.counters(start.market);
    this.#session = ports.session();
    // Two generators: how long the market takes to answer never changes what is decided next.
    const randomness = seededRandomness(start.seed);
    const decisions = randomness.fork("decisions");
    const times = randomness.fork("arrivals");
    this.#uniform = () => decisions.unit();
    this.#arrivalUniform = () => times.unit();
    this.#parameters = flowParameters(start);
    this.#arrivals = certain(arrivalsOfMeanRate(start.rate, clustering));
    this.#excitement = quiet(this.#arrivals);
  }

  restore(): Promise<void> {
    const { bus, paused } = this.#ports;
    const subscription = bus.subscribe(
      touchSubject(this.#start.market),
      this.#context.callback((_subject: string, payload: Uint8Array) => {
        const found = decodeTouch(payload);
        if (found !== null)
          this.#state = seen(this.#state, found.touch, found.sequence, found.last);
      }),
    );
    this.#context.onExit(() => subscription.unsubscribe());
    if (!paused()) this.#resume();
    return Promise.resolve();
  }

  receive(message: StrategyMessage): void {
    if (message.paused) {
      this.#context.lifecycle.send({ type: "pause" });
      this.#cancelArrival();
      this.#waiting = 0;
    } else if (this.#context.lifecycle.state() === "paused") {
      this.#resume();
    }
  }

  #resume(): void {
    this.#context.lifecycle.send({ type: "resume" });
    this.#look();
  }

  /** Asks for the book until there is an answer: the market may be starting. */
  #look(): void {
    const { region, market } = this.#start;
    this.#context.run(async () => {
      const reply = await this.#ports.bus.request(
        bookSubject(region, market),
        encodeBookRequest(),
        replyTimeout,
      );
      const book = reply.ok ? decodeBookReply(reply.value) : null;
      const own = book === null || "refusal" in book ? null : await this.#ownOrders();
      if (this.#context.lifecycle.state() !== "looking") return;
      if (book === null || "refusal" in book || own === null) {
        this.#failures += 1;
        this.#context.after(backoff(this.#failures) as DurationNs, () => {
          if (this.#context.lifecycle.state() === "looking") this.#look();
        });
        return;
      }
      this.#failures = 0;
      this.#state = seen({ ...this.#state, live: own }, book.touch, book.sequence, 0);
      this.#context.lifecycle.send({ type: "book" });
      this.#nextAt = this.#context.clock.monotonic();
      this.#scheduleArrival();
    });
  }

  /** Orders of an earlier life, or of before a pause: they are canceled in time like all others. */
  async #ownOrders(): Promise<readonly LiveOrder[] | null> {
    const { region, market, makerAccount } = this.#start;
    const found: LiveOrder[] = [];
    for (let page = 0; page < pageLimit; page += 1) {
      const reply = await this.#ports.bus.request(
        ordersSubject(region, market),
        encodeOrdersRequest(makerAccount, found.at(-1)?.orderId ?? 0),
        replyTimeout,
      );
      const listed = reply.ok ? decodeOrdersReply(reply.value) : null;
      if (listed === null) return null;
      found.push(...listed.orders);
      if (!listed.more) break;
    }
    return found;
  }

  #scheduleArrival(): void {
    const arrival = nextArrival(this.#arrivals, this.#excitement, this.#arrivalUniform);
    this.#excitement = arrival.state;
    const now = this.#context.clock.monotonic();
    // Times count from the arrival before, so that late timers do not lower the rate; but after a
    // long stall the lost time is not made up for.
    this.#nextAt = Math.max(this.#nextAt, now - second) + arrival.wait * second;
    const wait = Math.max(0, Math.round(this.#nextAt - now)) as DurationNs;
    this.#cancelArrival = this.#context.after(wait, () => {
      if (this.#waiting < waitingLimit) this.#waiting += 1;
      else this.#counters.skipped(1);
      this.#submit();
      this.#scheduleArrival();
    });
  }

  #submit(): void {
    if (this.#inFlight || this.#waiting === 0) return;
    if (this.#context.lifecycle.state() !== "running") return;
    const commands: FlowCommand[] = [];
    while (this.#waiting > 0 && commands.length < batchLimit) {
      const decided = decide(this.#parameters, this.#state, this.#uniform);
      this.#state = decided.state;
      commands.push(decided.command);
      this.#waiting -= 1;
    }
    this.#counters.sent(commands.length);
    const payload = encodeSubmit(this.#session, this.#start, commands);
    this.#inFlight = true;
    this.#send({ commands, payload });
  }

  #send(request: Request): void {
    const { region, market } = this.#start;
    this.#context.run(async () => {
      const before = this.#context.clock.monotonic();
      const subject = submitSubject(region, market);
      const reply = await this.#ports.bus.request(subject, request.payload, replyTimeout);
      const answer: FlowAnswer = reply.ok ? decodeSubmitReply(reply.value) : { type: "unknown" };
      if (answer.type === "unknown") {
        // The numbers make it safe: what was processed is answered with its first outcome.
        this.#backOff("unknown", () => this.#send(request));
        return;
      }
      this.#counters.answered(this.#context.clock.monotonic() - before);
      this.#inFlight = false;
      const code = this.#learn(request.commands, answer);
      if (code === null) {
        this.#failures = 0;
        this.#submit();
      } else {
        this.#backOff(code, () => this.#submit());
      }
    });
  }

  /** Takes an answer in; returns the code of a refusal that means "not now", else null. */
  #learn(
    commands: readonly FlowCommand[],
    answer: Exclude<FlowAnswer, { type: "unknown" }>,
  ): string | null {
    if (answer.type === "refused") {
      for (const _command of commands) this.#counters.refused(answer.code);
      this.#state = undone(this.#state, commands);
      return isNotNow(answer.code) ? answer.code : null;
    }
    let slow: string | null = null;
    for (const [index, outcome] of answer.outcomes.entries()) {
      const command = commands[index];
      if (command === undefined) break;
      this.#state = evolve(this.#state, command, outcome);
      if (outcome.refusal === null) continue;
      this.#counters.refused(outcome.refusal);
      if (isNotNow(outcome.refusal)) slow = outcome.refusal;
    }
    return slow;
  }

  #backOff(code: string, next: () => void): void {
    this.#failures += 1;
    this.#waiting = Math.min(this.#waiting, batchLimit);
    this.#context.lifecycle.send({ type: "not_now" });
    if (this.#failures === 1)
      this.#context.log.info({ code }, "the market says not now; backing off");
    this.#context.after(backoff(this.#failures) as DurationNs, () => {
      this.#context.lifecycle.send({ type: "again" });
      next();
    });
  }
}
