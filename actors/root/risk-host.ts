import { actorSubject, hostLimitSubject, isToken, patterns } from "../../schemas/subjects.ts";
import type { Lane } from "../kernel/actor.ts";
import type { IncarnationFence } from "../kernel/incarnation-fence.ts";
import type { Bus, BusRequest, Subscription } from "../kernel/ports/bus.ts";
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
import type { LimitDirectory } from "../risk-limit/directory.ts";
import {
  type Answered,
  type Climbing,
  holdThroughLevels,
  type Levels,
  throughLevels,
} from "../risk-limit/hierarchy.ts";
import type { RiskLimitFailure, RiskLimitMessage } from "../risk-limit/messages.ts";
import { type LimitResidents, type RiskLimit, shardOfLimit } from "./limit-residents.ts";
import type { RefusalCounter } from "./refusal-counter.ts";
import { paths } from "./tree.ts";

const askTimeout = 5_000_000_000 as DurationNs;
/** Another cell, which may have to ask the levels above. */
const hostTimeout = 5_000_000_000 as DurationNs;
/** A question to a level above: that level may have to ask its own. */
const levelTimeout = 4_000_000_000 as DurationNs;
/** Reservations and releases on their way through the levels; one more is refused `busy`. */
const levelsLimit = 4_096;

export interface RiskHostOf {
  readonly region: string;
  readonly cell: string;
  readonly bus: Bus;
  readonly log: Log;
  /** What cannot be answered, with its path. */
  readonly deadLetter: (path: string, reason: "not_found" | "malformed", about: About) => void;
  readonly residents: Pick<LimitResidents, "find">;
  readonly ownerOf: (shard: number) => { readonly cell: string; readonly here: boolean } | null;
  readonly directory: LimitDirectory;
  readonly refusals: RefusalCounter;
  readonly senders: IncarnationFence;
}

/** What other cells ask is served at once, what everybody asks when `serveRegion` is called. */
export interface ServedLimits extends Subscription {
  readonly answerHere: (
    name: string,
    verb: string,
    payload: Uint8Array,
  ) => Promise<Uint8Array | null>;
  serveRegion(): Subscription;
}

type About = Readonly<Record<string, string | number>>;

/**
 * Serves act.<region>.risk-limit.<name>.<verb> in the queue of the region's cells: a name that lives in
 * another cell is asked there. The first define or set-limits of a name makes its actor. Every subject below
 * is answered, also the ones that mean nothing.
 */
