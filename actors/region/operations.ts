import type { ActorContext } from "../kernel/actor.ts";
import type { LogLevel } from "../kernel/ports/log.ts";
import type { DurabilityMode, MarketState } from "../kernel/ports/matching-engine.ts";
import { type Failure, ok, refuse, type Result, unreachable } from "../kernel/result.ts";
import { SerialQueue } from "../kernel/serial-queue.ts";
import type { DurationNs } from "../kernel/units.ts";
import type { RegionPorts } from "./actor.ts";
import {
  decodeOperation,
  encodeDrillReply,
  encodeFailover,
  encodeFlow,
  encodeLogLevel,
  encodeMarket,
  encodeRefusal,
  encodeStatus,
} from "./codec.ts";
import { decide, hosts, listedMarket } from "./decide.ts";
import type { Directory } from "./directory.ts";
import type { Drills } from "./drills.ts";
import type { FailoverAnswer, Failovers } from "./failovers.ts";
import type { RegionMachine } from "./machine.ts";
import type {
  DefinitionInput,
  ListedMarket,
  MarketDefinition,
  OperationVerb,
  RegionEvent,
  RegionMessage,
  RegionReport,
  RegionState,
} from "./messages.ts";
import { absentReport } from "./report.ts";

/** A created market is awaited this long before the reply tells its present state. */
const openWithin = 10_000_000_000;
/** Creations, halts and resumes under way at most; one more is refused `busy`. */
const changesLimit = 64;
const lookEvery = 100_000_000 as DurationNs;

const logLevels: readonly LogLevel[] = ["error", "warn", "info"];

export interface OperationsOf {
  readonly cell: string;
  readonly context: ActorContext<RegionMessage, RegionMachine>;
  readonly ports: RegionPorts;
  readonly directory: Directory;
  readonly state: () => RegionState;
  readonly evolve: (event: RegionEvent) => void;
  /** `brief`: without the markets. */
  readonly report: (brief: boolean) => Promise<RegionReport>;
  readonly phase: () => "yes" | "starting" | "draining";
  readonly startMarket: (definition: MarketDefinition) => Promise<Result<void>>;
  readonly failovers: Failovers;
  readonly drills: Drills;
}

/** The operations services of a region: one decoded request, one encoded reply. */
export class Operations {
  readonly #of: OperationsOf;
  readonly #creations = new SerialQueue();
  /** Changes of markets that are under way or wait for their turn. */
  #changes = 0;

  constructor(of: OperationsOf) {
    this.#of = of;
  }

