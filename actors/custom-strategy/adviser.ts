import type { RefusalCode } from "../../schemas/refusals.ts";
import type { Failure, Result } from "../kernel/result.ts";
import {
  FEATURES,
  type FeatureStream,
  featureStream,
} from "../models/microstructure/feature-stream.ts";
import type { MarketView } from "../trading/market-view.ts";
import type { TraderState } from "../trading/messages.ts";
import type { Adviser, TraderContext } from "../trading/trader.ts";
import { checkDecision } from "./codec.ts";
import type { CustomAdvice, CustomStrategyMemo, CustomStrategyStart } from "./messages.ts";

/** The process of one strategy, as its actor sees it. */
export interface StrategyProcess {
  /** One decision, unchecked. Failure codes: strategy_failed, strategy_ended. */
  ask(question: {
    readonly state: unknown;
    readonly fresh: boolean;
    readonly view: {
      readonly features: readonly (number | null)[];
      readonly [field: string]: unknown;
    };
  }): Promise<Result<unknown>>;
  end(reason: string): void;
  /** Resolves with the reason when it is gone. */
  readonly ended: Promise<string>;
}

/** Starts processes. Failure codes: strategy_invalid, too_large, unavailable, no_room. */
export interface StrategyProcesses {
  start(id: string, source: string): Promise<Result<StrategyProcess>>;
  /** Starts it once and ends it again. Failure codes as start. */
  check(source: string): Promise<Result<void>>;
}

const givenUp = "strategy_given_up" satisfies RefusalCode;
/** A strategy that fails so often within the time is not asked again. */
const faultsAllowed = 5;
const faultsWithin = 60_000_000_000;
const ownFaults: ReadonlySet<string> = new Set([
  "strategy_failed",
  "strategy_ended",
  "strategy_invalid",
]);

const featureParameters = {
  decayNs: 10_000_000_000,
  microprice: null,
  bucketVolume: 1_000,
  buckets: 50,
};

/** Asks a strategy's process before each plan, starts it again when it is gone, and gives it up for good. */
export function adviserOf(
  context: TraderContext,
  start: CustomStrategyStart,
  processes: StrategyProcesses,
): Adviser<CustomStrategyMemo> {
  const asking = new Asking(context, start, processes);
  context.onExit(() => asking.end());
  return (state, view) => asking.ask(state, view);
}

type Asked = Awaited<ReturnType<Adviser<CustomStrategyMemo>>>;

class Asking {
  readonly #context: TraderContext;
  readonly #start: CustomStrategyStart;
  readonly #processes: StrategyProcesses;
  readonly #features: FeatureStream;
  #process: StrategyProcess | null = null;
  #gone: string | null = null;
  #faults: number[] = [];
  #last: Failure | null = null;
  #exited = false;

  constructor(context: TraderContext, start: CustomStrategyStart, processes: StrategyProcesses) {
    this.#context = context;
    this.#start = start;
    this.#processes = processes;
    const features = featureStream(featureParameters);
    if (!features.ok) throw new Error(features.failure.why);
    this.#features = features.value;
  }

  end(): void {
    this.#exited = true;
    this.#process?.end("its actor has ended");
  }

  async ask(state: TraderState<CustomStrategyMemo>, view: MarketView): Promise<Asked> {
    const now = this.#context.clock.monotonic();
    this.#faults = this.#faults.filter((at) => at > now - faultsWithin);
    if (this.#faults.length >= faultsAllowed) return this.#givenUp();
    const decided = await this.#decide(state, view);
    if (decided.ok) {
      const advice: CustomAdvice = { type: "decided", ...decided.value };
      return { advice, failure: null };
    }
    // Where there is no room for it, it has done nothing wrong.
    if (!ownFaults.has(decided.failure.code)) return this.#failed(decided.failure, false);
    this.#faults.push(this.#context.clock.monotonic());
    this.#last = decided.failure;
    this.#context.log.warn({ failure: decided.failure }, "a user's strategy failed");
    if (this.#faults.length >= faultsAllowed) return this.#givenUp();
    return this.#failed(decided.failure, false);
  }

  #givenUp(): Asked {
    const last = this.#last === null ? "" : `${this.#last.code}: ${this.#last.reason} `;
    const failure: Failure = {
      code: givenUp,
      reason: `${last}(${faultsAllowed} failures within a minute)`,
      next: "correct the file and spawn it under another key, or restart it",
    };
    return this.#failed(failure, true);
  }

  #failed(failure: Failure | null, final: boolean): Asked {
    const advice: CustomAdvice = { type: "failed", final };
    return { advice, failure };
  }

  async #decide(
    { ledger, memo }: TraderState<CustomStrategyMemo>,
    view: MarketView,
  ): Promise<ReturnType<typeof checkDecision>> {
    const running = await this.#running();
    if (!running.ok) return running;
    const { tick, lot } = this.#start.instrument;
    const seen = {
      time: view.at,
      bidPrice: view.bid / tick,
      bidQuantity: view.bidQuantity / lot,
      askPrice: view.ask / tick,
      askQuantity: view.askQuantity / lot,
    };
    // An empty side or an old time has no features; the ones before stand.
    this.#features.quote(
      seen.time,
      seen.bidPrice,
      seen.bidQuantity,
      seen.askPrice,
      seen.askQuantity,
    );
    const answer = await running.value.ask({
      state: memo?.state ?? null,
      fresh: memo === null,
      view: {
        ...seen,
        features: Array.from({ length: FEATURES }, (_, index) => this.#features.values[index] ?? 0),
        inventory: ledger.inventory / lot,
        cash: Number(ledger.cash) / (tick * lot),
      },
    });
    return answer.ok ? checkDecision(answer.value) : answer;
  }

  async #running(): Promise<Result<StrategyProcess>> {
    if (this.#process !== null && this.#gone === null) {
      return { ok: true, value: this.#process };
    }
    const started = await this.#processes.start(this.#start.id, this.#start.parameters.source);
    if (!started.ok) return started;
    const process = started.value;
    this.#process = process;
    this.#gone = null;
    void process.ended.then((reason) => {
      if (this.#process === process) this.#gone = reason;
    });
    if (this.#exited) process.end("its actor has ended");
    return started;
  }
}
