import { durationNs } from "../../actors/kernel/units.ts";
import type { SeededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import type { MarketDefinition } from "../../actors/region/messages.ts";
import { wire } from "../../schemas/messages.ts";
import { type ControlVerb, controlSubject } from "../../schemas/subjects.ts";
import { Life, type Scheduler } from "./scheduler.ts";
import { SimulatedBus, type SimulatedSwitch } from "./simulated-bus.ts";
import { SimulatedClock } from "./simulated-clock.ts";

const { SpawnRequest, StopRequest, DescribeRequest, ActorReply } = wire.control.v1;

/** Refusals after which the same request is sent again. */
const passing = new Set(["busy", "unavailable", "internal", "timeout", "no_cell"]);
const FIRST_ACCOUNT = 900;
const ANSWER_NS = durationNs(2_000_000_000);
const LOOK_NS = 500e6;

/** What the maker says of itself once it is stopped. */
export interface MakerBooks {
  readonly market: string;
  readonly account: number;
  /** Quantity units, positive when it has bought more. */
  readonly inventory: number;
  /** Price units times quantity units. */
  readonly cash: bigint;
  /** Quantity units of which it does not know whether they were filled. */
  readonly doubtful: number;
}

/**
 * Spawns a market maker that runs in the cells, as a client would, and stops it in the end: what it then says it has
 * bought and paid is compared with the journal.
 */
export class MakerClient {
  readonly account: number;
  readonly market: string;
  /** Null until it is stopped for good. */
  books: MakerBooks | null = null;
  readonly violations: string[] = [];
  readonly #scheduler: Scheduler;
  readonly #random: SeededRandomness;
  readonly #life: Life;
  readonly #bus: SimulatedBus;
  readonly #region: string;
  readonly #id: string;
  /** Cells' incarnations in which it has been seen. */
  readonly #incarnations = new Set<number>();

  constructor(
    shared: SimulatedSwitch,
    index: number,
    market: MarketDefinition,
    random: SeededRandomness,
  ) {
    this.#scheduler = shared.scheduler;
    this.#random = random;
    this.#region = market.home;
    this.market = market.market;
    this.account = FIRST_ACCOUNT + index;
    this.#id = `maker-${index}`;
    this.#life = new Life(`client-${this.#id}`);
    const time = { rate: 1, wallOffset: 0, frozen: 0 };
    const clock = new SimulatedClock(shared.scheduler, this.#life, time);
    this.#bus = new SimulatedBus(shared, this.#life, index % 3, clock);
  }

  /** In how many incarnations it has been seen. */
  get incarnations(): number {
    return this.#incarnations.size;
  }

  start(): void {
    this.#scheduler.in(0, this.#life, "spawn", () => void this.#spawn());
  }

  /** Whether it quotes, by its own report; what else it is doing when it does not. */
  async ailment(): Promise<string | null> {
    const { actor } = await this.#ask(
      "describe",
      DescribeRequest.encode({ id: this.#id }).finish(),
    );
    const quotes = actor?.strategy?.bid || actor?.strategy?.ask;
    const { state = "unknown", detail = "" } = actor ?? {};
    return quotes ? null : `${this.#id} does not quote: ${state} ${detail}`;
  }

  /** Stops it, and waits for its last report. */
  async settle(): Promise<void> {
    for (;;) {
      const payload = StopRequest.encode({ id: this.#id, requestedBy: "simulation" }).finish();
      await this.#ask("stop", payload, ["actor_stopped"]);
      const { actor } = await this.#ask(
        "describe",
        DescribeRequest.encode({ id: this.#id }).finish(),
      );
      const report = actor?.strategy;
      if (actor?.state === "stopped" && report) {
        this.books = {
          market: this.market,
          account: this.account,
          inventory: report.inventory ?? 0,
          cash: BigInt(report.cash ?? "0"),
          doubtful: report.doubtful ?? 0,
        };
        return;
      }
      await this.#pause(LOOK_NS);
    }
  }

  async #spawn(): Promise<void> {
    const request = {
      key: this.#id,
      type: "avellaneda-stoikov",
      parameters: {
        market: this.market,
        account: String(this.account),
        quantity: "50",
        maximumInventory: "100000",
        interval: "200",
        reference: "5000",
      },
      requestedBy: "simulation",
    };
    await this.#ask("spawn", SpawnRequest.encode(request).finish());
  }

  /** Sends until there is an answer that says what became of it. */
  async #ask(
    verb: ControlVerb,
    payload: Uint8Array,
    expected: readonly string[] = [],
  ): Promise<wire.control.v1.ActorReply> {
    for (;;) {
      const answer = await this.#bus.request(
        controlSubject(this.#region, verb),
        payload,
        ANSWER_NS,
      );
      const reply = answer.ok ? ActorReply.decode(answer.value) : null;
      const code = reply?.refusal?.code ?? "";
      if (reply !== null && !passing.has(code)) {
        if (code !== "" && !expected.includes(code)) {
          const at = (this.#scheduler.now / 1e9).toFixed(3);
          const reason = reply.refusal?.reason ?? "";
          this.violations.push(`${this.#id} at ${at} s: ${verb} was refused as ${code}, ${reason}`);
        }
        if (reply.actor?.incarnation) this.#incarnations.add(reply.actor.incarnation);
        return reply;
      }
      await this.#pause(LOOK_NS * this.#random.unit());
    }
  }

  #pause(nanoseconds: number): Promise<void> {
    return new Promise((resolve) => {
      this.#scheduler.in(nanoseconds, this.#life, "pause", resolve);
    });
  }
}
