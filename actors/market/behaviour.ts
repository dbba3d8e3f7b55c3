import type { ActorBehaviour, ActorContext } from "../kernel/actor.ts";
import type {
  ChainPoint,
  DurabilityMode,
  MarketEngine,
  MarketState,
  OpenMarket,
} from "../kernel/ports/matching-engine.ts";
import { type Failure, ok, refuse, type Result } from "../kernel/result.ts";
import { durationNs, epoch as epochOf, type DurationNs } from "../kernel/units.ts";
import {
  journalStream,
  journalSubject,
  marketDataSubject,
  shardName,
} from "../../schemas/subjects.ts";
import type { AcceptedRoot } from "./accepted-root.ts";
import type { MarketPorts } from "./actor.ts";
import {
  encodeBookRefusal,
  encodeLimitsReply,
  encodeOrdersRefusal,
  encodeSubmitRefusal,
  nextStep,
} from "./codec.ts";
import type { MarketCounters } from "./counters.ts";
import {
  configureCommand,
  isStronger,
  mayBecome,
  modeOf,
  mustConfigure,
  setStateCommand,
} from "./decide.ts";
import { Diverged, MarketFailed } from "./endings.ts";
import { EngineGate } from "./engine-gate.ts";
import { handOver, type MovingMarket, settle, type SettlingMarket } from "./hand-over.ts";
import { answerHistory } from "./history/codec.ts";
import { LogKeeper } from "./log-keeper.ts";
import type { MarketMachine } from "./machine.ts";
import type {
  MarketDefinition,
  MarketLifecycle,
  MarketMessage,
  MarketReply,
  MarketStart,
  MarketStatus,
} from "./messages.ts";
import { checkUnits, logFailed, openLog, tellOpened } from "./opening.ts";
import { Recovery, type Owned } from "./recovery.ts";
import { JournalShipper, RECORDS_REMEMBERED, type Followed } from "./shipper.ts";
import { statusOf } from "./status.ts";
import { Trading } from "./trading.ts";

