import type { ActorBehaviour, ActorContext } from "../kernel/actor.ts";
import type {
  ChainPoint,
  DurabilityMode,
  MarketEngine,
  MarketState,
  Progress,
} from "../kernel/ports/matching-engine.ts";
import { type Failure, ok, refuse, type Result } from "../kernel/result.ts";
import { durationNs, epoch as epochOf, type DurationNs } from "../kernel/units.ts";
import { journalStream, journalSubject, marketDataSubject } from "../../schemas/subjects.ts";
import { type AcceptedRoot, storeRoot } from "./accepted-root.ts";
import type { MarketPorts } from "./actor.ts";
import {
  encodeBookRefusal,
  encodeLimitsReply,
  encodeOrdersRefusal,
  encodeSubmitRefusal,
  nextStep,
} from "./codec.ts";
import { noLatency, type MarketCounters } from "./counters.ts";
import { configureCommand, isStronger, modeOf, mustConfigure } from "./decide.ts";
import { EngineGate } from "./engine-gate.ts";
import { answerHistory } from "./history/codec.ts";
import type { MarketMachine } from "./machine.ts";
import type {
  MarketDefinition,
  MarketLifecycle,
  MarketMessage,
  MarketReply,
  MarketStart,
  MarketStatus,
  StandbyReport,
} from "./messages.ts";
import { noIndication } from "./phase.ts";
import { Diverged, type Following, MarketFailed, Recovery, type Owned } from "./recovery.ts";
import { JournalShipper, RECORDS_REMEMBERED, type Followed } from "./shipper.ts";
import { Trading } from "./trading.ts";

const openAttempts = 5;
const openDelay = durationNs(500_000_000);
const watchInterval = durationNs(1_000_000_000);
/** The root is a convenience of the next start: storing it more often gains nothing. */
const rootInterval = durationNs(2_000_000_000);
const standbyRootInterval = durationNs(10_000_000_000);
const settlePoll = durationNs(10_000_000);
/** How long a planned move waits for what is under way; then the market goes on where it is. */
const DRAIN_LIMIT = durationNs(5_000_000_000);
/** How long a stop waits for outcomes to become safe and blocks to be accepted. */
const SETTLE_LIMIT = durationNs(4_000_000_000);

const pointOf = ({ lastSequence, epoch, hash }: Followed): ChainPoint => ({
  sequence: lastSequence,
  epoch,
  hash,
});

/** One incarnation of a market actor. */
export class MarketBehaviour implements ActorBehaviour<MarketMessage, MarketReply, MarketMachine> {
  readonly machine: MarketMachine;
  readonly input = undefined;
  readonly #context: ActorContext<MarketMessage, MarketMachine>;
  readonly #ports: MarketPorts;
  readonly #directory: string;
  /** What the servers allow. */
  readonly #strongest: DurabilityMode;
  /** A hand-over under way is not to be gone through with. */
  #stays = false;
  readonly #counters: MarketCounters;
  #shadowFailure: string | null = null;
  #definition: MarketDefinition;
  #engine: MarketEngine | null = null;
  #shipper: JournalShipper | null = null;
  #trading: Trading | null = null;
  #gate: EngineGate | null = null;
  #owned: Owned | null = null;
  /** A log that is on its way aside is waited for by who comes next. */
  #settingAside: Promise<boolean> = Promise.resolve(true);
  /** While the market is followed and not owned. */
  #recovery: Recovery | null = null;
  #rootStored = 0;
  #rootStoredAt = 0;
  /** Sequence of the stored root: what is at or below it was compared with the accepted chain. */
  #rootSequence = 0;
  #trimming = false;

  constructor(
    context: ActorContext<MarketMessage, MarketMachine>,
    start: MarketStart,
    ports: MarketPorts,
    machine: MarketMachine,
    counters: MarketCounters,
  ) {
    this.#context = context;
    this.#definition = start.definition;
    this.#directory = start.directory;
    this.#strongest = start.strongestMode ?? "replicated";
    this.#ports = ports;
    this.machine = machine;
    this.#counters = counters;
    // The market stays open in the engine when the actor fails; its successor attaches to it.
    context.onExit(() => {
      this.#counters.withheld += this.#trading?.waiting.requests ?? 0;
      this.#closeGate();
      this.#shipper?.stop();
      this.#engine?.onEvents(() => {});
      this.#engine?.onDurable(() => {});
    });
  }

