import { ok, refuse, type Result } from "../../actors/kernel/result.ts";
import { wire } from "../../schemas/messages.ts";
import { decodeRefusal } from "../../schemas/sdk/codec.ts";
import { controlSubject, type ControlVerb } from "../../schemas/subjects.ts";
import type { Cluster } from "./cluster.ts";

/** Actors that were spawned by request, as the control services of the regions tell of them. */

const { control } = wire;

/** A stop waits until the market has canceled what rests, and a spawn until the actor runs. */
const answerTimeoutMs = 15_000;
/** A frozen process keeps its place among those that serve a subject: what it gets is asked again. */
const questionTries = 4;
/** Actors that one answer to `list` holds. */
const pageSize = 500;

export interface QuoteView {
  readonly orderId: number;
  readonly price: number;
  readonly quantity: number;
}

export interface ActorView {
  readonly id: string;
  readonly type: string;
  readonly state: string;
  readonly region: string;
  readonly cell: string;
  readonly shard: number;
  readonly incarnation: number;
  readonly parameters: Readonly<Record<string, string>>;
  readonly requestedBy: string;
  readonly antiAffinity: string;
  readonly detail: string;
  readonly strategy: StrategyView | null;
  readonly execution: ExecutionView | null;
}

export interface StrategyView {
  readonly state: string;
  readonly inventory: number;
  readonly cash: string;
  readonly profit: string;
  readonly mid: number;
  readonly bid: QuoteView | null;
  readonly ask: QuoteView | null;
  readonly sent: number;
  readonly fills: number;
  readonly incarnation: number;
  readonly detail: string;
  /** Quantity of which nobody knows whether it was canceled or filled; counted as canceled. */
  readonly doubtful: number;
  readonly limit: LimitView;
}

/** The risk limit that is asked before each order. */
export interface LimitView {
  readonly name: string;
  /** Lots that are open or about to be. */
  readonly held: number;
  /** Plans of which no order was sent, because the limit refused or did not answer. */
  readonly refused: number;
}

export interface ExecutionView {
  readonly state: string;
  readonly quantity: number;
  readonly executed: number;
  readonly scheduled: number;
  readonly paid: string;
  readonly sent: number;
  readonly incarnation: number;
  readonly detail: string;
  readonly limit: LimitView;
}

export interface SpawnOrder {
  readonly key: string;
  readonly type: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly antiAffinity: string;
}

export function spawnActor(
  cluster: Cluster,
  region: string,
  order: SpawnOrder,
): Promise<Result<ActorView>> {
  const request = control.v1.SpawnRequest.encode({
    ...order,
    parameters: { ...order.parameters },
    requestedBy: cluster.user,
  }).finish();
  return ask(cluster, region, "spawn", request);
}

/** stop, restart, describe. */
export function askActor(
  cluster: Cluster,
  region: string,
  verb: "stop" | "restart" | "describe",
  id: string,
): Promise<Result<ActorView>> {
  const request = control.v1.StopRequest.encode(
    verb === "describe" ? { id } : { id, requestedBy: cluster.user },
  ).finish();
  return ask(cluster, region, verb, request);
}

export function sendToActor(
  cluster: Cluster,
  region: string,
  verb: "pause" | "resume" | "flatten",
  id: string,
  commandId: string,
): Promise<Result<ActorView>> {
  return ask(
    cluster,
    region,
    "send",
    control.v1.SendRequest.encode({ id, commandId, verb }).finish(),
  );
}

export function watchActor(
  cluster: Cluster,
  region: string,
  id: string,
): Promise<Result<{ readonly actor: ActorView; readonly subject: string }>> {
  const request = control.v1.WatchRequest.encode({ id }).finish();
  return question(cluster, region, "watch", request, (payload) => {
    const { refusal, actor, subject } = control.v1.WatchReply.decode(payload);
    const failure = decodeRefusal(refusal);
    return failure === null
      ? ok({ actor: actorView(actor ?? {}), subject })
      : { ok: false, failure };
  });
}

/** All of a region, page by page. */
export async function listActors(
  cluster: Cluster,
  region: string,
): Promise<Result<readonly ActorView[]>> {
  const all: ActorView[] = [];
  for (;;) {
    const request = control.v1.ListRequest.encode({
      after: all.at(-1)?.id ?? "",
      limit: pageSize,
    }).finish();
    const page = await question(cluster, region, "list", request, (payload) => {
      const { refusal, actors, more } = control.v1.ListReply.decode(payload);
      const failure = decodeRefusal(refusal);
      return failure === null
        ? ok({ actors: actors.map(actorView), more })
        : { ok: false, failure };
    });
    if (!page.ok) return page;
    all.push(...page.value.actors);
    if (!page.value.more || page.value.actors.length === 0) return ok(all);
  }
}

