import type { AccountLimit, EngineCommand } from "../kernel/ports/matching-engine.ts";
import type { AccountId } from "../kernel/units.ts";

/** What an account may do in this market; 0: not limited. `messages` and `executions` in a window. */
export interface EngineLimits {
  readonly quantity: number;
  readonly notional: number;
  readonly collar: number;
  readonly open_orders: number;
  readonly position: number;
  readonly message_rate: { readonly count: number; readonly windowMs: number };
  readonly execution_rate: { readonly count: number; readonly windowMs: number };
}

export interface AccountRule {
  readonly account: AccountId;
  /** Every order of it goes, and none is taken. */
  readonly stopped: boolean;
  /** Null: they stay as they are. */
  readonly limits: EngineLimits | null;
}

/** A request of a risk-limit actor. */
export interface LimitsRequest {
  /** Name of the actor, and the incarnation of the cell that runs it. */
  readonly actor: string;
  readonly incarnation: number;
  readonly accounts: readonly AccountRule[];
}

type Make = (tag: number) => EngineCommand;

/** Senders whose incarnation is known; the longest silent is forgotten first. */
const SENDERS_KNOWN = 4_096;

/**
 * Limits of accounts in the engine, as the journalled commands that bring them about. What has been asked
 * for in this life and holds is not journalled again: a rate set anew would start its window anew.
 */
export class AccountLimits {
  readonly #held = new Map<string, string>();
  readonly #senders = new Map<string, number>();

  /** False when a younger incarnation of the sender has been heard: this one's cell was replaced. */
  admit({ actor, incarnation }: LimitsRequest): boolean {
    const known = this.#senders.get(actor) ?? 0;
    if (incarnation < known) return false;
    this.#senders.delete(actor);
    this.#senders.set(actor, incarnation);
    if (this.#senders.size > SENDERS_KNOWN) {
      for (const oldest of this.#senders.keys()) {
        this.#senders.delete(oldest);
        break;
      }
    }
    return true;
  }

  /**
   * Commands still to be done, a stop first and its end last; each says when it holds. A key stands for
   * what the command sets.
   */
  missing(request: LimitsRequest): readonly { readonly make: Make; readonly done: () => void }[] {
    return request.accounts.flatMap(({ account, stopped, limits }) => {
      const kill = this.#unless(`${account} kill`, String(stopped), (tag) => ({
        ...header(account, tag),
        kind: "kill",
        engage: stopped,
      }));
      const set = limits === null ? [] : this.#limitsOf(account, limits);
      return stopped ? [...kill, ...set] : [...set, ...kill];
    });
  }

  #limitsOf(account: AccountId, limits: EngineLimits): ReturnType<AccountLimits["missing"]> {
    return Object.entries(limits).flatMap(([name, bound]: [string, number | EngineRate]) => {
      const limit = name as AccountLimit;
      const value = typeof bound === "number" ? bound : bound.count;
      // The engine wants a window with every rate, also with one that does not limit.
      const windowMs = typeof bound === "number" ? 0 : Math.max(1, bound.windowMs);
      return this.#unless(`${account} ${limit}`, `${value} ${windowMs}`, (tag) => ({
        ...header(account, tag),
        kind: "set_limit",
        limit,
        value,
        windowMs,
      }));
    });
  }

  #unless(key: string, wanted: string, make: Make): ReturnType<AccountLimits["missing"]> {
    if (this.#held.get(key) === wanted) return [];
    return [{ make, done: () => void this.#held.set(key, wanted) }];
  }
}

type EngineRate = EngineLimits["message_rate"];

const header = (account: AccountId, tag: number) => ({ session: 0, number: 0, account, tag });
