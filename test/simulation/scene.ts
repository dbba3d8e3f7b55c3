import {
  type ChainMessage,
  type ChainState,
  chainStart,
  fenceHash,
  fold,
} from "../../actors/kernel/accepted-chain.ts";
import { RECORD_BYTES } from "../../actors/kernel/ports/matching-engine.ts";
import { durationNs } from "../../actors/kernel/units.ts";
import { decodeChainMessage, encodeChainMessage } from "../../actors/market/codec.ts";
import type { MarketReport } from "../../actors/region/messages.ts";
import { engineSlots } from "../../actors/root/engine.ts";
import { layout } from "../../native/slots.ts";
import { wire } from "../../schemas/messages.ts";
import {
  commandSubject,
  journalStream,
  journalSubject,
  operationsSubject,
  type OperationsVerb,
} from "../../schemas/subjects.ts";
import { checkSafety } from "./checks.ts";
import { optionsOf, type SimulationOptions } from "./options.ts";
import { Life } from "./scheduler.ts";
import { SimulatedBus } from "./simulated-bus.ts";
import type { SimulatedCell } from "./simulated-cell.ts";
import { SimulatedClock } from "./simulated-clock.ts";
import type { AppendTrouble } from "./simulated-jetstream.ts";
import { Simulation } from "./simulation.ts";
import { type Acknowledgement, acknowledgements, isFinal } from "./trader.ts";

/** One message of a journal and what readers make of it. */
export interface Entry {
  readonly at: number;
  readonly message: ChainMessage;
  readonly payload: Uint8Array;
  readonly accepted: boolean;
  readonly chain: ChainState;
}

/** Which append a trouble is for. */
export type Chosen = (message: ChainMessage) => boolean;

const { SubmitRequest, SubmitReply, Side, OrderType, TimeInForce } = wire.market.v1;

const ANSWER_S = 2;

/**
 * A cluster in which a test says what happens when: three cells that contend for one region, or one in
 * each of three; the market's home is the first.
 */
export class Scene extends Simulation {
  readonly market = "M0";
  readonly stream = journalStream("atlas", 0);
  readonly subject = journalSubject("M0");
  /** Every message that anybody has tried to append to the market's journal. */
  readonly attempts: ChainMessage[] = [];
  readonly #told: Acknowledgement[] = [];
  #client = 0;
  #troubles: { readonly chosen: Chosen; readonly trouble: AppendTrouble; left: number }[] = [];

  /** A scene in which the market has its first owner. */
  static async open(
    mode: "replicated" | "durable",
    seed = 1,
    lostSuffixes = false,
    topology: SimulationOptions["topology"] = "contended",
  ): Promise<Scene> {
    const scene = Scene.of(mode, seed, lostSuffixes, topology);
    await scene.begin();
    await scene.well();
    return scene;
  }

