import { computed, signal } from "@preact/signals";

import { ok, type Result } from "../../../../actors/kernel/result.ts";
import { wire } from "../../../../schemas/messages.ts";
import { decodeRefusal } from "../../../../schemas/sdk/codec.ts";
import { failoversOf, operationsSubject } from "../../../../schemas/subjects.ts";
import { person } from "../live/access.ts";
import { ask, listen } from "../live/link.ts";
import { regions } from "./status.ts";

/** Moving a region's markets: the plan, the wish, the second person, and every step as it happens. */

export type FailoverPlan = wire.region.v1.IFailoverPlan;
export type FailoverStatus = wire.region.v1.IFailoverStatus;
export type FailoverStep = wire.region.v1.FailoverStep;

const { FailoverRequest, FailoverReply, FailoverStep, ApproveRequest, AbortRequest } =
  wire.region.v1;
const planTimeoutMs = 8_000;
const stepsKept = 400;

export interface Wish {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly dryRun: boolean;
  readonly acceptLoss: boolean;
  readonly reason: string;
  /** The region that is asked: `from` while it lives, else `to`. */
  readonly at: string;
}

export interface FailoverAnswer {
  readonly plan: FailoverPlan | null;
  readonly status: FailoverStatus | null;
}

function decode(payload: Uint8Array): Result<FailoverAnswer> {
  const { refusal, plan, status } = FailoverReply.decode(payload);
  const failure = decodeRefusal(refusal);
  return failure === null
    ? ok({ plan: plan ?? null, status: status ?? null })
    : { ok: false, failure };
}

export function failover({ at, ...wish }: Wish): Promise<Result<FailoverAnswer>> {
  const requestedBy = person.peek()?.name ?? "";
  const request = FailoverRequest.encode({ ...wish, requestedBy }).finish();
  return ask(operationsSubject(at, "failover"), request, decode, planTimeoutMs);
}

export function approve(at: string, id: string): Promise<Result<FailoverAnswer>> {
  const approvedBy = person.peek()?.name ?? "";
  const request = ApproveRequest.encode({ id, approvedBy }).finish();
  return ask(operationsSubject(at, "approve"), request, decode, planTimeoutMs);
}

/** Ends it where it stands: what has not been handed over stays. */
export function abort(at: string, id: string): Promise<Result<FailoverAnswer>> {
  const requestedBy = person.peek()?.name ?? "";
  const request = AbortRequest.encode({ id, requestedBy, reason: "by the console" }).finish();
  return ask(operationsSubject(at, "failover-abort"), request, decode, planTimeoutMs);
}

export const approveCommand = (at: string, id: string): string =>
  `npx meridian region approve ${id} --in ${at} --as approver`;
export const abortCommand = (at: string, id: string): string =>
  `npx meridian region abort ${id} --in ${at} --as operator`;

/** Steps that were heard since the page was loaded, in the order they came; `at`: the region that told. */
export const steps = signal<readonly (FailoverStep & { readonly at: string })[]>([]);

export function followFailovers(names: readonly string[]): () => void {
  const ends = names.map((at) =>
    listen(failoversOf(at), (payload) => {
      const step = Object.assign(FailoverStep.decode(payload), { at });
      const known = steps.value.some(
        (each) => each.id === step.id && each.at === at && each.number === step.number,
      );
      if (!known) steps.value = [...steps.value, step].slice(-stepsKept);
    }),
  );
  return () => {
    for (const end of ends) end();
  };
}

/** What waits for a second person, as the regions tell and as it was heard. */
export const waiting = computed(() => {
  const found = new Map<string, { id: string; from: string; to: string; by: string; at: string }>();
  for (const { name, status } of regions.value) {
    const last = status?.lastFailover;
    if (last?.state !== "awaiting_approval") continue;
    const { id = "", from = "", to = "", requestedBy = "" } = last;
    found.set(id ?? "", {
      id: id ?? "",
      from: from ?? "",
      to: to ?? "",
      by: requestedBy ?? "",
      at: name,
    });
  }
  return [...found.values()];
});

export const failoverCommand = (
  from: string,
  to: string,
  dryRun: boolean,
  acceptLoss = false,
): string =>
  `npx meridian region failover ${from} --to ${to}${dryRun ? " --dry-run" : ""}${acceptLoss ? " --accept-loss" : ""} --as operator`;
