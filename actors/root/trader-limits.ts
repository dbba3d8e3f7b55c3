import { createHash } from "node:crypto";

import type { ActorsConfiguration } from "../../schemas/actors-configuration.ts";
import { actorSubject } from "../../schemas/subjects.ts";
import type { Bus } from "../kernel/ports/bus.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import { type Failure, ok, refuse, type Result } from "../kernel/result.ts";
import { type DurationNs, quantityLots } from "../kernel/units.ts";
import { decodeReply, encodeRequest, type ReadReply } from "../risk-limit/codec.ts";
import type { LimitDirectory } from "../risk-limit/directory.ts";
import { noLimits } from "../risk-limit/limits.ts";
import type { Limits, RiskLimitCommand } from "../risk-limit/messages.ts";

export interface TraderLimitsOf {
  readonly region: string;
  readonly bus: Pick<Bus, "request">;
  readonly clock: Clock;
  readonly directory: LimitDirectory;
  /** Of an account whose first actor is spawned; no actor's own limit allows more. */
  readonly allowed: Limits;
}

/** A trader that is to have a limit of its own. */
export interface LimitWanted {
  readonly id: string;
  readonly account: number;
  readonly limits: OwnLimits;
  readonly requestedBy: string;
}

/** As limits of an account. */
export function spawnLimits(allowed: ActorsConfiguration["limits"]): Limits {
  const { maximumOrderQuantity, maximumOpenQuantity, ordersPerSecond, ...others } = allowed;
  return {
    ...noLimits,
    ...others,
    maximumOrderQuantity: quantityLots(maximumOrderQuantity),
    maximumOpenQuantity: quantityLots(maximumOpenQuantity),
    messageCount: ordersPerSecond,
    messageWindowMs: ordersPerSecond === 0 ? 0 : 1_000,
  };
}

/** What a trader's own limit is to be: lots; loss in price units times quantity units. 0: as the account. */
export interface OwnLimits {
  readonly order: number;
  readonly open: number;
  readonly position: number;
  readonly loss: number;
}

/** Never more than the configuration allows. */
export function within(own: OwnLimits, allowed: Limits): Limits {
  const least = (value: number, most: number): number =>
    value === 0 || most === 0 ? Math.max(value, most) : Math.min(value, most);
  return {
    ...noLimits,
    maximumOrderQuantity: quantityLots(least(own.order, allowed.maximumOrderQuantity)),
    maximumOpenQuantity: quantityLots(least(own.open, allowed.maximumOpenQuantity)),
    maximumPosition: least(own.position, allowed.maximumPosition),
    maximumLoss: least(own.loss, allowed.maximumLoss),
  };
}

const answerWithin = 1_500_000_000 as DurationNs;
/** A shard that has just moved is found again within a second, and one of a lost cell within three. */
const triedFor = 5_000_000_000;
const tryAgainAfter = 100_000_000 as DurationNs;
const levelsAtMost = 16;
/** Who is the second pair of eyes: within what the configuration allows nobody else is asked. */
const policy = "configuration";

/** The risk limit of an actor that names none: one of its own. */
export function ownLimit(id: string): string {
  const name = `trader-${id}`;
  if (name.length <= 64) return name;
  return `trader-${createHash("sha256").update(id).digest("hex").slice(0, 32)}`;
}

/**
 * Sees to it that every actor that trades has a risk limit, below one of its account. Made when it is spawned,
 * from its parameters and within what the configuration allows; what operators make of them later stands.
 */
export class TraderLimits {
  readonly #of: TraderLimitsOf;

  constructor(of: TraderLimitsOf) {
    this.#of = of;
  }