  /** Resolves when the next request may be handled, which can be before the reply. */
  async handle(
    verb: OperationVerb,
    payload: Uint8Array,
    reply: (payload: Uint8Array) => void,
  ): Promise<void> {
    const request = decodeOperation(verb, payload);
    if (request === null) {
      this.#of.context.system.deadLetters.add(this.#of.context.path, "malformed", {
        verb,
        bytes: payload.length,
      });
      reply(
        this.#refusal(
          refuse(
            "malformed",
            `the ${payload.length} bytes are no ${verb} request`,
            "encode it as schemas/control/v1/control.proto says",
          ).failure,
        ),
      );
      return;
    }
    switch (request.verb) {
      case "status":
        reply(encodeStatus(await this.#of.report(request.brief)));
        return;
      case "market-history":
        this.#history(request.market, request.payload, reply);
        return;
      case "flow":
        reply(this.#flow(request.paused));
        return;
      case "log-level":
        reply(this.#logLevel(request.level, request.actor));
        return;
      case "market-create":
        // One after another: each is decided on what the ones before have made.
        this.#aside(
          reply,
          (work) => this.#creations.enqueue(work),
          async () => {
            await this.#create(request.definition, request.by, reply);
          },
        );
        return;
      case "market-halt":
      case "market-resume": {
        const wanted = request.verb === "market-halt" ? "halted" : "open";
        this.#aside(
          reply,
          (work) => void work(),
          async () => {
            reply(await this.#setState(request.market, wanted, request.reason, request.by));
          },
        );
        return;
      }
      case "market-phase":
        this.#aside(
          reply,
          (work) => void work(),
          async () => {
            const { market, phase, reason, by } = request;
            reply(await this.#setState(market, phase, reason, by));
          },
        );
        return;
      case "market-mode":
        this.#aside(
          reply,
          (work) => void work(),
          async () => {
            const { market, mode, reason, by } = request;
            reply(await this.#setMode(market, mode, reason, by));
          },
        );
        return;
      case "failover":
        this.#aside(
          reply,
          (work) => void work(),
          async () => reply(this.#failoverReply(await this.#of.failovers.ask(request.request))),
        );
        return;
      case "failover-abort": {
        const { id, by, reason } = request;
        reply(this.#failoverReply(this.#of.failovers.abort(id, by, reason)));
        return;
      }
      case "drill-record":
        this.#aside(
          reply,
          (work) => void work(),
          async () => {
            const recorded = await this.#of.drills.record(request.drill);
            reply(recorded.ok ? encodeDrillReply(recorded.value) : this.#refusal(recorded.failure));
          },
        );
        return;
      case "approve":
        reply(this.#failoverReply(this.#of.failovers.approve(request.id, request.by)));
        return;
      default:
        unreachable(request);
    }
  }

  /** Beside the mailbox: a market that is slow to answer keeps nobody else waiting. */
  #history(market: string, payload: Uint8Array, reply: (payload: Uint8Array) => void): void {
    const listed = this.#ofRegion(market);
    if (!listed.ok) {
      reply(this.#refusal(listed.failure));
      return;
    }
    this.#of.context.run(async () => {
      const answer = await this.#of.ports.markets.request(market, "history", payload);
      reply(answer.ok ? answer.value : this.#refusal(marketFailure(market, answer.failure)));
    });
  }

  /** Failure code: market_unknown. */
  #ofRegion(market: string): Result<ListedMarket> {
    const state = this.#of.state();
    const { region } = state;
    const listed = listedMarket(state, market);
    if (listed !== null && hosts(state, listed.definition)) return ok(listed);
    const where =
      listed === null ? "" : `; its home is ${listed.definition.home}, send it to that region`;
    return refuse(
      "market_unknown",
      `${JSON.stringify(market.slice(0, 64))} is no market of ${region}${where}`,
      "`npx meridian market list` names the markets",
    );
  }

  /**
   * Does what waits for the store or a market beside the mailbox: the status, above all, is answered
   * meanwhile. `begin` decides when.
   */
  #aside(
    reply: (payload: Uint8Array) => void,
    begin: (work: () => Promise<void>) => void,
    work: () => Promise<void>,
  ): void {
    if (this.#changes >= changesLimit) {
      reply(
        this.#refusal(
          refuse("busy", `${changesLimit} changes are under way`, "try again in a moment").failure,
        ),
      );
      return;
    }
    this.#changes += 1;
    const { context } = this.#of;
    begin(
      () =>
        new Promise((resolve) => {
          context.run(async () => {
            try {
              await work();
            } finally {
              this.#changes -= 1;
              resolve();
            }
          });
        }),
    );
  }

  #refusal(failure: Failure): Uint8Array {
    this.#of.ports.refusals.count(failure.code);
    return encodeRefusal(failure);
  }

  #flow(paused: boolean): Uint8Array {
    const decided = decide(this.#of.state(), { type: "pause_flow", paused });
    if (!decided.ok) return this.#refusal(decided.failure);
    for (const event of decided.value) this.#of.evolve(event);
    return encodeFlow({ paused, ...this.#of.ports.flow.totals() });
  }

  /** Failure codes: parameters_invalid, limit_reached, unavailable. */
  #logLevel(level: string, actor: string): Uint8Array {
    const { ports, context, state } = this.#of;
    const { logs } = ports;
    if (logs === undefined) {
      return this.#refusal(refuse("unavailable", "this cell has a log of one level").failure);
    }
    const known = logLevels.find((one) => one === level);
    if (level !== "" && level !== "default" && known === undefined) {
      const reason = `no level ${JSON.stringify(level.slice(0, 32))}`;
      const next = `one of ${[...logLevels, "default"].join(", ")}`;
      return this.#refusal(refuse("parameters_invalid", reason, next).failure);
    }
    if (
      actor !== "" &&
      actor !== `/${state().region}` &&
      !actor.startsWith(`/${state().region}/`)
    ) {
      const reason = `${JSON.stringify(actor.slice(0, 128))} is no path of this region`;
      const next = "`npx meridian tree` shows the paths";
      return this.#refusal(refuse("parameters_invalid", reason, next).failure);
    }
    if (level === "default") logs.clear(actor);
    else if (known !== undefined) {
      const set = logs.set(known, actor);
      if (!set.ok) return this.#refusal(set.failure);
    }
    if (level !== "") context.log.info({ level, of: actor }, "log level changed");
    return encodeLogLevel(this.#of.cell, logs);
  }

  async #create(
    input: DefinitionInput,
    by: string,
    reply: (payload: Uint8Array) => void,
  ): Promise<void> {
    const { context, directory, state, evolve, phase } = this.#of;
    if (phase() !== "yes") {
      const failure = refuse(
        "market_stopped",
        `the cell is ${phase() === "starting" ? "starting" : "stopping"}`,
        "try again in a moment",
      );
      reply(this.#refusal(failure.failure));
      return;
    }
    // What other regions have created meanwhile decides about names and shards as well.
    const fresh = await directory.load(state());
    if (fresh.ok) for (const event of fresh.value) evolve(event);
    const decided = decide(state(), { type: "create_market", definition: input });
    if (!decided.ok) {
      reply(this.#refusal(decided.failure));
      return;
    }
    for (const event of decided.value) {
      if (event.type !== "market_listed") continue;
      const created = await directory.create(event.definition);
      if (!created.ok) {
        reply(this.#refusal(created.failure));
        return;
      }
      evolve(event);
      context.log.info({ market: event.definition.market, by }, "market created");
    }
    const listed = listedMarket(state(), input.market);
    if (listed === null) return;
    const started = await this.#of.startMarket(listed.definition);
    if (!started.ok) {
      reply(this.#refusal(startFailure(started.failure)));
      return;
    }
    // Opening takes a round of the journal; other requests are not kept waiting for it.
    context.run(async (signal) => {
      reply(await this.#whenOpen(listed.definition, signal));
    });
  }

  async #whenOpen(definition: MarketDefinition, signal: AbortSignal): Promise<Uint8Array> {
    const { context, ports } = this.#of;
    const deadline = context.clock.monotonic() + openWithin;
    for (;;) {
      const report = await ports.markets.report(definition.market);
      const found = report.ok
        ? report.value
        : absentReport(definition, "its actor has not answered yet");
      const settled = found.state === "open" || found.state === "halted";
      if (settled || found.state === "failed" || signal.aborted) return encodeMarket(found);
      if (context.clock.monotonic() >= deadline) return encodeMarket(found);
      await new Promise<void>((resolve) => {
        context.after(lookEvery, resolve);
      });
    }
  }

  #failoverReply(answer: Result<FailoverAnswer>): Uint8Array {
    return answer.ok ? encodeFailover(answer.value) : this.#refusal(answer.failure);
  }

  async #setMode(
    market: string,
    mode: DurabilityMode,
    reason: string,
    by: string,
  ): Promise<Uint8Array> {
    const { context, ports } = this.#of;
    const listed = this.#ofRegion(market);
    if (!listed.ok) return this.#refusal(listed.failure);
    const done = await ports.markets.setMode(market, mode);
    if (!done.ok) return this.#refusal(marketFailure(market, done.failure));
    context.log.info({ market, mode, reason: reason.slice(0, 256), by }, "market mode changed");
    const report = await ports.markets.report(market);
    return encodeMarket(
      report.ok ? report.value : absentReport(listed.value.definition, report.failure.reason),
    );
  }

  async #setState(
    market: string,
    wanted: MarketState,
    reason: string,
    by: string,
  ): Promise<Uint8Array> {
    const { context, ports } = this.#of;
    const listed = this.#ofRegion(market);
    if (!listed.ok) return this.#refusal(listed.failure);
    const done = await ports.markets.setState(market, wanted, reason.slice(0, 256));
    if (!done.ok) return this.#refusal(marketFailure(market, done.failure));
    context.log.info({ market, wanted, reason: reason.slice(0, 256), by }, "market state set");
    const report = await ports.markets.report(market);
    return encodeMarket(
      report.ok ? report.value : absentReport(listed.value.definition, report.failure.reason),
    );
  }
}

function marketFailure(market: string, failure: Failure): Failure {
  if (failure.code === "not_found") {
    return {
      code: "market_stopped",
      reason: `${market} is stopped or starting`,
      next: "try again in a moment",
    };
  }
  if (failure.code !== "timeout") return failure;
  return {
    code: "internal",
    reason: `${market} has not answered in time; it may do it yet`,
    next: "ask for the status before you try again",
  };
}

/** The definition is stored: the market starts with the cell at the latest. */
function startFailure(failure: Failure): Failure {
  return {
    code: failure.code === "unavailable" ? "unavailable" : "internal",
    reason: `the market is created but has not started: ${failure.reason}`,
    next: "send the same request again, or ask for the status",
  };
}