/** The region an actor is in: the one that was named, else the one that knows it. */
export async function regionOf(
  cluster: Cluster,
  id: string,
  named: string | undefined,
): Promise<Result<string>> {
  if (named !== undefined) return knownRegion(cluster, named);
  let last: Result<ActorView> | null = null;
  for (const region of cluster.regions) {
    const found = await askActor(cluster, region, "describe", id);
    if (found.ok) return ok(region);
    if (last === null || found.failure.code !== "not_found") last = found;
  }
  if (last !== null && !last.ok && last.failure.code !== "not_found") return last;
  return refuse("not_found", `no region knows an actor ${id}`, "npx meridian strategy list");
}

export function knownRegion(cluster: Cluster, region: string): Result<string> {
  if (cluster.regions.includes(region)) return ok(region);
  const known = cluster.regions.join(", ");
  return refuse("usage", `the cluster has no region ${region}`, `one of: ${known}`);
}

function ask(
  cluster: Cluster,
  region: string,
  verb: ControlVerb,
  request: Uint8Array,
): Promise<Result<ActorView>> {
  const decode = (payload: Uint8Array): Result<ActorView> => {
    const { refusal, actor } = control.v1.ActorReply.decode(payload);
    const failure = decodeRefusal(refusal);
    return failure === null ? ok(actorView(actor ?? {})) : { ok: false, failure };
  };
  return verb === "describe"
    ? question(cluster, region, verb, request, decode)
    : cluster.ask(controlSubject(region, verb), request, decode, answerTimeoutMs);
}

async function question<T>(
  cluster: Cluster,
  region: string,
  verb: ControlVerb,
  request: Uint8Array,
  decode: (payload: Uint8Array) => Result<T>,
): Promise<Result<T>> {
  for (let tries = 1; ; tries += 1) {
    const answer = await cluster.ask(controlSubject(region, verb), request, decode);
    if (answer.ok || answer.failure.code !== "timeout" || tries === questionTries) return answer;
  }
}

function actorView(actor: wire.control.v1.IActorStatus): ActorView {
  return {
    id: actor.id ?? "",
    type: actor.type ?? "",
    state: actor.state ?? "",
    region: actor.region ?? "",
    cell: actor.cell ?? "",
    shard: actor.shard ?? 0,
    incarnation: actor.incarnation ?? 0,
    parameters: { ...actor.parameters },
    requestedBy: actor.requestedBy ?? "",
    antiAffinity: actor.antiAffinity ?? "",
    detail: actor.detail ?? "",
    strategy: actor.strategy ? strategyView(actor.strategy) : null,
    execution: actor.execution ? executionView(actor.execution) : null,
  };
}

function strategyView(report: wire.strategy.v1.IStrategyReport): StrategyView {
  const { state, inventory, cash, profit, mid, sent, fills, incarnation, detail } = report;
  return {
    state: state ?? "",
    inventory: inventory ?? 0,
    cash: cash ?? "0",
    profit: profit ?? "0",
    mid: mid ?? 0,
    bid: quoteView(report.bid),
    ask: quoteView(report.ask),
    sent: sent ?? 0,
    fills: fills ?? 0,
    incarnation: incarnation ?? 0,
    detail: detail ?? "",
    doubtful: report.doubtful ?? 0,
    limit: limitView(report),
  };
}

const quoteView = (quote: wire.strategy.v1.IQuote | null | undefined): QuoteView | null =>
  quote
    ? { orderId: quote.orderId ?? 0, price: quote.price ?? 0, quantity: quote.quantity ?? 0 }
    : null;

function executionView(report: wire.execution.v1.IExecutionReport): ExecutionView {
  return {
    state: report.state ?? "",
    quantity: report.quantity ?? 0,
    executed: report.executed ?? 0,
    scheduled: report.scheduled ?? 0,
    paid: report.paid ?? "0",
    sent: report.sent ?? 0,
    incarnation: report.incarnation ?? 0,
    detail: report.detail ?? "",
    limit: limitView(report),
  };
}

const limitView = ({
  limit,
  held,
  limited,
}: wire.strategy.v1.IStrategyReport | wire.execution.v1.IExecutionReport): LimitView => ({
  name: limit ?? "",
  held: held ?? 0,
  refused: limited ?? 0,
});

/** A report as it comes at the subject that watchActor names. */
export function decodeReport(
  subject: string,
  payload: Uint8Array,
): Pick<ActorView, "strategy" | "execution"> {
  const executes = subject.split(".")[2] === "executions";
  return {
    strategy: executes ? null : strategyView(wire.strategy.v1.StrategyReport.decode(payload)),
    execution: executes ? executionView(wire.execution.v1.ExecutionReport.decode(payload)) : null,
  };
}