  /** Recovery runs beside the mailbox, so that requests meanwhile get an answer. */
  restore(): Promise<void> {
    this.#listen();
    this.#context.run(() => this.#openOrFail());
    return Promise.resolve();
  }

  async #openOrFail(): Promise<void> {
    try {
      await this.#open();
    } catch (error) {
      if (!(error instanceof MarketFailed)) throw error;
      this.#context.lifecycle.send({ type: "FAILED", detail: error.message });
    }
  }

  receive(message: MarketMessage, reply: (reply: MarketReply) => void): void | Promise<void> {
    switch (message.type) {
      case "submit": {
        const trading = this.#serving();
        const answer = (payload: Uint8Array): void => reply({ type: "payload", payload });
        if (trading !== null) trading.submit(message.payload, answer, message.trace);
        else answer(encodeSubmitRefusal(this.#notServing()));
        return;
      }
      case "book": {
        const payload =
          this.#serving()?.book(message.payload) ?? encodeBookRefusal(this.#notServing());
        reply({ type: "payload", payload });
        return;
      }
      case "orders": {
        const payload =
          this.#serving()?.orders(message.payload) ?? encodeOrdersRefusal(this.#notServing());
        reply({ type: "payload", payload });
        return;
      }
      case "history": {
        const { market } = this.#definition;
        const payload = answerHistory(message.payload, market, this.#counters.history);
        reply({ type: "payload", payload });
        return;
      }
      case "limits": {
        const trading = this.#serving();
        const answer = (payload: Uint8Array): void => reply({ type: "payload", payload });
        if (trading === null) answer(encodeLimitsReply(this.#notServing()));
        // Not awaited by the mailbox: requests go on while the commands become safe.
        else this.#context.run(async () => answer(await trading.limits(message.payload)));
        return;
      }
      case "status":
        reply({ type: "status", status: this.#status() });
        return;
      case "halt":
      case "resume":
        return this.#setState(message.type === "halt" ? "halted" : "open", reply);
      case "set_phase":
        return this.#setState(message.phase, reply);
      case "redefine":
        return this.#redefine(message.definition, reply);
      case "set_mode":
        return this.#setMode(message.mode, reply);
      case "hand_over":
        return this.#handOver(message.region, reply);
      case "stay":
        this.#stays = true;
        reply({ type: "done", result: ok(undefined) });
        return;
      default:
        this.#context.unknown(message);
    }
  }

  /** Stops taking requests, lets what is under way become safe, and closes the log. */
  async terminate(): Promise<void> {
    this.#context.lifecycle.send({ type: "STOP" });
    await this.#settingAside;
    const engine = this.#engine;
    if (engine === null) return;
    this.#closeGate();
    const trading = this.#trading;
    if (trading !== null) {
      const until = this.#context.clock.monotonic() + SETTLE_LIMIT;
      while (!this.#settled(engine, trading) && this.#context.clock.monotonic() < until) {
        trading.pump();
        await this.#sleep(settlePoll);
      }
      trading.flush();
      await this.#storeRoot(trading);
    }
    this.#shipper?.stop();
    await engine.close();
    this.#engine = null;
  }

  #closeGate(): void {
    this.#gate?.close();
    this.#gate = null;
  }

  #settled(engine: MarketEngine, trading: Trading): boolean {
    const { matched } = engine.progress();
    return trading.waiting.commands === 0 && trading.committed >= matched;
  }

  async #open(): Promise<void> {
    const engine = await this.#openEngine();
    this.#engine = engine;
    const { logFailure } = engine.progress();
    // An earlier life of this actor met it: what is in memory is ahead of the log for good.
    if (logFailure !== null) throw new MarketFailed(this.#logFailed(logFailure));
    this.#tellRecovery(engine);
    await this.#checkUnits();
    let owned: Owned;
    try {
      owned = await this.#recover(engine);
    } catch (error) {
      if (!(error instanceof Diverged)) throw error;
      const aside = this.#setAside(engine, error);
      this.#settingAside = aside;
      return (await aside) ? this.#open() : undefined;
    }
    this.#recovery = null;
    this.#owned = owned;
    // Without it nobody could say, were the stream lost before the first interval, that this log is the last owner's.
    await this.#writeRoot({ ...owned.root, log: engine.logId });
    engine.setEpoch(epochOf(owned.epoch));
    const trading = new Trading(this.#tradingPorts(), this.#definition, engine, this.#counters, {
      epoch: owned.epoch,
      committed: owned.chain.lastSequence,
      reference: owned.reference,
    });
    const shipper = this.#startShipper(engine, owned, trading);
    this.#shipper = shipper;
    engine.accept(pointOf(shipper.followed));
    engine.onEvents(this.#context.callback(() => trading.pump()));
    engine.onDurable(
      this.#context.callback(() => {
        shipper.wake();
        trading.pump();
      }),
    );
    this.#report("fencing", "waiting for the recovered tail to be accepted");
    const { matched } = engine.progress();
    while (trading.committed < matched) await this.#sleep(settlePoll);
    const mode = modeOf(owned.reference, this.#definition, this.#strongest);
    const definition = { ...this.#definition, mode };
    if (mustConfigure(owned.reference, definition)) {
      const configured = await trading.command((tag) => configureCommand(definition, tag));
      if (!configured.ok) throw new MarketFailed(configured.failure);
    }
    this.#trading = trading;
    const { state } = trading.referenceAt(trading.committed);
    this.#context.lifecycle.send({ type: "READY", state });
    this.#context.log.info({ epoch: owned.epoch, matched, state }, "market open");
    this.#gate = new EngineGate(engine, this.#ports.ownership, trading.committed);
    this.#ports.onServing?.(engine, this.#definition, owned.epoch);
    trading.announce();
    this.#watch(engine, trading);
  }

  async #openEngine(): Promise<MarketEngine> {
    const request = {
      market: this.#definition.market,
      directory: this.#directory,
      epoch: epochOf(0),
    };
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#ports.engine.open(request);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        if (attempt === openAttempts) {
          throw new MarketFailed({
            code: "internal",
            reason: `the write-ahead log cannot be opened: ${reason}`,
            next: `check ${this.#directory}`,
          });
        }
        // The log of a process that is just ending is locked for a moment.
        this.#context.log.warn(
          { attempt, reason },
          "cannot open the write-ahead log, trying again",
        );
        await this.#sleep(openDelay);
      }
    }
  }

  /** The journal holds ticks and lots: what they are worth must never change under it. */
  async #checkUnits(): Promise<void> {
    const { files } = this.#ports;
    const path = `${this.#directory}/units.json`;
    const { currency, priceDecimals, tick, lot } = this.#definition;
    const wanted = JSON.stringify({ currency, priceDecimals, tick, lot });
    const stored = await files.read(path);
    if (stored === null) {
      await files.replace(path, Buffer.from(wanted));
      return;
    }
    const held = Buffer.from(stored).toString("utf8");
    if (held === wanted) return;
    throw new MarketFailed({
      code: "definition_invalid",
      reason: `the journal was written with ${held}, the definition says ${wanted}`,
      next: "restore the old values, or make a market of another name",
    });
  }

  #recover(engine: MarketEngine): Promise<Owned> {
    const { bus, slots, ownership, files, replicas, ensureJournal } = this.#ports;
    const recovery = new Recovery(
      {
        ...(replicas === undefined ? {} : { replicas }),
        ...(ensureJournal === undefined ? {} : { ensureJournal }),
        bus,
        slots,
        ownership,
        files,
        log: this.#context.log,
        sleep: (delay) => this.#sleep(delay),
        now: () => this.#context.clock.monotonic(),
        report: (step, detail) => this.#report(step, detail),
        onFollowed: (root) => this.#followed(engine, root),
      },
      this.#definition,
      this.#directory,
      engine,
    );
    this.#recovery = recovery;
    return recovery.run();
  }

  /** Conflated, so that it costs little whatever the owner does. */
  #listen(): void {
    const subscription = this.#ports.bus.subscribe(
      marketDataSubject(this.#definition.market, "l1"),
      this.#context.callback(() => this.#recovery?.stir()),
    );
    this.#context.onExit(() => subscription.unsubscribe());
  }

  /** A standby's shadow follows, and its next start folds from here. */
  #followed(engine: MarketEngine, root: Omit<AcceptedRoot, "log">): void {
    if (root.streamSequence === this.#rootStored) return;
    const { lastSequence, epoch, hash } = root;
    engine.accept({ sequence: lastSequence, epoch, hash });
    const now = this.#context.clock.monotonic();
    if (now - this.#rootStoredAt < standbyRootInterval) return;
    this.#rootStored = root.streamSequence;
    this.#rootStoredAt = now;
    this.#context.run(() => this.#writeRoot({ ...root, log: engine.logId }));
  }

  /**
   * The log has gone another way than the journal (DESIGN §8.8): book, shadow and snapshots go with it,
   * the folder is kept with its report, and the market is followed anew from the journal. False when this
   * incarnation has ended: who has taken its place has the log open, and finds the same.
   */
  async #setAside(engine: MarketEngine, divergence: Diverged): Promise<boolean> {
    const { first, last, message: reason } = divergence;
    const aside = `${this.#directory}.diverged-${engine.logId}`;
    if (this.#context.signal.aborted) return false;
    this.#engine = null;
    this.#recovery = null;
    await engine.close();
    if (this.#context.signal.aborted) return false;
    await this.#ports.files.move(this.#directory, aside);
    this.#counters.diverged += 1;
    this.#rootStored = 0;
    this.#rootSequence = 0;
    this.#context.log.error({ first, last, reason, aside }, "a diverged log was set aside");
    this.#report("recovering", `the diverged log is in ${aside}; following the journal anew`);
    return true;
  }

  #startShipper(engine: MarketEngine, owned: Owned, trading: Trading): JournalShipper {
    const { market, group, shard } = this.#definition;
    const shipper = new JournalShipper(
      {
        bus: this.#ports.bus,
        engine,
        log: this.#context.log,
        sleep: (delay) => this.#sleep(delay),
        after: (delay, callback) => this.#context.after(delay, callback),
        recordsRemembered: this.#ports.recordsRemembered ?? RECORDS_REMEMBERED,
        onCommitted: (committed) => {
          trading.onCommitted(committed);
          this.#gate?.onCommitted(trading.committed);
          const followed = this.#shipper?.followed;
          if (followed !== undefined) engine.accept(pointOf(followed));
        },
      },
      journalStream(group, shard),
      journalSubject(market),
      owned,
    );
    this.#context.run(() => shipper.ship());
    this.#context.run(() => shipper.follow());
    return shipper;
  }

  #tradingPorts(): ConstructorParameters<typeof Trading>[0] {
    const { bus, slots, ownership, tracing } = this.#ports;
    return {
      ...(tracing === undefined ? {} : { tracing }),
      bus,
      slots,
      ownership,
      clock: this.#context.clock,
      after: (delay, callback) => this.#context.after(delay, callback),
      sleep: (delay) => this.#sleep(delay),
      run: (work) => this.#context.run(work),
    };
  }

  /** Once a second: is the disk still good, and is there a newer root to keep? */
  #watch(engine: MarketEngine, trading: Trading): void {
    this.#context.after(watchInterval, () => {
      // Handed over, or set aside: whoever opens it again watches anew.
      if (this.#trading !== trading) return;
      const { logFailure, logWaiting } = engine.progress();
      if (logWaiting !== null) {
        this.#context.log.warn({ logWaiting }, "records wait for room on the disk");
      }
      if (logFailure !== null) {
        this.#trading = null;
        this.#closeGate();
        const { message } = new MarketFailed(this.#logFailed(logFailure));
        this.#context.lifecycle.send({ type: "FAILED", detail: message });
        return;
      }
      this.#watchShadow(engine);
      this.#context.run(() => engine.mark());
      this.#context.run(() => this.#storeRoot(trading));
      this.#context.run(() => this.#trim(engine));
      this.#watch(engine, trading);
    });
  }

  /** Below the stored root, and below what this owner may have to send again. */
  async #trim(engine: MarketEngine): Promise<void> {
    const resentFrom = this.#shipper?.resentFrom ?? 0;
    const floor = Math.min(this.#rootSequence, resentFrom - 1);
    if (floor <= 0 || this.#trimming) return;
    this.#trimming = true;
    try {
      const begin = await engine.trim(floor);
      if (begin !== null) {
        this.#context.log.info({ sequence: begin.sequence }, "write-ahead log trimmed");
      }
    } catch (error) {
      this.#context.log.warn({ error: String(error) }, "the write-ahead log was not trimmed");
    } finally {
      this.#trimming = false;
    }
  }

  #tellRecovery({ recovery }: MarketEngine): void {
    const { sequence, snapshot, replayed, elapsedNs, faults, cutBytes, cutFile } = recovery;
    const perSecond = elapsedNs === 0 ? 0 : Math.round((replayed * 1e9) / elapsedNs);
    this.#context.log.info(
      { sequence, snapshot: snapshot?.sequence ?? 0, replayed, perSecond },
      "write-ahead log replayed",
    );
    for (const fault of faults) this.#context.log.warn({ fault }, "a snapshot was not used");
    if (cutBytes > 0) {
      this.#context.log.warn({ cutFile, cutBytes }, "a torn tail was cut from the log");
    }
  }

  /** Damage that the shadow finds in records that were durable is told once. */
  #watchShadow(engine: MarketEngine): void {
    const failure = engine.shadow()?.failure ?? null;
    if (failure === this.#shadowFailure) return;
    this.#shadowFailure = failure;
    if (failure !== null) this.#context.log.error({ failure }, "the shadow of the market failed");
  }

  #logFailed(logFailure: string): Failure {
    this.#context.log.error({ logFailure }, "the write-ahead log cannot be written");
    return {
      code: "internal",
      reason: `the write-ahead log cannot be written: ${logFailure}`,
      next: "free the disk, then restart the cell",
    };
  }

  async #storeRoot(trading: Trading): Promise<void> {
    const followed = this.#shipper?.followed;
    const owned = this.#owned;
    const log = this.#engine?.logId;
    if (followed === undefined || owned === null || log === undefined) return;
    const now = this.#context.clock.monotonic();
    const stopping = this.#state() === "stopping";
    if (followed.streamSequence === this.#rootStored) return;
    if (!stopping && now - this.#rootStoredAt < rootInterval) return;
    this.#rootStored = followed.streamSequence;
    this.#rootStoredAt = now;
    await this.#writeRoot({
      ...followed,
      log,
      fenceLog: owned.fence.log,
      fenceHolder: owned.fence.holder,
      reference: trading.referenceAt(followed.lastSequence),
    });
  }

  async #writeRoot(root: AcceptedRoot): Promise<void> {
    try {
      await storeRoot(this.#ports.files, this.#directory, root);
      this.#rootSequence = root.lastSequence;
    } catch (error) {
      this.#context.log.warn({ error: String(error) }, "the root was not stored");
    }
  }

  async #setState(state: MarketState, reply: (reply: MarketReply) => void): Promise<void> {
    const trading = this.#serving();
    if (trading === null) {
      reply({ type: "done", result: { ok: false, failure: this.#notServing() } });
      return;
    }
    // Not awaited by the mailbox: requests go on while the command becomes safe.
    this.#context.run(async () => {
      const result = await trading.command((tag) => ({
        kind: "set_state",
        session: 0,
        number: 0,
        account: 0,
        tag,
        state,
      }));
      if (result.ok) {
        this.#context.lifecycle.send({ type: state === "halted" ? "HALTED" : "RESUMED" });
      }
      reply({ type: "done", result });
    });
    return Promise.resolve();
  }

  #redefine(definition: MarketDefinition, reply: (reply: MarketReply) => void): void {
    const trading = this.#serving();
    const fault = trading === null ? null : this.#cannotBecome(definition);
    if (trading === null) {
      reply({ type: "done", result: { ok: false, failure: this.#notServing() } });
      return;
    }
    if (fault !== null) {
      reply({ type: "done", result: fault });
      return;
    }
    this.#context.run(async () => {
      const result = await trading.command((tag) => configureCommand(definition, tag));
      if (result.ok) {
        this.#definition = definition;
        trading.redefine(definition);
      }
      reply({ type: "done", result });
    });
  }

  /** The ack of what follows waits as in `replicated` until the change is accepted (trading.ts). */
  #setMode(mode: DurabilityMode, reply: (reply: MarketReply) => void): void {
    const trading = this.#serving();
    if (trading === null) {
      reply({ type: "done", result: { ok: false, failure: this.#notServing() } });
      return;
    }
    if (isStronger(mode, this.#strongest)) {
      const reason = `${mode} is more than the nats-servers allow, which is ${this.#strongest}`;
      const result = refuse("mode_not_available", reason, "choose another mode");
      reply({ type: "done", result });
      return;
    }
    this.#context.run(async () => {
      const result = await trading.command((tag) =>
        configureCommand({ ...this.#definition, mode }, tag),
      );
      reply({ type: "done", result });
    });
  }

  /**
   * The planned move (DESIGN §8.9): takes nothing more, lets what is under way become safe, ends the epoch
   * with a HANDOVER, and follows the journal from then on. Whatever becomes of the HANDOVER's append, no
   * order is taken again before a new fence.
   */
  #handOver(region: string, reply: (reply: MarketReply) => void): void {
    const trading = this.#serving();
    const engine = this.#engine;
    const shipper = this.#shipper;
    if (trading === null || engine === null || shipper === null) {
      reply({ type: "done", result: { ok: false, failure: this.#notServing() } });
      return;
    }
    this.#context.lifecycle.send({ type: "HANDING_OVER", detail: `on its way to ${region}` });
    this.#stays = false;
    this.#closeGate();
    this.#context.run(async () => {
      const until = this.#context.clock.monotonic() + DRAIN_LIMIT;
      while (!this.#settled(engine, trading)) {
        if (this.#state() !== "handing_over") return;
        if (this.#stays) break;
        if (this.#context.clock.monotonic() >= until) {
          this.#goOn(engine, trading);
          const reason = `${trading.waiting.commands} commands did not become safe in time`;
          const result = refuse("not_durable", reason, "try again when the journal has a leader");
          reply({ type: "done", result });
          return;
        }
        trading.pump();
        await this.#sleep(settlePoll);
      }
      if (this.#stays) {
        this.#goOn(engine, trading);
        const result = refuse("aborted", "it was to stay before its last record was written");
        reply({ type: "done", result });
        return;
      }
      trading.flush();
      await shipper.handOver(region);
      this.#context.log.info({ region, committed: trading.committed }, "market handed over");
      reply({ type: "done", result: ok(undefined) });
      this.#ports.onLeaving?.(engine, this.#definition);
      await this.#followAgain(shipper, engine);
    });
  }

  /** Nothing was written: the market is open as before. */
  #goOn(engine: MarketEngine, trading: Trading): void {
    const { state } = trading.referenceAt(trading.committed);
    this.#gate = new EngineGate(engine, this.#ports.ownership, trading.committed);
    this.#context.lifecycle.send({ type: "READY", state });
  }

  async #followAgain(shipper: JournalShipper, engine: MarketEngine): Promise<void> {
    shipper.stop();
    engine.onEvents(() => {});
    engine.onDurable(() => {});
    this.#trading = null;
    this.#shipper = null;
    this.#owned = null;
    this.#report("recovering", "handed over, following the journal");
    await this.#openOrFail();
  }

  #cannotBecome(definition: MarketDefinition): Result<void> | null {
    const held = this.#definition;
    const fixed = ["market", "home", "group", "shard", "currency", "priceDecimals", "tick", "lot"];
    for (const field of fixed as (keyof MarketDefinition)[]) {
      if (held[field] === definition[field]) continue;
      return refuse(
        "definition_invalid",
        `${field} of a market cannot change from ${held[field]} to ${definition[field]}`,
        "make a market of another name",
      );
    }
    return null;
  }

  #serving(): Trading | null {
    const state = this.#state();
    return state === "open" || state === "halted" ? this.#trading : null;
  }

  #notServing(): Failure {
    const state = this.#state();
    const owner = this.#recovery?.following.owner ?? null;
    if ((state === "standby" || state === "recovering") && owner !== null) {
      this.#counters.refuse("not_owner");
      const { market } = this.#definition;
      return {
        code: "not_owner",
        reason: `${market} is owned in ${owner.region}`,
        next: `send it to cmd.${owner.region}.${market}, under the same numbers`,
        region: owner.region,
      };
    }
    const reason = `the market is ${state}: ${this.#detail()}`;
    this.#counters.refuse("market_stopped");
    return { code: "market_stopped", reason, next: nextStep("market_stopped") };
  }

  #state(): MarketLifecycle {
    return this.#context.lifecycle.state() as MarketLifecycle;
  }

  #detail(): string {
    return this.#context.lifecycle.snapshot().context.detail;
  }

  #report(step: "recovering" | "standby" | "fencing", detail: string): void {
    const state = this.#state();
    if (state === "stopping" || state === "failed") return;
    // A standby says several times a second that nothing has changed.
    if (state === step && this.#detail() === detail) return;
    // The first step out of `starting` is always recovery.
    const types = { recovering: "RECOVERING", standby: "STANDBY", fencing: "FENCING" } as const;
    this.#context.lifecycle.send({ type: types[step], detail });
  }

  #standby(following: Following): StandbyReport {
    const { owner, epoch, sequence, lagRecords, atTail, mode } = following;
    const now = this.#context.clock.monotonic();
    return {
      owner:
        owner === null ? "" : owner.cell === "" ? owner.region : `${owner.region}/${owner.cell}`,
      epoch,
      sequence,
      lagRecords,
      lagMs: atTail === null ? null : Math.round((now - atTail) / 1e6),
      mode,
    };
  }

  #status(): MarketStatus {
    const engine = this.#engine;
    const progress: Progress | null = engine?.progress() ?? null;
    const shipped = this.#shipper?.counters();
    const counters = this.#counters;
    const { lot } = this.#definition;
    return {
      definition: this.#definition,
      state: this.#state(),
      // Why nothing becomes safe comes before what the market is doing.
      detail: progress?.logWaiting ?? this.#detail(),
      phase: this.#serving()?.phase.state ?? "",
      indication: this.#serving()?.phase.indication ?? noIndication,
      mode: this.#trading?.mode ?? this.#definition.mode,
      epoch: this.#owned?.epoch ?? 0,
      matched: progress?.matched ?? 0,
      durable: progress?.durable ?? 0,
      committed: this.#trading?.committed ?? this.#shipper?.committed ?? 0,
      orders: counters.orders,
      trades: counters.trades,
      volume: counters.volumeLots * lot,
      refusals: counters.refusals(),
      restingOrders: progress?.restingOrders ?? 0,
      touch: this.#trading?.touch ?? { bidPrice: 0, bidQuantity: 0, askPrice: 0, askQuantity: 0 },
      digest: progress?.digest ?? "",
      restarts: this.#context.incarnation - 1,
      serviceTime: engine?.serviceTime() ?? noLatency,
      acknowledgement: counters.acknowledgement(),
      standby: this.#recovery === null ? null : this.#standby(this.#recovery.following),
      acknowledgements: counters.acknowledgements(),
      journal: {
        blocks: shipped?.blocks ?? 0,
        undecided: shipped?.undecided ?? 0,
        resent: shipped?.resent ?? 0,
        dropped: shipped?.dropped ?? 0,
        eventsRefused: counters.eventsRefused,
        withheld: counters.withheld,
        diverged: counters.diverged,
      },
    };
  }

  #sleep(delay: DurationNs): Promise<void> {
    return new Promise((resolve) => {
      this.#context.after(delay, resolve);
    });
  }
}