export function serveRiskLimits(of: RiskHostOf): ServedLimits {
  const host = new RiskHost(of);
  const serve = (
    subject: string,
    answer: (request: BusRequest) => Promise<Uint8Array | null>,
  ): Subscription =>
    of.bus.serve(subject, (request) => {
      answer(request).then(
        (payload) => {
          if (payload !== null) request.respond(payload);
        },
        (error: unknown) => of.log.error({ error: String(error) }, "a risk-limit request failed"),
      );
    });
  const asked = serve(patterns.hostLimitsOf(of.region, of.cell), ({ subject, payload }) => {
    const [, , , , , name = "", verb = ""] = subject.split(".");
    return host.answerHere(name, verb, payload);
  });
  return {
    answerHere: (name, verb, payload) => host.answerHere(name, verb, payload),
    serveRegion: () =>
      serve(patterns.riskLimitsOf(of.region), ({ subject, payload }) => {
        const [, , , name = "", verb = "", ...rest] = subject.split(".");
        return host.answer(subject, isToken(name) && rest.length === 0 ? name : "", verb, payload);
      }),
    unsubscribe: () => asked.unsubscribe(),
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
  async answer(
    subject: string,
    name: string,
    verb: string,
    payload: Uint8Array,
  ): Promise<Uint8Array | null> {
    const { region, bus, ownerOf } = this.#of;
    if (name === "") {
      this.#of.deadLetter(`/${region}`, "not_found", { subject: subject.slice(0, 256) });
      const known = `act.${region}.risk-limit.<name>.<verb>`;
      return this.#refusal(refuse("not_found", "no actor has this subject", known).failure);
    }
    const owner = ownerOf(shardOfLimit(name));
    if (owner === null) return this.#refusal(noOwner(name));
    // What means nothing is refused where it came in; a verb may be no token.
    if (owner.here || !isToken(verb)) return this.answerHere(name, verb, payload);
    const there = hostLimitSubject(region, owner.cell, name, verb);
    const reply = await bus.request(there, payload, hostTimeout);
    if (reply.ok) return reply.value;
    return reply.failure.code === "no_responders" ? this.#refusal(noOwner(name)) : null;
  }

  /** The same for a name of this cell. */
  async answerHere(name: string, verb: string, payload: Uint8Array): Promise<Uint8Array | null> {
    const message = decodeRequest(verb, payload);
    if (!message.ok) {
      const path = paths.riskLimit(this.#of.region, name);
      const about = { verb: verb.slice(0, 64), bytes: payload.length };
      this.#of.deadLetter(path, "malformed", about);
      return this.#refusal(message.failure);
    }
    const stale = await this.#staleSender(message.value);
    if (stale !== null) return this.#refusal(stale);
    const { type } = message.value;
    const actor = await this.#of.residents.find(name, type === "set_limits" || type === "define");
    if (!actor.ok) return this.#refusal(passed(actor.failure));
    const reply = await this.#reply(name, actor.value, message.value);
    if (!reply.ok) return this.#refusal(reply.failure);
    if (reply.value === null) return null;
    // A cell that was frozen may be out: what it knows may not stand any more.
    if (this.#of.ownerOf(shardOfLimit(name))?.here !== true) return null;
    if (reply.value.type === "refused") {
      const { failure } = reply.value;
      // The log has another writer: the name's present owner answers the same command id.
      if (failure.code === "stale_epoch") return this.#refusal(noOwner(name));
      this.#of.refusals.count(failure.code);
    }
    return encodeReply(reply.value);
  }

  /** An actor that was replaced neither reserves nor releases; clients have no incarnation. */
  async #staleSender(message: RiskLimitMessage): Promise<Failure | null> {
    const { type } = message;
    const moves = type === "reserve" || type === "release" || type === "hold";
    if (!moves || message.sender === undefined) return null;
    return await this.#of.senders.admit(message.sender);
  }

  async #reply(name: string, actor: RiskLimit, asked: RiskLimitMessage): Promise<Result<Answered>> {
    if (asked.type === "reserve" || asked.type === "release" || asked.type === "hold") {
      if (this.#climbing.size < levelsLimit) return ok(await this.#climb(name, actor, asked));
      const reason = `${levelsLimit} commands wait for the levels above`;
      return refuse("busy", reason, "send the same command id again in a moment");
    }
    if (asked.type === "define") {
      const fault =
        (await this.#parentFault(asked.parent)) ??
        (await this.#accountFault(name, actor, asked.account));
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

  /** One name writes an account's limits, whatever the region: two would undo each other's. */
  async #accountFault(
    name: string,
    actor: RiskLimit,
    account: number,
  ): Promise<Result<Answered> | null> {
    if (account === 0) return null;
    const stands = await actor.ask({ type: "describe" }, askTimeout);
    if (!stands.ok) return ok(null);
    // What it is defined as is for its rules to compare.
    if (stands.value.outcome.scope !== null) return null;
    const holder = await this.#of.directory.claimAccount(account, name);
    if (!holder.ok) return refuse("unavailable", holder.failure.reason, holder.failure.next);
    const { region, name: writer } = holder.value;
    if (region === this.#of.region && writer === name) return null;
    return refuse(
      "already_defined",
      `the limits of account ${account} are those of ${writer} in ${region}`,
      `change ${writer}, or define a strategy below it`,
    );
  }

  #climb(name: string, actor: RiskLimit, command: Climbing): Promise<Answered> {
    const key = `${name} ${command.type} ${command.commandId}`;
    const under = this.#climbing.get(key);
    if (under !== undefined) return under;
    const levels: Levels = {
      self: (message) => actor.ask(message, askTimeout, laneOf(message)),
      parent: (parent, message) => this.#above(parent, message),
    };
    const climbed = (
      command.type === "hold"
        ? holdThroughLevels(levels, name, command)
        : throughLevels(levels, command)
    ).finally(() => this.#climbing.delete(key));
    this.#climbing.set(key, climbed);
    return climbed;
  }

  /** A level above may be in another cell, so it is asked like by anybody else. */
  async #above(parent: string, message: Climbing): Promise<Answered> {
    const subject = actorSubject(this.#of.region, "risk-limit", parent, message.type);
    const answer = await this.#of.bus.request(subject, encodeRequest(message), levelTimeout);
    if (!answer.ok) return null;
    const { refusal, outcome, repeated, limit, requested } = decodeReply(answer.value);
    if (refusal === null) return { type: "done", outcome, repeated };
    if (passing.has(refusal.code)) return null;
    const failure = { ...refusal, limit, requested } as RiskLimitFailure;
    return { type: "refused", failure, outcome };
  }

  #refusal(failure: Failure): Uint8Array {
    this.#of.refusals.count(failure.code);
    return encodeRefusal(failure);
  }
}

const noOwner = (name: string): Failure =>
  refuse(
    "unavailable",
    `no cell owns the shard of ${name} at the moment`,
    "ask again in a few seconds: a lost cell's risk limits come back elsewhere",
  ).failure;

/** That this cell has just lost the shard is nothing to the sender. */
const passed = (failure: Failure): Failure =>
  failure.code === "not_owner" ? { ...failure, code: "unavailable" } : failure;

/** A level above that answers so has decided nothing. */
const passing: ReadonlySet<string> = new Set(["busy", "unavailable", "internal", "timeout"]);

/** Less risk must not wait behind the reservations that it is to keep out. */
function laneOf(message: RiskLimitMessage): Lane {
  const { type } = message;
  const lessens = type === "set_limits" || type === "stop" || type === "report";
  return lessens || (type === "hold" && message.largest === 0) ? "system" : "ordinary";
}
