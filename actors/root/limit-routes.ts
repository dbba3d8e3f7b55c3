import { hostLimitSubject, isToken } from "../../schemas/subjects.ts";
import type { Bus, BusRequest, BusState, Subscription } from "../kernel/ports/bus.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import type { DurationNs } from "../kernel/units.ts";
import { shardOfLimit } from "./limit-residents.ts";

export interface LimitRoutesOf {
  readonly region: string;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly ownerOf: (shard: number) => { readonly cell: string; readonly here: boolean } | null;
  /** As RiskHost.answerHere; null until it serves. */
  readonly here: () =>
    | ((name: string, verb: string, payload: Uint8Array) => Promise<Uint8Array | null>)
    | null;
}

/**
 * The bus as actors of a cell see it: requests to risk limits of the region go straight to the cell that owns
 * them, or stay in this one. By their subject they would be anybody's of the queue, also a frozen process's,
 * which keeps its place there and does not answer.
 */
export class LimitRoutes implements Bus {
  readonly #of: LimitRoutesOf;
  readonly #prefix: string;

  constructor(of: LimitRoutesOf) {
    this.#of = of;
    this.#prefix = `act.${of.region}.risk-limit.`;
  }

  request(subject: string, payload: Uint8Array, timeout: DurationNs): Promise<Result<Uint8Array>> {
    if (!subject.startsWith(this.#prefix)) return this.#of.bus.request(subject, payload, timeout);
    const [name = "", verb = "", ...rest] = subject.slice(this.#prefix.length).split(".");
    if (!isToken(name) || !isToken(verb) || rest.length > 0) {
      return this.#of.bus.request(subject, payload, timeout);
    }
    const { region, bus, ownerOf } = this.#of;
    const owner = ownerOf(shardOfLimit(name));
    const here = this.#of.here();
    if (owner === null || here === null) {
      const reason = `no cell owns the shard of ${name} at the moment`;
      return Promise.resolve(refuse("no_responders", reason, "ask again in a moment"));
    }
    if (owner.here) return this.#soon(here(name, verb, payload), timeout);
    return bus.request(hostLimitSubject(region, owner.cell, name, verb), payload, timeout);
  }

  #soon(answer: Promise<Uint8Array | null>, timeout: DurationNs): Promise<Result<Uint8Array>> {
    const late = refuse("timeout", "the risk limit did not answer", "it is asked again");
    return new Promise((resolve, reject) => {
      const cancel = this.#of.clock.after(timeout, () => resolve(late));
      answer.then((payload) => {
        cancel();
        resolve(payload === null ? late : ok(payload));
      }, reject);
    });
  }

  publish(subject: string, payload: Uint8Array): void {
    this.#of.bus.publish(subject, payload);
  }
  serve(subject: string, handler: (request: BusRequest) => void): Subscription {
    return this.#of.bus.serve(subject, handler);
  }
  subscribe(
    subject: string,
    handler: (subject: string, payload: Uint8Array) => void,
  ): Subscription {
    return this.#of.bus.subscribe(subject, handler);
  }
  append(subject: string, payload: Uint8Array): Promise<Result<void>> {
    return this.#of.bus.append(subject, payload);
  }
  get journal(): Bus["journal"] {
    return this.#of.bus.journal;
  }
  get keys(): Bus["keys"] {
    return this.#of.bus.keys;
  }
  state(): BusState {
    return this.#of.bus.state();
  }
  onState(callback: (state: BusState) => void): void {
    this.#of.bus.onState(callback);
  }
  close(): Promise<void> {
    return this.#of.bus.close();
  }
}
