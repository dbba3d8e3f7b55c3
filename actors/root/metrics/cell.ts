import { type ActorSystem, type DeadLetterReason, type TreeNode } from "../../kernel/actor.ts";
import type { RegionReport } from "../../region/messages.ts";
import type { HostedActors } from "../../region/codec.ts";
import { limitKinds, type UtilisationSummary } from "../../risk-limit/utilisation.ts";
import type { TraceCounts } from "../tracing.ts";
import type { Samples } from "./samples.ts";

const deadLetterReasons: readonly DeadLetterReason[] = [
  "not_found",
  "unknown_message",
  "poison",
  "dropped_at_restart",
  "actor_ended",
  "malformed",
];
/** Refusals that senders of messages between actors get; more are shown once there is one. */
const kernelRefusals = ["busy", "not_found", "timeout", "internal"];

/** What a cell hosts by request; null: nothing, ever. */
export interface HostingMeasured {
  readonly hosted: HostedActors | null;
  /** Until the end of the lease; 0 without one. */
  readonly leaseMarginNs: number;
  readonly risk: UtilisationSummary;
}

export function cellSamples(
  into: Samples,
  report: RegionReport,
  hosting: HostingMeasured | null,
): void {
  into.set("meridian_ready", report.ready ? 1 : 0, {});
  into.set("meridian_cell_incarnation", report.incarnation, {});
  const { build: version, engine, natsServer: nats_server } = report;
  into.set("meridian_build_info", 1, { version, engine, nats_server });
  for (const [code, count] of Object.entries({ malformed: 0, ...report.refusals })) {
    into.set("meridian_cell_refusals_total", count, { code });
  }
  into.set("meridian_lease_margin_seconds", (hosting?.leaseMarginNs ?? 0) / 1e9, {});
  const hosted = hosting?.hosted ?? null;
  into.set("meridian_hosted_actors", hosted?.running ?? 0, {});
  into.set("meridian_hosted_actor_capacity", hosted?.capacity ?? 0, {});
  into.set("meridian_actor_shards_owned", hosted?.shards.length ?? 0, {});
  into.set("meridian_cell_draining", hosted?.draining === true ? 1 : 0, {});
}

export function riskSamples(into: Samples, risk: UtilisationSummary | null): void {
  into.set("meridian_risk_limits", risk?.limits ?? 0, {});
  into.set("meridian_risk_limits_stopped", risk?.stopped ?? 0, {});
  for (const kind of limitKinds) {
    const { highest = 0, nearly = 0 } = risk?.byKind[kind] ?? {};
    into.set("meridian_risk_limit_highest_utilisation_ratio", highest, { kind });
    into.set("meridian_risk_limits_nearly_used", nearly, { kind });
  }
}

export function traceSamples(into: Samples, traces: TraceCounts | null): void {
  into.set("meridian_traces_begun_total", traces?.begun ?? 0, {});
  into.set("meridian_traces_left_out_total", traces?.leftOut ?? 0, {});
  into.set("meridian_trace_exports_failed_total", traces?.failed ?? 0, {});
}

export function kernelSamples(into: Samples, system: ActorSystem | null): void {
  const counters = system?.counters() ?? null;
  into.set("meridian_actor_starts_total", counters?.starts ?? 0, {});
  into.set("meridian_actor_failures_total", counters?.failures ?? 0, {});
  into.set("meridian_actor_messages_total", counters?.delivered ?? 0, {});
  into.set("meridian_actor_messages_parked_total", counters?.parked ?? 0, {});
  into.set("meridian_actor_late_errors_total", counters?.lateErrors ?? 0, {});
  into.set("meridian_supervisor_escalations_total", counters?.escalations ?? 0, {});
  into.set("meridian_supervisor_auto_shutdowns_total", counters?.autoShutdowns ?? 0, {});
  const refused: Record<string, number> = Object.fromEntries(
    kernelRefusals.map((code) => [code, 0]),
  );
  for (const [code, count] of Object.entries({ ...refused, ...counters?.refusals })) {
    into.set("meridian_actor_refusals_total", count, { code });
  }
  const letters = system?.deadLetters ?? null;
  for (const reason of deadLetterReasons) {
    into.set("meridian_dead_letters_total", letters?.counts()[reason] ?? 0, { reason });
  }
  into.set("meridian_dead_letters_pushed_out_total", letters?.pushedOut ?? 0, {});
  const sizes = system?.sizes();
  into.set("meridian_kernel_nodes", sizes?.nodes ?? 0, {});
  into.set("meridian_kernel_machines", sizes?.machines ?? 0, {});
  into.set("meridian_kernel_watched_paths", sizes?.watched ?? 0, {});
  into.set("meridian_kernel_linked_paths", sizes?.linked ?? 0, {});
  treeSamples(into, system?.tree() ?? [], counters?.restartsByType ?? {});
  if (system !== null) supervisorSamples(into, system);
}

function treeSamples(
  into: Samples,
  tree: readonly TreeNode[],
  restarts: Readonly<Record<string, number>>,
): void {
  const types = new Map<string, { nodes: number; down: number; waiting: number; most: number }>();
  for (const type of Object.keys(restarts)) {
    types.set(type, { nodes: 0, down: 0, waiting: 0, most: 0 });
  }
  for (const { type, state, mailbox } of tree) {
    const seen = types.get(type) ?? { nodes: 0, down: 0, waiting: 0, most: 0 };
    seen.nodes += 1;
    if (state === "restarting") seen.down += 1;
    seen.waiting += mailbox;
    seen.most = Math.max(seen.most, mailbox);
    types.set(type, seen);
  }
  for (const [type, { nodes, down, waiting, most }] of types) {
    into.set("meridian_actors", nodes, { type });
    into.set("meridian_actors_restarting", down, { type });
    into.set("meridian_mailbox_messages", waiting, { type });
    into.set("meridian_mailbox_longest_messages", most, { type });
    into.set("meridian_actor_restarts_total", restarts[type] ?? 0, { type });
  }
}

function supervisorSamples(into: Samples, system: ActorSystem): void {
  const supervisors = system.tree().filter(({ path, type }) => {
    return type === "supervisor" && path.split("/").length === 3;
  });
  for (const { path } of supervisors) {
    const counted = system.countChildren(path);
    if (!counted.ok) continue;
    const supervisor = path.slice(path.lastIndexOf("/") + 1);
    into.set("meridian_supervisor_children", counted.value.specs, { supervisor });
    into.set("meridian_supervisor_children_running", counted.value.active, { supervisor });
  }
}
