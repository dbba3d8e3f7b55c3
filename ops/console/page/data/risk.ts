import { ok, type Result } from "../../../../actors/kernel/result.ts";
import { wire } from "../../../../schemas/messages.ts";
import { decodeRefusal } from "../../../../schemas/sdk/codec.ts";
import { actorSubject } from "../../../../schemas/subjects.ts";
import { person } from "../live/access.ts";
import { ask } from "../live/link.ts";
import type { Limits } from "./limit-rules.ts";
import { polled, type Source } from "../live/source.ts";

/** Risk limits as their actors tell of them. Quantities are lots. */

export type RiskLimit = wire.risk.v1.RiskLimitReply;

const { Describe, RiskLimitReply, SetLimits, Stop, Resume, Approve, Scope } = wire.risk.v1;
const everyMs = 2_000;
const actionTimeoutMs = 6_000;

export const riskSubject = (region: string, name: string, verb: string): string =>
  actorSubject(region, "risk-limit", name, verb);

function decode(payload: Uint8Array): Result<RiskLimit> {
  const reply = RiskLimitReply.decode(payload);
  const failure = decodeRefusal(reply.refusal);
  return failure === null ? ok(reply) : { ok: false, failure };
}

export const riskSource = (region: string, name: string): Source<RiskLimit> =>
  polled<RiskLimit>(everyMs, () =>
    ask(riskSubject(region, name, "describe"), Describe.encode({}).finish(), decode),
  );

const requester = (): string => person.peek()?.name ?? "";

const act = (region: string, name: string, verb: string, payload: Uint8Array) =>
  ask(riskSubject(region, name, verb), payload, decode, actionTimeoutMs);

/** Whether these would hold at once: the answer's approvalNeeded. Changes nothing. */
export const tryLimits = (region: string, name: string, wanted: Limits) =>
  act(region, name, "describe", Describe.encode({ wanted }).finish());

/** Tighter ones hold at once, looser ones when a second person has approved them. */
export const setLimits = (region: string, name: string, commandId: string, limits: Limits) =>
  act(
    region,
    name,
    "set-limits",
    SetLimits.encode({ commandId, limits, requestedBy: requester() }).finish(),
  );

/** A stop without a reason is refused: it is what everybody is shown afterwards. */
const noReason = "by the console";

/** The kill switch: no order of the name and of what is below it is taken from now on. */
export const stopRisk = (region: string, name: string, commandId: string, reason: string) =>
  act(
    region,
    name,
    "stop",
    Stop.encode({
      commandId,
      reason: reason.trim() || noReason,
      requestedBy: requester(),
    }).finish(),
  );

/** Takes effect when somebody else has approved it. */
export const resumeRisk = (region: string, name: string, commandId: string) =>
  act(region, name, "resume", Resume.encode({ commandId, requestedBy: requester() }).finish());

export const approveRisk = (region: string, name: string, commandId: string, proposal: string) =>
  act(
    region,
    name,
    "approve",
    Approve.encode({ commandId, proposal, approvedBy: requester() }).finish(),
  );

const scopes = new Map<number, string>([
  [Scope.SCOPE_DESK, "desk"],
  [Scope.SCOPE_ACCOUNT, "account"],
  [Scope.SCOPE_STRATEGY, "strategy"],
]);
export const scopeText = (scope: number): string => scopes.get(scope) ?? "undefined";

export interface Utilisation {
  readonly title: string;
  readonly used: number;
  readonly limit: number;
  readonly unit: string;
}

/** How much of each limit that has a running total is used; a limit of 0 does not limit, but for the open quantity. */
export function utilisationOf(of: RiskLimit): readonly Utilisation[] {
  const limits = of.limits ?? {};
  const open = {
    title: "open",
    used: of.reserved,
    limit: limits.maximumOpenQuantity ?? 0,
    unit: "lots",
  };
  const position = {
    title: "position",
    used: of.position,
    limit: limits.maximumPosition ?? 0,
    unit: "lots",
  };
  const loss = {
    title: "loss",
    used: Math.max(0, -of.profit),
    limit: limits.maximumLoss ?? 0,
    unit: "price units × units",
  };
  return [open, ...[position, loss].filter(({ limit }) => limit > 0)];
}