  /** A scene that has not begun: nobody has claimed the market. */
  static of(
    mode: "replicated" | "durable",
    seed = 1,
    lostSuffixes = false,
    topology: SimulationOptions["topology"] = "contended",
  ): Scene {
    const options = optionsOf(seed, "leases");
    const faults = { ...options.faults, lostSuffixes: lostSuffixes ? 1 : 0 };
    const scene = new Scene({
      ...options,
      mode,
      topology,
      sharedShard: false,
      faults,
    });
    scene.clients.push({ acknowledged: scene.#told });
    scene.jetstream.appendTrouble = (_, subject, payload) => scene.#troubleOf(subject, payload);
    return scene;
  }

  /** The cell that has the market open. */
  async owner(): Promise<SimulatedCell> {
    for (let tries = 0; tries < 200; tries += 1) {
      const found = (await this.states()).find(({ report }) => report?.state === "open");
      if (found !== undefined) return found.cell;
      await this.seconds(0.1);
    }
    throw new Error(`${this.market} has no owner`);
  }

  /** What each living cell says of the market. */
  async states(): Promise<
    readonly { readonly cell: SimulatedCell; readonly report: MarketReport | undefined }[]
  > {
    return (await this.reports()).map((report) => ({
      cell: report.cellOf,
      report: [...report.markets, ...report.standbys].find(
        (one) => one.definition.market === this.market,
      ),
    }));
  }

  /** The cell that has tried to append a fence of the epoch. */
  fencer(epoch: number): SimulatedCell | undefined {
    const tried = this.attempts.find((one) => one.type === "fence" && one.epoch === epoch);
    const holder = tried?.type === "fence" ? tried.holder : "";
    return this.cells.find((cell) => holder.startsWith(`eu/${cell.machine.name}#`));
  }

  /** Somebody else than the cell. */
  others(cell: SimulatedCell): readonly SimulatedCell[] {
    return this.cells.filter((one) => one !== cell);
  }

  /** Ends a cell and keeps it down until `back`. */
  down(cell: SimulatedCell, powerCut = false): void {
    cell.held = true;
    cell.crash(powerCut);
  }

  back(cell: SimulatedCell): void {
    cell.held = false;
    cell.start();
  }

  /** Waits until somebody tries such an append again; false when nobody does in time. */
  async attempted(chosen: Chosen, within = 20): Promise<boolean> {
    const before = this.attempts.length;
    const tried = (): boolean => this.attempts.slice(before).some(chosen);
    await this.until(this.now + within, tried);
    return tried();
  }

  seconds(count: number): Promise<void> {
    return this.until(this.now + count);
  }

  /** The next `times` appends to the market's journal that are chosen end so. */
  trouble(chosen: Chosen, trouble: AppendTrouble, times = 1): void {
    this.#troubles.push({ chosen, trouble, left: times });
  }

  noTrouble(): void {
    this.#troubles = [];
  }

  /** Places orders and waits for their final answer; null when none comes in time. */
  async place(
    session: number,
    numbers: readonly number[],
    within = 10,
  ): Promise<wire.market.v1.SubmitReply | null> {
    const asked = this.placing(session, numbers, within, ANSWER_S);
    await this.until(this.now + within + 1, () => asked.answer !== undefined);
    return asked.answer ?? null;
  }

  /**
   * Places orders and lets others go on. Each request waits `patience` seconds for its answer, then the
   * same numbers are sent again.
   */
  placing(
    session: number,
    numbers: readonly number[],
    within: number,
    patience = within,
  ): { answer: wire.market.v1.SubmitReply | null | undefined } {
    this.#client += 1;
    const life = new Life(`client-${this.#client}`);
    const clock = new SimulatedClock(this.scheduler, life, { rate: 1, wallOffset: 0, frozen: 0 });
    const bus = new SimulatedBus(this.shared, life, 0, clock);
    const asked: { answer: wire.market.v1.SubmitReply | null | undefined } = { answer: undefined };
    const payload = SubmitRequest.encode({ session, commands: numbers.map(order) }).finish();
    const until = this.scheduler.now + within * 1e9;
    const regions = [...new Set(this.cells.map(({ machine }) => machine.region))];
    let region = "eu";
    const ask = async (): Promise<void> => {
      while (this.scheduler.now < until && asked.answer === undefined) {
        const wait = Math.min(until - this.scheduler.now, patience * 1e9);
        const left = durationNs(Math.max(1, Math.floor(wait)));
        const reply = await bus.request(
          commandSubject(region, this.market, "submit"),
          payload,
          left,
        );
        const decoded = reply.ok ? SubmitReply.decode(reply.value) : null;
        if (decoded !== null && isFinal(decoded)) {
          const told = acknowledgements(decoded, this.market, session, this.scheduler.now);
          // What was told before is told again for a resend.
          const isNew = (one: Acknowledgement): boolean =>
            !this.#told.some((old) => old.session === session && old.number === one.number);
          this.#told.push(...told.filter(isNew));
          asked.answer = decoded;
        } else {
          // Where the refusal says, or to the next one when nobody answers.
          const next = regions[(regions.indexOf(region) + 1) % regions.length] ?? region;
          region = decoded === null ? next : decoded.refusal?.region || region;
          await new Promise<void>((resolve) => {
            clock.after(durationNs(100_000_000), resolve);
          });
        }
      }
      asked.answer ??= null;
    };
    this.scheduler.in(0, life, "ask", () => void ask());
    return asked;
  }

  /** One request of an operator; its answer, once there is one. */
  operation(
    region: string,
    verb: OperationsVerb,
    payload: Uint8Array,
    within = 10,
  ): { answer: Uint8Array | null | undefined } {
    this.#client += 1;
    const life = new Life(`operator-${this.#client}`);
    const clock = new SimulatedClock(this.scheduler, life, { rate: 1, wallOffset: 0, frozen: 0 });
    const bus = new SimulatedBus(this.shared, life, 0, clock);
    const asked: { answer: Uint8Array | null | undefined } = { answer: undefined };
    this.scheduler.in(0, life, "ask", () => {
      void bus
        .request(operationsSubject(region, verb), payload, durationNs(within * 1e9))
        .then((reply) => {
          asked.answer = reply.ok ? reply.value : null;
        });
    });
    return asked;
  }

  /** The journal as readers fold it. */
  journal(): readonly Entry[] {
    let chain = chainStart(this.market);
    return this.jetstream
      .store(this.stream)
      .messages(this.subject)
      .flatMap(({ streamSequence, payload }) => {
        const message = decodeChainMessage(payload);
        if (message === null) return [];
        const verdict = fold(chain, message);
        chain = verdict.state;
        return [{ at: streamSequence, message, payload, accepted: verdict.accepted, chain }];
      });
  }

  /** Commands in the accepted journal, by `session:number`. */
  commands(): ReadonlySet<string> {
    const found = new Set<string>();
    for (const { message, accepted } of this.journal()) {
      if (!accepted || message.type !== "block") continue;
      const { records } = message;
      const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
      for (let at = 0; at + RECORD_BYTES <= records.length; at += RECORD_BYTES) {
        const command = engineSlots().command(view, at + layout.record.command);
        if (command !== null) found.add(`${command.session}:${command.number}`);
      }
    }
    return found;
  }

  chain(): ChainState {
    return this.journal().at(-1)?.chain ?? chainStart(this.market);
  }

  /** A fence of a cell that is not in the scene, accepted where the journal ends now. */
  fenceOfStranger(epoch: number): void {
    const body = {
      market: this.market,
      epoch,
      previousHash: this.chain().hash,
      holder: "eu/stranger#1",
      log: "f".repeat(32),
    };
    const payload = encodeChainMessage({ type: "fence", ...body, hash: fenceHash(body) });
    this.jetstream.store(this.stream).store(this.subject, payload);
  }

  /** Everything is well again; throws what is not. */
  async well(within = 60): Promise<void> {
    const ailments = await this.recovered(within);
    if (ailments.length > 0) throw new Error(ailments.join("; "));
  }

  /** Every cell back, no trouble, all well, and nothing that was promised broken. */
  async end(): Promise<readonly string[]> {
    this.noTrouble();
    this.network.healAll();
    for (const cell of this.cells) {
      cell.resume();
      this.back(cell);
    }
    const ailments = await this.recovered(60);
    await this.seconds(3);
    return [...ailments, ...checkSafety(this)];
  }

  #troubleOf(subject: string, payload: Uint8Array): AppendTrouble | null {
    if (subject !== this.subject) return null;
    const message = decodeChainMessage(payload);
    if (message === null) return null;
    this.attempts.push(message);
    const found = this.#troubles.find(({ chosen, left }) => left > 0 && chosen(message));
    if (found === undefined) return null;
    found.left -= 1;
    return found.trouble;
  }
}

export const isBlock: Chosen = ({ type }) => type === "block";
export const isFence: Chosen = ({ type }) => type === "fence";
export const never: AppendTrouble = { kind: "silent", stored: false };

/** Rests at one price, so that each order is there in the end. */
const order = (number: number): wire.market.v1.ICommand => ({
  number,
  account: 9,
  place: {
    side: Side.SIDE_BUY,
    orderType: OrderType.ORDER_TYPE_LIMIT,
    timeInForce: TimeInForce.TIME_IN_FORCE_DAY,
    price: 500,
    quantity: 10,
  },
});