const watchInterval = durationNs(1_000_000_000);
/** The root is a convenience of the next start: storing it more often gains nothing. */
const rootInterval = durationNs(2_000_000_000);
const standbyRootInterval = durationNs(10_000_000_000);
const settlePoll = durationNs(10_000_000);

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
  #definition: MarketDefinition;
  #engine: MarketEngine | null = null;
  #shipper: JournalShipper | null = null;
  #trading: Trading | null = null;
  #gate: EngineGate | null = null;
  #owned: Owned | null = null;
  /** The log that was opened last, once it is open; null: it could not be. */
  #opening: Promise<MarketEngine | null> = Promise.resolve(null);
  /** A log that is on its way aside is waited for by who comes next. */
  #settingAside: Promise<boolean> = Promise.resolve(true);
  /** While the market is followed and not owned. */
  #recovery: Recovery | null = null;
  readonly #keeper: LogKeeper;
  /** Aborted when the market is to stop, or has ended: what it awaits goes on, and must not write then. */
  readonly #ending = new AbortController();

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
    const now = () => context.clock.monotonic();
    this.#keeper = new LogKeeper(ports.files, context.log, now, start.directory);
    // The market stays open in the engine when the actor fails; its successor attaches to it.
    context.onExit(() => {
      this.#ending.abort();
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
      // Its log is closed, or its successor's: that it could not go on is no failure.
      if (this.#ending.signal.aborted) return;
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
        return this.#administer(reply, (trading) => this.#setState(trading, "halted"));
      case "resume":
        return this.#administer(reply, (trading) => this.#setState(trading, "open"));
      case "set_phase":
        return this.#administer(reply, (trading) => this.#setState(trading, message.phase));
      case "redefine":
        return this.#administer(reply, (trading) => this.#redefine(trading, message.definition));
      case "set_mode":
        return this.#administer(reply, (trading) => this.#setMode(trading, message.mode));
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
    this.#ending.abort();
    this.#context.lifecycle.send({ type: "STOP" });
    await this.#settingAside;
    const engine = this.#engine ?? (await this.#opening);
    if (engine === null) return;
    this.#closeGate();
    const trading = this.#trading;
    if (trading !== null) {
      await settle(this.#settling(engine, trading));
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

  #settling(engine: MarketEngine, trading: Trading): SettlingMarket {
    const now = () => this.#context.clock.monotonic();
    return { engine, trading, now, sleep: (delay) => this.#sleep(delay) };
  }

  async #open(): Promise<void> {
    const { files } = this.#ports;
    const { log } = this.#context;
    const { signal } = this.#ending;
    signal.throwIfAborted();
    const engines = { open: (request: OpenMarket) => this.#openEngine(request) };
    const ports = { engine: engines, files, log, sleep: (delay: DurationNs) => this.#sleep(delay) };
    const engine = await openLog(ports, this.#definition.market, this.#directory);
    this.#engine = engine;
    signal.throwIfAborted();
    tellOpened(log, engine);
    await checkUnits(ports, this.#definition, this.#directory);
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
    await this.#keeper.store({ ...owned.root, log: engine.logId });
    signal.throwIfAborted();
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
    signal.throwIfAborted();
    this.#trading = trading;
    const { state } = trading.referenceAt(trading.committed);
    this.#context.lifecycle.send({ type: "READY", state });
    this.#context.log.info({ epoch: owned.epoch, matched, state }, "market open");
    this.#gate = new EngineGate(engine, this.#ports.ownership, trading.committed);
    this.#ports.onServing?.(engine, this.#definition, owned.epoch);
    trading.announce();
    this.#watch(engine, trading);
  }

  #openEngine(request: OpenMarket): Promise<MarketEngine> {
    const opened = this.#ports.engine.open(request);
    this.#opening = opened.catch(() => null);
    return opened;
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
        signal: this.#ending.signal,
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

  /** To what tells a standby that there is something new; market data is conflated, and costs little whatever the owner does. */
  #listen(): void {
    const subscription = this.#ports.bus.subscribe(
      marketDataSubject(this.#definition.market, "l1"),
      this.#context.callback(() => this.#recovery?.stir()),
    );
    const { group, shard } = this.#definition;
    const unwatch = this.#ports.ownership.watchSuccession(
      shardName(group, shard),
      this.#context.callback(() => this.#recovery?.wake()),
    );
    this.#context.onExit(() => {
      subscription.unsubscribe();
      unwatch();
    });
  }

  /** A standby's shadow follows, and its next start folds from here. */
  #followed(engine: MarketEngine, root: Omit<AcceptedRoot, "log">): void {
    if (this.#keeper.hasStored(root.streamSequence)) return;
    const { lastSequence, epoch, hash } = root;
    engine.accept({ sequence: lastSequence, epoch, hash });
    if (!this.#keeper.isDue(root.streamSequence, standbyRootInterval)) return;
    this.#context.run(() => this.#keeper.store({ ...root, log: engine.logId }));
  }

  /**
   * The log has gone another way than the journal (DESIGN §8.8): book, shadow and snapshots go with it,
   * the folder is kept with its report, and the market is followed anew from the journal. False when this
   * incarnation has ended: who has taken its place has the log open, and finds the same.
   */
  async #setAside(engine: MarketEngine, divergence: Diverged): Promise<boolean> {
    const { first, last, message: reason } = divergence;
    const aside = `${this.#directory}.diverged-${engine.logId}`;
    if (this.#ending.signal.aborted) return false;
    this.#engine = null;
    this.#opening = Promise.resolve(null);
    this.#recovery = null;
    await engine.close();
    if (this.#ending.signal.aborted) return false;
    await this.#ports.files.move(this.#directory, aside);
    this.#counters.diverged += 1;
    this.#keeper.startOver();
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
      // Handed over, set aside or closed: whoever opens it again watches anew.
      if (this.#trading !== trading || this.#ending.signal.aborted) return;
      const { logFailure, logWaiting } = engine.progress();
      if (logWaiting !== null) {
        this.#context.log.warn({ logWaiting }, "records wait for room on the disk");
      }
      if (logFailure !== null) {
        this.#trading = null;
        this.#closeGate();
        const { message } = logFailed(this.#context.log, logFailure);
        this.#context.lifecycle.send({ type: "FAILED", detail: message });
        return;
      }
      this.#keeper.watchShadow(engine);
      this.#context.run(() => engine.mark());
      this.#context.run(() => this.#storeRoot(trading));
      this.#context.run(() => this.#keeper.trim(engine, this.#shipper?.resentFrom ?? 0));
      this.#watch(engine, trading);
    });
  }

  async #storeRoot(trading: Trading): Promise<void> {
    const followed = this.#shipper?.followed;
    const owned = this.#owned;
    const log = this.#engine?.logId;
    if (followed === undefined || owned === null || log === undefined) return;
    // What it stands on is being looked for: the root before can still be found.
    if (followed.anchors.length === 0) return;
    const interval = this.#state() === "stopping" ? durationNs(0) : rootInterval;
    if (!this.#keeper.isDue(followed.streamSequence, interval)) return;
    await this.#keeper.store({
      ...followed,
      log,
      fenceLog: owned.fence.log,
      fenceHolder: owned.fence.holder,
      reference: trading.referenceAt(followed.lastSequence),
    });
  }

  /** What an operator has an owned market do by a journalled command. */
  #administer(
    reply: (reply: MarketReply) => void,
    change: (trading: Trading) => Promise<Result<void>>,
  ): void {
    const trading = this.#serving();
    if (trading === null) {
      reply({ type: "done", result: { ok: false, failure: this.#notServing() } });
      return;
    }
    // Not awaited by the mailbox: requests go on while the command becomes safe.
    this.#context.run(async () => reply({ type: "done", result: await change(trading) }));
  }

  async #setState(trading: Trading, state: MarketState): Promise<Result<void>> {
    const result = await trading.command((tag) => setStateCommand(state, tag));
    if (result.ok) {
      this.#context.lifecycle.send({ type: state === "halted" ? "HALTED" : "RESUMED" });
    }
    return result;
  }

  async #redefine(trading: Trading, definition: MarketDefinition): Promise<Result<void>> {
    const possible = mayBecome(this.#definition, definition);
    if (!possible.ok) return possible;
    const result = await trading.command((tag) => configureCommand(definition, tag));
    if (result.ok) {
      this.#definition = definition;
      trading.redefine(definition);
    }
    return result;
  }

  /** The ack of what follows waits as in `replicated` until the change is accepted (trading.ts). */
  async #setMode(trading: Trading, mode: DurabilityMode): Promise<Result<void>> {
    if (isStronger(mode, this.#strongest)) {
      const reason = `${mode} is more than the nats-servers allow, which is ${this.#strongest}`;
      return refuse("mode_not_available", reason, "choose another mode");
    }
    return trading.command((tag) => configureCommand({ ...this.#definition, mode }, tag));
  }

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
    const moving: MovingMarket = {
      ...this.#settling(engine, trading),
      shipper,
      isMoving: () => this.#state() === "handing_over",
      isToStay: () => this.#stays,
    };
    this.#context.run(async () => {
      const result = await handOver(moving, region);
      if (result === null) return;
      if (!result.ok) {
        this.#goOn(engine, trading);
        reply({ type: "done", result });
        return;
      }
      this.#context.log.info({ region, committed: trading.committed }, "market handed over");
      reply({ type: "done", result });
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
    const refusal = { code: "market_stopped", reason, next: nextStep("market_stopped") } as const;
    // Claimed here, and open in a moment: whoever asks elsewhere meanwhile is only sent back.
    const { holder } = this.#ports.ownership;
    return state === "fencing" ? { ...refusal, region: holder.split("/")[0] ?? "" } : refusal;
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
    // Owned here before, and lost without a hand-over: the engine and its doors are still as they were.
    if (step === "standby" && state !== step && this.#engine !== null) {
      this.#ports.onLeaving?.(this.#engine, this.#definition);
    }
    // The first step out of `starting` is always recovery.
    const types = { recovering: "RECOVERING", standby: "STANDBY", fencing: "FENCING" } as const;
    this.#context.lifecycle.send({ type: types[step], detail });
  }

  #status(): MarketStatus {
    return statusOf(
      {
        definition: this.#definition,
        counters: this.#counters,
        engine: this.#engine,
        owned: this.#owned,
        shipper: this.#shipper,
        trading: this.#trading,
        serving: this.#serving(),
        following: this.#recovery?.following ?? null,
        state: this.#state(),
        detail: this.#detail(),
        restarts: this.#context.incarnation - 1,
      },
      this.#context.clock.monotonic(),
    );
  }

  #sleep(delay: DurationNs): Promise<void> {
    return new Promise((resolve) => {
      this.#context.after(delay, resolve);
    });
  }
}
