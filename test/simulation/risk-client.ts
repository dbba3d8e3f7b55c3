import { durationNs } from "../../actors/kernel/units.ts";
import type { SeededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import { wire } from "../../schemas/messages.ts";
import { actorSubject } from "../../schemas/subjects.ts";
import { Life, type Scheduler } from "./scheduler.ts";
import { SimulatedBus, type SimulatedSwitch } from "./simulated-bus.ts";
import { SimulatedClock } from "./simulated-clock.ts";

const { SetLimits, Approve, Reserve, Release, Describe, RiskLimitReply } = wire.risk.v1;

type Verb = "set-limits" | "approve" | "reserve" | "release" | "describe";

const passing = new Set(["busy", "unavailable", "internal", "timeout"]);
const MOST_OPEN = 200;
const MOST_ORDER = 40;
const ANSWER_NS = durationNs(1_500_000_000);
const PAUSE_NS = 300e6;

/**
 * The only client of one account's limits: it reserves and releases, sends each command until it is
 * answered, and knows what must be reserved after each.
 */
export class RiskClient {
  /** A command without an answer: since when. */
  waitingSince: number | null = null;
  answered = 0;
  readonly violations: string[] = [];
  readonly #scheduler: Scheduler;
  readonly #life: Life;
  readonly #bus: SimulatedBus;
  readonly #random: SeededRandomness;
  readonly #region: string;
  readonly #account: string;
  #number = 0;
  #reserved = 0;
  #stopped = false;

  constructor(shared: SimulatedSwitch, region: string, site: number, random: SeededRandomness) {
    this.#scheduler = shared.scheduler;
    this.#random = random;
    this.#region = region;
    this.#account = `desk-${site}`;
    this.#life = new Life(`risk-${region}`);
    const time = { rate: 1, wallOffset: 0, frozen: 0 };
    const clock = new SimulatedClock(shared.scheduler, this.#life, time);
    this.#bus = new SimulatedBus(shared, this.#life, site, clock);
  }

  start(): void {
    this.#scheduler.in(0, this.#life, "risk", () => void this.#run());
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Asks what stands; the same must hold as after the last command. */
  async settle(): Promise<void> {
    await this.#ask("describe", Describe.encode({}).finish());
  }

  async #run(): Promise<void> {
    const limits = { maximumOrderQuantity: MOST_ORDER, maximumOpenQuantity: MOST_OPEN };
    const requestedBy = "simulation";
    const proposal = this.#id();
    await this.#ask(
      "set-limits",
      SetLimits.encode({ commandId: proposal, limits, requestedBy }).finish(),
    );
    const approval = { commandId: this.#id(), proposal, approvedBy: "another" };
    await this.#ask("approve", Approve.encode(approval).finish());
    while (!this.#stopped) {
      await this.#pause(-Math.log(1 - this.#random.unit()) * PAUSE_NS);
      const reserves = this.#reserved === 0 || this.#random.below(5) < 3;
      const most = reserves ? Math.min(MOST_ORDER, MOST_OPEN - this.#reserved) : this.#reserved;
      if (most === 0) continue;
      // Only what must be done: a refusal is not remembered, so a late copy of a refused command may
      // be done after all (actors/risk-limit/README.md).
      const quantity = 1 + this.#random.below(most);
      const body = { commandId: this.#id(), quantity };
      this.#reserved += reserves ? quantity : -quantity;
      const payload = (reserves ? Reserve : Release).encode(body).finish();
      const code = await this.#ask(reserves ? "reserve" : "release", payload);
      if (code === "") continue;
      this.#broken(`${body.commandId} of ${quantity} lots was refused as ${code}`);
      return;
    }
  }

  /** Sends until there is an answer; its refusal code, empty when it was done. */
  async #ask(verb: Verb, payload: Uint8Array): Promise<string> {
    this.waitingSince = this.#scheduler.now;
    const subject = actorSubject(this.#region, "risk-limit", this.#account, verb);
    for (;;) {
      const answer = await this.#bus.request(subject, payload, ANSWER_NS);
      const reply = answer.ok ? RiskLimitReply.decode(answer.value) : null;
      const code = reply?.refusal?.code ?? "";
      if (reply !== null && !passing.has(code)) {
        this.waitingSince = null;
        this.answered += 1;
        const told = reply.reserved ?? 0;
        if (told !== this.#reserved) {
          this.#broken(`${verb} was told that ${told} lots are reserved, not ${this.#reserved}`);
        }
        return code;
      }
      await this.#pause(50e6 + 100e6 * this.#random.unit());
    }
  }

  #broken(what: string): void {
    const at = (this.#scheduler.now / 1e9).toFixed(3);
    this.violations.push(`risk limit ${this.#region}/${this.#account} at ${at} s: ${what}`);
  }

  #id(): string {
    this.#number += 1;
    return `${this.#account}-${this.#number}`;
  }

  #pause(nanoseconds: number): Promise<void> {
    return new Promise((resolve) => {
      this.#scheduler.in(nanoseconds, this.#life, "pause", resolve);
    });
  }
}
