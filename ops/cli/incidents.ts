import { randomUUID } from "node:crypto";

import { ok, refuse, type Result } from "../../actors/kernel/result.ts";
import { wire } from "../../schemas/messages.ts";
import { decodeRefusal } from "../../schemas/sdk/codec.ts";
import { incidentSubject, isToken } from "../../schemas/subjects.ts";
import type { Cluster } from "./cluster.ts";
import type { StepRun } from "./runbook-run.ts";

/** Incidents as the command line shows them. */

export interface IncidentRow {
  readonly id: string;
  readonly region: string;
  readonly affected: string;
  readonly kind: string;
  readonly subject: string;
  readonly severity: string;
  readonly status: string;
  readonly level: string;
  readonly occurrence: number;
  readonly stands: boolean;
  readonly raised: string;
  readonly updated: string;
  readonly acknowledgedBy: string;
  readonly escalates: string;
  readonly title: string;
  readonly detail: string;
  readonly runbook: string;
  readonly source: string;
}

export interface StepRow {
  readonly at: string;
  readonly type: string;
  readonly by: string;
  readonly level: string;
  readonly runbook: string;
  readonly phase: string;
  readonly outcome: string;
  readonly drill: boolean;
  readonly detail: string;
}

export interface IncidentAccount extends IncidentRow {
  readonly timeline: readonly StepRow[];
  readonly stepsDropped: number;
  readonly former: readonly {
    readonly occurrence: number;
    readonly raised: string;
    readonly ended: string;
    readonly endedBy: string;
    readonly status: string;
  }[];
  readonly auditId: string;
}

const time = (unixMs: number | null | undefined): string =>
  unixMs ? new Date(unixMs).toISOString() : "";
const levelName = (level: number | null | undefined): string => (level ? `L${level}` : "");

function rowOf(incident: wire.incident.v1.IIncident): IncidentRow {
  const { finding } = incident;
  return {
    id: incident.id ?? "",
    region: incident.region ?? "",
    affected: finding?.affected ?? "",
    kind: finding?.kind ?? "",
    subject: finding?.subject ?? "",
    severity: finding?.severity ?? "",
    status: incident.status ?? "",
    level: levelName(incident.level),
    occurrence: incident.occurrence ?? 0,
    stands: incident.stands ?? false,
    raised: time(incident.raisedUnixMs),
    updated: time(incident.updatedUnixMs),
    acknowledgedBy: incident.acknowledgedBy ?? "",
    escalates: time(incident.escalatesUnixMs),
    title: finding?.title ?? "",
    detail: finding?.detail ?? "",
    runbook: finding?.runbook ?? "",
    source: finding?.source ?? "",
  };
}

function accountOf(reply: wire.incident.v1.IncidentReply): IncidentAccount {
  const incident = reply.incident ?? {};
  return {
    ...rowOf(incident),
    timeline: (incident.timeline ?? []).map((step) => ({
      at: time(step.atUnixMs),
      type: step.type ?? "",
      by: step.by ?? "",
      level: levelName(step.level),
      runbook: step.runbook ?? "",
      phase: step.phase ?? "",
      outcome: step.outcome ?? "",
      drill: step.drill ?? false,
      detail: step.detail ?? "",
    })),
    stepsDropped: incident.stepsDropped ?? 0,
    former: (incident.former ?? []).map((one) => ({
      occurrence: one.occurrence ?? 0,
      raised: time(one.raisedUnixMs),
      ended: time(one.endedUnixMs),
      endedBy: one.endedBy ?? "",
      status: one.status ?? "",
    })),
    auditId: reply.auditId,
  };
}

export interface Listed {
  readonly incidents: readonly IncidentRow[];
  /** Regions and cells that did not answer. */
  readonly silent: readonly string[];
}

/** Of all regions, newest first. Failure: no region answers. */
export async function listIncidents(
  cluster: Cluster,
  regions: readonly string[],
  closed: boolean,
): Promise<Result<Listed>> {
  const payload = wire.incident.v1.ListRequest.encode({ closed }).finish();
  const answers = await Promise.all(
    regions.map((region) =>
      cluster.ask(incidentSubject(region, "all", "list"), payload, (bytes) => {
        const reply = wire.incident.v1.ListReply.decode(bytes);
        const failure = decodeRefusal(reply.refusal);
        if (failure !== null) return { ok: false as const, failure };
        return ok({ rows: reply.incidents.map(rowOf), silent: reply.silent });
      }),
    ),
  );
  const [first] = answers;
  if (first?.ok === false && answers.every((answer) => !answer.ok)) return first;
  const incidents = answers
    .flatMap((answer) => (answer.ok ? answer.value.rows : []))
    .toSorted((one, other) => (one.raised < other.raised ? 1 : -1));
  const silent = answers.flatMap((answer, index) =>
    answer.ok ? answer.value.silent : [regions[index] ?? ""],
  );
  return ok({ incidents, silent });
}

const refused = (
  cluster: Cluster,
  region: string,
  id: string,
  verb: string,
  payload: Uint8Array,
): Promise<Result<IncidentAccount>> =>
  cluster.ask(incidentSubject(region, id, verb), payload, (bytes) => {
    const reply = wire.incident.v1.IncidentReply.decode(bytes);
    const failure = decodeRefusal(reply.refusal);
    return failure === null ? ok(accountOf(reply)) : { ok: false, failure };
  });

/** The incident wherever it is kept; of the same id in several regions the newest. */
export async function findIncident(
  cluster: Cluster,
  id: string,
  region?: string,
): Promise<Result<IncidentAccount>> {
  if (!isToken(id)) return refuse("usage", `${id} is no id`, "npx meridian incident list");
  const regions = region === undefined ? cluster.regions : [region];
  const payload = wire.incident.v1.DescribeRequest.encode({}).finish();
  const answers = await Promise.all(
    regions.map((name) => refused(cluster, name, id, "describe", payload)),
  );
  const found = answers
    .flatMap((answer) => (answer.ok && answer.value.occurrence > 0 ? [answer.value] : []))
    .toSorted((one, other) => (one.updated < other.updated ? 1 : -1));
  const [newest] = found;
  if (newest !== undefined) return ok(newest);
  return (
    answers.find((answer) => !answer.ok && answer.failure.code !== "not_found") ??
    refuse("not_found", `no region has an incident ${id}`, "npx meridian incident list --all")
  );
}

export type Act = "acknowledge" | "escalate" | "resolve" | "review";

export function actOn(
  cluster: Cluster,
  incident: Pick<IncidentRow, "id" | "region">,
  act: Act,
  note: string,
): Promise<Result<IncidentAccount>> {
  const request = { commandId: randomUUID(), requestedBy: cluster.user, note };
  const payload = wire.incident.v1.ActRequest.encode(request).finish();
  return refused(cluster, incident.region, incident.id, act, payload);
}

/** A step of a runbook into the incident's timeline; without a phase the end of the run. */
export function recordStep(
  cluster: Cluster,
  incident: Pick<IncidentRow, "id" | "region">,
  step: Pick<StepRun, "phase" | "outcome"> & {
    readonly runbook: string;
    readonly detail: string;
    readonly drill: boolean;
  },
): Promise<Result<IncidentAccount>> {
  const request = { commandId: randomUUID(), requestedBy: cluster.user, ...step };
  const payload = wire.incident.v1.StepRequest.encode(request).finish();
  const verb = step.phase === "" ? "mitigate" : "step";
  return refused(cluster, incident.region, incident.id, verb, payload);
}
