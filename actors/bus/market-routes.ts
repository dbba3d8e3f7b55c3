import { wire } from "../../schemas/messages.ts";
import type { Bus, BusState, JournalStream, KeyStore, Subscription } from "../kernel/ports/bus.ts";
import type { BusRequest } from "../kernel/ports/bus.ts";
import type { Result } from "../kernel/result.ts";
import type { DurationNs } from "../kernel/units.ts";

/** Markets whose present region is remembered. */
const routesLimit = 4_096;
/** Field 1, a message: in every reply it is the refusal. */
const refusalTag = 0x0a;

/**
 * A bus whose requests to markets, cmd.<region>.<market>.<verb> and act.<region>.market.<market>.limits, follow
 * the market: whoever refuses one
 * because another region owns the market names it, and the same bytes go there. Where a market was found
 * is remembered until nobody answers there.
 */
export class MarketRoutes implements Bus {
  readonly #inner: Bus;
  readonly #locate: (market: string) => string | null;
  readonly #regions = new Map<string, string>();

  /** `locate`: the region that owns a market, as far as this process knows by itself. */
  constructor(inner: Bus, locate: (market: string) => string | null = () => null) {
    this.#inner = inner;
    this.#locate = locate;
  }

  async request(
    subject: string,
    payload: Uint8Array,
    timeout: DurationNs,
  ): Promise<Result<Uint8Array>> {
    const asked = marketRequest(subject);
    if (asked === null) return this.#inner.request(subject, payload, timeout);
    const { home, market, at } = asked;
    const region = this.#regions.get(market) ?? home;
    const first = await this.#inner.request(at(region), payload, timeout);
    const told = first.ok ? placeOf(first.value) : this.#locate(market);
    if (told === null || told === region) {
      if (!first.ok) this.#regions.delete(market);
      return first;
    }
    if (this.#regions.size < routesLimit) this.#regions.set(market, told);
    // What had no answer may have been done: its sender has to know, and sends it again by itself.
    return first.ok ? this.#inner.request(at(told), payload, timeout) : first;
  }

  publish(subject: string, payload: Uint8Array): void {
    this.#inner.publish(subject, payload);
  }
  serve(subject: string, handler: (request: BusRequest) => void): Subscription {
    return this.#inner.serve(subject, handler);
  }
  subscribe(
    subject: string,
    handler: (subject: string, payload: Uint8Array) => void,
  ): Subscription {
    return this.#inner.subscribe(subject, handler);
  }
  append(subject: string, payload: Uint8Array): Promise<Result<void>> {
    return this.#inner.append(subject, payload);
  }
  get journal(): JournalStream {
    return this.#inner.journal;
  }
  get keys(): KeyStore {
    return this.#inner.keys;
  }
  state(): BusState {
    return this.#inner.state();
  }
  onState(callback: (state: BusState) => void): void {
    this.#inner.onState(callback);
  }
  close(): Promise<void> {
    return this.#inner.close();
  }
}

interface MarketRequest {
  readonly home: string;
  readonly market: string;
  /** Its subject where the market is in that region. */
  readonly at: (region: string) => string;
}

/** Commands of traders, and what risk limits have an account held to; null: no request to a market. */
function marketRequest(subject: string): MarketRequest | null {
  const [family, home = "", third = "", fourth = "", fifth = ""] = subject.split(".");
  if (family === "cmd") {
    return { home, market: third, at: (region) => `cmd.${region}.${third}.${fourth}` };
  }
  if (family !== "act" || third !== "market") return null;
  return { home, market: fourth, at: (region) => `act.${region}.market.${fourth}.${fifth}` };
}

/** The region that the refusal in a reply names; null when it is none, or names none. */
function placeOf(reply: Uint8Array): string | null {
  if (reply[0] !== refusalTag) return null;
  try {
    const region = wire.control.v1.FlowReply.decode(reply).refusal?.region ?? "";
    return region === "" ? null : region;
  } catch {
    return null;
  }
}