  /** The actor's own limit stands when this returns. Failure codes: parameters_invalid, unavailable. */
  async provide(wanted: LimitWanted): Promise<Result<void>> {
    const account = await this.#account(wanted);
    if (!account.ok) return account;
    const { id, limits, requestedBy } = wanted;
    const own = within(limits, this.#of.allowed);
    return this.#make(ownLimit(id), "strategy", account.value, 0, own, requestedBy);
  }

  /** Whether the actor's own limit was made; then it is not touched again. Failure code: unavailable. */
  has(id: string): Promise<Result<boolean>> {
    return this.#of.directory.has(ownLimit(id));
  }

  /**
   * That a limit which people made counts towards the account under which the actor trades. Failure codes:
   * parameters_invalid, unavailable.
   */
  async covers(name: string, account: number): Promise<Result<void>> {
    let level = name;
    for (let levels = 0; level !== "" && levels < levelsAtMost; levels += 1) {
      const reply = await this.#ask(level, { type: "describe" });
      if (!reply.ok) return reply;
      const { refusal, outcome } = reply.value;
      if (refusal?.code === "not_found" || (refusal === null && outcome.scope === null)) {
        return unfit(
          `no risk limit ${level} is defined`,
          "`npx meridian account define` makes one",
        );
      }
      if (refusal !== null) return unreached(level, refusal);
      if (outcome.account === account) return ok(undefined);
      if (outcome.account !== 0) {
        return unfit(
          `${name} counts towards account ${outcome.account}, not ${account}`,
          `spawn it with account ${outcome.account}`,
        );
      }
      level = outcome.parent;
    }
    return unfit(`${name} counts towards no account`, "name a limit below that of its account");
  }

  /** The limit of the account: of whoever writes it already, or a new one. */
  async #account({ account, requestedBy }: LimitWanted): Promise<Result<string>> {
    const { region, directory } = this.#of;
    const writer = await directory.writerOf(account);
    if (!writer.ok) return writer;
    const name = writer.value?.name ?? `account-${account}`;
    if (writer.value !== null && writer.value.region !== region) {
      return unfit(
        `the limits of account ${account} are kept in ${writer.value.region}`,
        `spawn it there, or under another account`,
      );
    }
    // What people defined is theirs.
    if (name !== `account-${account}`) return ok(name);
    const made = await this.#make(name, "account", "", account, this.#of.allowed, requestedBy);
    return made.ok ? ok(name) : made;
  }

  /**
   * As far as it is not made yet, and under the same ids every time, so that two at once make one. What it is
   * comes last: a name that is defined is finished, and nobody but people changes its limits again.
   */
  async #make(
    name: string,
    scope: "account" | "strategy",
    parent: string,
    account: number,
    limits: Limits,
    requestedBy: string,
  ): Promise<Result<void>> {
    const stands = await this.#ask(name, { type: "describe" });
    if (!stands.ok) return stands;
    const { refusal, outcome } = stands.value;
    if (refusal !== null && refusal.code !== "not_found") return unreached(name, refusal);
    if (outcome.scope !== null) return ok(undefined);
    const proposal = "spawn/limits";
    const person = requestedBy === "" ? "spawn" : requestedBy;
    const define = { type: "define", scope, parent, account, tradedOnly: true } as const;
    const commands: readonly RiskLimitCommand[] = [
      { type: "set_limits", commandId: proposal, limits, requestedBy: person },
      { type: "approve", commandId: "spawn/approve", proposal, approvedBy: policy },
      { ...define, commandId: "spawn/define", requestedBy: person },
    ];
    for (const command of commands) {
      const reply = await this.#ask(name, command);
      if (!reply.ok) return reply;
      if (reply.value.refusal !== null) return unreached(name, reply.value.refusal);
    }
    return ok(undefined);
  }

  async #ask(
    name: string,
    message: RiskLimitCommand | { readonly type: "describe" },
  ): Promise<Result<ReadReply>> {
    const verb = message.type === "set_limits" ? "set-limits" : message.type;
    const subject = actorSubject(this.#of.region, "risk-limit", name, verb);
    const { bus, clock } = this.#of;
    const until = clock.monotonic() + triedFor;
    for (;;) {
      const answer = await bus.request(subject, encodeRequest(message), answerWithin);
      const reply = answer.ok ? decodeReply(answer.value) : null;
      const code = reply?.refusal?.code ?? "";
      if (reply !== null && code !== "unavailable" && code !== "busy") return ok(reply);
      if (clock.monotonic() >= until) {
        return unreached(
          name,
          reply?.refusal ?? { code: "timeout", reason: "no answer", next: "" },
        );
      }
      await new Promise<void>((resolve) => {
        clock.after(tryAgainAfter, resolve);
      });
    }
  }
}

const unfit = (reason: string, next: string) =>
  refuse("parameters_invalid", `risk: ${reason}`, next);

const unreached = (name: string, { code, reason }: Failure) =>
  refuse("unavailable", `risk limit ${name}: ${code}: ${reason}`, "ask again in a moment");
