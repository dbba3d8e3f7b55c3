import { ok, type Result } from "../../actors/kernel/result.ts";
import { wire } from "../../schemas/messages.ts";
import { decodeRefusal } from "../../schemas/sdk/codec.ts";
import { failoversOf, operationsSubject } from "../../schemas/subjects.ts";
import type { Cluster } from "./cluster.ts";

const { FailoverRequest, FailoverReply, FailoverStep, ApproveRequest, AbortRequest } =
  wire.region.v1;

export interface FailoverWish {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly dryRun: boolean;
  readonly acceptLoss: boolean;
  readonly reason: string;
  /** A fail-back: only what is at home in `to`. */
  readonly homeOnly: boolean;
}

export interface PlanMarket {
  readonly market: string;
  readonly shard: string;
  readonly mode: string;
  readonly owner: string;
  readonly epoch: number;
  readonly matched: number;
  readonly durable: number;
  readonly committed: number;
  readonly standbySequence: number;
  readonly lagRecords: number;
  readonly lagMs: number;
  readonly loss: string;
}
export interface PlanCheck {
  readonly name: string;
  readonly level: "ok" | "warning" | "fault";
  readonly what: string;
}
export interface PlanView {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  /** False: the region is silent and its markets are taken. */
  readonly planned: boolean;
  readonly approvalNeeded: boolean;
  readonly markets: readonly PlanMarket[];
  readonly checks: readonly PlanCheck[];
  readonly actors: readonly PlanActor[];
  /** More actors that move as well. */
  readonly actorsLeftOut: number;
}
export interface PlanActor {
  readonly region: string;
  readonly type: string;
  readonly id: string;
  readonly shard: string;
  readonly epoch: number;
  /** Number of the last event in its log. */
  readonly sequence: number;
}
export interface FailoverView {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly state: string;
  readonly requestedBy: string;
  readonly approvedBy: string;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly marketsMoved: number;
  readonly actorsMoved: number;
  readonly longestPauseMs: number;
  readonly detail: string;
  readonly planned: boolean;
}
export interface StepView {
  readonly id: string;
  readonly number: number;
  readonly step: string;
  readonly market: string;
  readonly detail: string;
  readonly by: string;
  readonly at: string;
}

/** How long a region may take to look at all that a plan needs. */
const PLAN_TIMEOUT_MS = 10_000;

type Reply = { readonly plan: PlanView | null; readonly status: FailoverView | null };

function decodeReply(payload: Uint8Array): Result<Reply> {
  const reply = FailoverReply.decode(payload);
  const failure = decodeRefusal(reply.refusal);
  if (failure !== null) return { ok: false, failure };
  return ok({
    plan: reply.plan ? planView(reply.plan) : null,
    status: reply.status ? failoverView(reply.status) : null,
  });
}

/** Sent to the region itself, which hands over; when nobody answers there, to the one that takes. */
export async function askFailover(
  cluster: Cluster,
  wish: FailoverWish,
): Promise<Result<Reply & { readonly region: string }>> {
  const payload = FailoverRequest.encode({ ...wish, requestedBy: cluster.user }).finish();
  const ask = (region: string): Promise<Result<Reply>> =>
    cluster.ask(operationsSubject(region, "failover"), payload, decodeReply, PLAN_TIMEOUT_MS);
  const living = await ask(wish.from);
  const silent =
    !living.ok && (living.failure.code === "no_responders" || living.failure.code === "timeout");
  const answer = silent ? await ask(wish.to) : living;
  return answer.ok ? ok({ ...answer.value, region: silent ? wish.to : wish.from }) : answer;
}

export function approveFailover(
  cluster: Cluster,
  region: string,
  id: string,
): Promise<Result<Reply>> {
  const payload = ApproveRequest.encode({ id, approvedBy: cluster.user }).finish();
  return cluster.ask(operationsSubject(region, "approve"), payload, decodeReply, PLAN_TIMEOUT_MS);
}

/** Ends it where it stands: what has not been handed over stays. */
export function abortFailover(
  cluster: Cluster,
  region: string,
  id: string,
  reason: string,
): Promise<Result<Reply>> {
  const payload = AbortRequest.encode({ id, requestedBy: cluster.user, reason }).finish();
  const subject = operationsSubject(region, "failover-abort");
  return cluster.ask(subject, payload, decodeReply, PLAN_TIMEOUT_MS);
}

/** Steps of the failovers that a region's cell carries out, as they happen. */
export async function* failoverSteps(cluster: Cluster, region: string): AsyncGenerator<StepView> {
  for await (const payload of cluster.listen(failoversOf(region))) {
    const step = FailoverStep.decode(payload);
    yield {
      id: step.id,
      number: step.number,
      step: step.step,
      market: step.market,
      detail: step.detail,
      by: step.by,
      at: new Date(step.atUnixMs).toISOString(),
    };
  }
}

function planView(plan: wire.region.v1.FailoverPlan.$Properties): PlanView {
  return {
    id: plan.id ?? "",
    from: plan.from ?? "",
    to: plan.to ?? "",
    planned: plan.planned ?? false,
    approvalNeeded: plan.approvalNeeded ?? false,
    markets: (plan.markets ?? []).map((one) => ({
      market: one.market ?? "",
      shard: one.shard ?? "",
      mode: one.mode ?? "",
      owner: one.owner ?? "",
      epoch: one.epoch ?? 0,
      matched: one.matched ?? 0,
      durable: one.durable ?? 0,
      committed: one.committed ?? 0,
      standbySequence: one.standbySequence ?? 0,
      lagRecords: one.lagRecords ?? 0,
      lagMs: one.lagMs ?? 0,
      loss: one.loss ?? "",
    })),
    checks: (plan.checks ?? []).map(({ name, level, what }) => ({
      name: name ?? "",
      level: level === "warning" || level === "fault" ? level : "ok",
      what: what ?? "",
    })),
    actors: (plan.actors ?? []).map((one) => ({
      region: one.region ?? "",
      type: one.type ?? "",
      id: one.id ?? "",
      shard: one.shard ?? "",
      epoch: one.epoch ?? 0,
      sequence: one.sequence ?? 0,
    })),
    actorsLeftOut: plan.actorsLeftOut ?? 0,
  };
}

export function failoverView(status: wire.region.v1.FailoverStatus.$Properties): FailoverView {
  const time = (ms: number | null | undefined): string | null =>
    (ms ?? 0) === 0 ? null : new Date(ms ?? 0).toISOString();
  return {
    id: status.id ?? "",
    from: status.from ?? "",
    to: status.to ?? "",
    state: status.state ?? "",
    requestedBy: status.requestedBy ?? "",
    approvedBy: status.approvedBy ?? "",
    startedAt: time(status.startedUnixMs) ?? "",
    endedAt: time(status.endedUnixMs),
    marketsMoved: status.marketsMoved ?? 0,
    actorsMoved: status.actorsMoved ?? 0,
    longestPauseMs: status.longestPauseMs ?? 0,
    detail: status.detail ?? "",
    planned: status.planned ?? false,
  };
}
