import { actorSubject, isToken, patterns } from "../../schemas/subjects.ts";
import type { ActorDefinition, ActorRef, ActorSystem, Lane } from "../kernel/actor.ts";
import type { Bus, Subscription } from "../kernel/ports/bus.ts";
import type { IncarnationFence } from "../kernel/incarnation-fence.ts";
import type { EventLog } from "../kernel/ports/event-log.ts";
import type { Log } from "../kernel/ports/log.ts";
import { type Failure, ok, refuse, type Result } from "../kernel/result.ts";
import type { DurationNs } from "../kernel/units.ts";
import {
  decodeReply,
  decodeRequest,
  encodeRefusal,
  encodeReply,
  encodeRequest,
} from "../risk-limit/codec.ts";
import { type Answered, throughLevels } from "../risk-limit/hierarchy.ts";
import { noLimits } from "../risk-limit/limits.ts";
import type { RiskLimitMachine } from "../risk-limit/machine.ts";
import type {
  RiskLimitFailure,
  RiskLimitMessage,
  RiskLimitReply,
  RiskLimitStart,
} from "../risk-limit/messages.ts";
import type { LimitsHost } from "./market-host.ts";
import type { RefusalCounter } from "./refusal-counter.ts";
import { paths, riskLimitChild } from "./tree.ts";

export type RiskLimitDefinition = ActorDefinition<
  RiskLimitStart,
  RiskLimitMessage,
  RiskLimitReply,
  RiskLimitMachine
>;
type RiskLimit = ActorRef<RiskLimitMessage, RiskLimitReply>;

const askTimeout = 5_000_000_000 as DurationNs;
/** A question to a level above: that level may have to ask its own. */
const levelTimeout = 4_000_000_000 as DurationNs;
/** Reservations and releases on their way through the levels; one more is refused `busy`. */
const levelsLimit = 4_096;

export interface RiskHostOf {
  readonly region: string;
  readonly bus: Bus;
  readonly log: Log;
  readonly system: ActorSystem;
  readonly definition: RiskLimitDefinition;
  readonly events: EventLog;
  readonly refusals: RefusalCounter;
  readonly markets: LimitsHost;
  readonly senders: IncarnationFence;
}

/**
 * Serves act.<region>.risk-limit.<name>.<verb>, and act.<region>.market.<market>.limits, by which a risk
 * limit's values reach the engine. The first define or set-limits of a name makes its actor; a name that
 * has a log gets it back by any request. Every subject below those is answered, also the ones that mean
 * nothing.
 */
export function serveRiskLimits(of: RiskHostOf): Subscription {
  const host = new RiskHost(of);
  const subjects = [patterns.riskLimitsOf(of.region), patterns.marketLimitsOf(of.region)];
  const served = subjects.map((subject) =>
    of.bus.serve(subject, (request) => {
      host.answer(request.subject, request.payload).then(
        (payload) => {
          if (payload !== null) request.respond(payload);
        },
        (error: unknown) => of.log.error({ error: String(error) }, "a risk-limit request failed"),
      );
    }),
  );
  return {
    unsubscribe: () => {
      for (const one of served) one.unsubscribe();
    },
  };
}

class RiskHost {
  readonly #of: RiskHostOf;
  /** What is on its way through the levels, by name and command id: a resend joins it. */
  readonly #climbing = new Map<string, Promise<Answered>>();

  constructor(of: RiskHostOf) {
    this.#of = of;
  }

  /** The bytes of a reply; null where the sender must send the same command id again. */
  async answer(subject: string, payload: Uint8Array): Promise<Uint8Array | null> {
    const [, , type = "", name = "", verb = "", ...rest] = subject.split(".");
    if (type === "market" && verb === "limits" && rest.length === 0) {
      const reply = await this.#of.markets.limits(name, payload);
      // What is not answered is sent again.
      return reply.ok ? reply.value : null;
    }
    if (type !== "risk-limit" || !isToken(name) || rest.length > 0) {
      this.#deadLetter(`/${this.#of.region}`, "not_found", { subject: subject.slice(0, 256) });
      const known = `act.${this.#of.region}.risk-limit.<name>.<verb>`;
      return this.#refusal(refuse("not_found", "no actor has this subject", known).failure);
    }
    const message = decodeRequest(verb, payload);
    if (!message.ok) {
      const path = paths.riskLimit(this.#of.region, name);
      this.#deadLetter(path, "malformed", { verb: verb.slice(0, 64), bytes: payload.length });
      return this.#refusal(message.failure);
    }
    const stale = await this.#staleSender(message.value);
    if (stale !== null) return this.#refusal(stale);
    const actor = await this.#found(name, message.value);
    if (!actor.ok) return this.#refusal(actor.failure);
    const reply = await this.#reply(name, actor.value, message.value);
    if (!reply.ok) return this.#refusal(reply.failure);
    if (reply.value === null) return null;
    if (reply.value.type === "refused") this.#of.refusals.count(reply.value.failure.code);
    return encodeReply(reply.value);
  }

  /** An actor that was replaced neither reserves nor releases; clients have no incarnation. */
  async #staleSender(message: RiskLimitMessage): Promise<Failure | null> {
    const moves = message.type === "reserve" || message.type === "release";
    if (!moves || message.sender === undefined) return null;
    return await this.#of.senders.admit(message.sender);
  }

  async #reply(name: string, actor: RiskLimit, asked: RiskLimitMessage): Promise<Result<Answered>> {
    if (asked.type === "reserve" || asked.type === "release") {
      if (this.#climbing.size < levelsLimit) return ok(await this.#climb(name, actor, asked));
      const reason = `${levelsLimit} commands wait for the levels above`;
      return refuse("busy", reason, "send the same command id again in a moment");
    }
    if (asked.type === "define") {
      const fault = await this.#parentFault(asked.parent);
      if (fault !== null) return fault;
    }
    const reply = await actor.ask(asked, askTimeout, laneOf(asked));
    if (reply.ok || reply.failure.code === "busy") return reply;
    // Ambiguous failures stay unanswered: the sender sends the same command id again.
    return ok(null);
  }

  /** A parent is defined before its members, and never moves: so nobody is above himself. */
  async #parentFault(parent: string): Promise<Result<Answered> | null> {
    if (parent === "") return null;
    const subject = actorSubject(this.#of.region, "risk-limit", parent, "describe");
    const question = encodeRequest({ type: "describe" });
    const answer = await this.#of.bus.request(subject, question, levelTimeout);
    if (!answer.ok) return ok(null);
    const { refusal, outcome } = decodeReply(answer.value);
    if (refusal !== null && passing.has(refusal.code)) return ok(null);
    if (refusal === null && outcome.scope !== null) return null;
    return refuse("not_found", `${parent} is not defined`, "define the parent first");
  }

  #climb(
    name: string,
    actor: RiskLimit,
    command: Extract<RiskLimitMessage, { readonly type: "reserve" | "release" }>,
  ): Promise<Answered> {
    const key = `${name} ${command.type} ${command.commandId}`;
    const under = this.#climbing.get(key);
    if (under !== undefined) return under;
    const climbed = throughLevels(
      {
        self: (message) => actor.ask(message, askTimeout, laneOf(message)),
        parent: (parent, message) => this.#above(parent, message),
      },
      command,
    ).finally(() => this.#climbing.delete(key));
    this.#climbing.set(key, climbed);
    return climbed;
  }

  /** A level above may be in another cell, so it is asked like by anybody else. */
  async #above(
    parent: string,
    message: Extract<RiskLimitMessage, { readonly type: "reserve" | "release" }>,
  ): Promise<Answered> {
    const subject = actorSubject(this.#of.region, "risk-limit", parent, message.type);
    const answer = await this.#of.bus.request(subject, encodeRequest(message), levelTimeout);
    if (!answer.ok) return null;
    const { refusal, outcome, repeated, limit, requested } = decodeReply(answer.value);
    if (refusal === null) return { type: "done", outcome, repeated };
    if (passing.has(refusal.code)) return null;
    const failure = { ...refusal, limit, requested } as RiskLimitFailure;
    return { type: "refused", failure, outcome };
  }

  #deadLetter(
    path: string,
    reason: "not_found" | "malformed",
    about: Readonly<Record<string, string | number>>,
  ): void {
    this.#of.system.deadLetters.add(path, reason, about);
  }

  #refusal(failure: Failure): Uint8Array {
    this.#of.refusals.count(failure.code);
    return encodeRefusal(failure);
  }

  async #found(name: string, message: RiskLimitMessage): Promise<Result<RiskLimit>> {
    const { system, definition, region, events } = this.#of;
    const path = paths.riskLimit(region, name);
    const running = system.find(definition, path);
    if (running.ok) return running;
    if (message.type !== "set_limits" && message.type !== "define") {
      const kept = await events.read(`risk-limit.${name}`, 0, 1);
      const trimmed = !kept.ok && kept.failure.code === "trimmed";
      if (!kept.ok && !trimmed) {
        return refuse("unavailable", kept.failure.reason, kept.failure.next);
      }
      if (kept.ok && kept.value.length === 0) {
        return refuse("not_found", `${name} has no limits`, "send define or set-limits first");
      }
    }
    const started = await system.startChild(
      paths.risk(region),
      riskLimitChild({ name, limits: noLimits }),
    );
    if (!started.ok && started.failure.code !== "already_started") {
      const busy = started.failure.code === "busy" ? "busy" : "internal";
      return refuse(busy, started.failure.reason, "send the same command id again in a moment");
    }
    return system.find(definition, path);
  }
}

/** A level above that answers so has decided nothing. */
const passing: ReadonlySet<string> = new Set(["busy", "unavailable", "internal", "timeout"]);

/** Less risk must not wait behind the reservations that it is to keep out. */
const laneOf = (message: RiskLimitMessage): Lane =>
  message.type === "set_limits" || message.type === "stop" || message.type === "report"
    ? "system"
    : "ordinary";
