import type { wire } from "../../schemas/messages.ts";

/** What regions tell of the cluster, each as it last read it, put together: the newest of what is told twice. */

export interface StreamView {
  readonly stream: string;
  /** Server; null: it has none. */
  readonly leader: string | null;
  readonly replicas: number;
  readonly replicasCurrent: number;
  readonly replicaLag: number;
}
export interface LeaseView {
  readonly holder: string;
  readonly incarnation: number;
  readonly state: string;
  readonly remainingNs: number;
}
export interface LagView {
  readonly market: string;
  readonly region: string;
  readonly state: string;
  readonly owner: string;
  readonly epoch: number;
  readonly lagRecords: number;
  readonly lagMs: number;
}
export interface ActorsView {
  readonly region: string;
  /** Where they are to run, and where they do. */
  readonly at: string;
  readonly runsIn: string;
  readonly shards: number;
  readonly running: number;
}
export interface DrillView {
  readonly id: string;
  readonly fault: string;
  readonly outcome: string;
  readonly at: string;
  readonly recoveryMs: number;
  readonly lost: number;
  readonly doubled: number;
  readonly detail: string;
}
export interface ClusterFactsView {
  readonly streams: readonly StreamView[];
  readonly leases: readonly LeaseView[];
  readonly standbys: readonly LagView[];
  readonly actors: readonly ActorsView[];
  readonly lastDrill: DrillView | null;
}

type Status = wire.control.v1.RegionStatus.$Properties;

export function clusterFacts(statuses: readonly Status[]): ClusterFactsView {
  const streams = new Map<string, { readonly view: StreamView; readonly at: number }>();
  const leases = new Map<string, LeaseView>();
  for (const status of statuses) {
    for (const one of status.streams ?? []) {
      const stream = one.stream ?? "";
      const at = one.atUnixMs ?? 0;
      if ((streams.get(stream)?.at ?? -1) >= at) continue;
      const { replicas = 0, replicasCurrent = 0, replicaLag = 0 } = one;
      const view = {
        stream,
        leader: one.leader ? one.leader : null,
        replicas: replicas ?? 0,
        replicasCurrent: replicasCurrent ?? 0,
        replicaLag: replicaLag ?? 0,
      };
      streams.set(stream, { view, at });
    }
    for (const one of status.leases ?? []) {
      const holder = one.holder ?? "";
      const remainingNs = one.remainingNs ?? 0;
      // Who has seen it renewed last knows best.
      if ((leases.get(holder)?.remainingNs ?? -1) >= remainingNs) continue;
      const { incarnation, state } = one;
      leases.set(holder, {
        holder,
        incarnation: incarnation ?? 0,
        state: state ?? "",
        remainingNs,
      });
    }
  }
  return {
    streams: [...streams.values()]
      .map(({ view }) => view)
      .sort((one, other) => (one.stream < other.stream ? -1 : 1)),
    leases: [...leases.values()].sort((one, other) => (one.holder < other.holder ? -1 : 1)),
    standbys: statuses.flatMap(lagsOf),
    actors: statuses.flatMap((status) =>
      (status.actors ?? [])
        .filter(({ shards }) => (shards ?? 0) > 0)
        .map((one) => ({
          region: one.region ?? "",
          at: one.at ?? "",
          runsIn: status.name ?? "",
          shards: one.shards ?? 0,
          running: one.running ?? 0,
        })),
    ),
    lastDrill: newestDrill(statuses),
  };
}

const lagsOf = (status: Status): readonly LagView[] =>
  (status.standbys ?? []).map((one) => ({
    market: one.market ?? "",
    region: status.name ?? "",
    state: one.state ?? "",
    owner: one.owner ?? "",
    epoch: one.epoch ?? 0,
    lagRecords: one.lagRecords ?? 0,
    lagMs: one.lagMs ?? 0,
  }));

function newestDrill(statuses: readonly Status[]): DrillView | null {
  const [last] = statuses
    .flatMap(({ lastDrill }) => (lastDrill ? [lastDrill] : []))
    .sort((one, other) => (other.atUnixMs ?? 0) - (one.atUnixMs ?? 0));
  return last === undefined ? null : drillView(last);
}

export function drillView(last: wire.region.v1.DrillRecord.$Properties): DrillView {
  return {
    id: last.id ?? "",
    fault: last.fault ?? "",
    outcome: last.outcome ?? "",
    at: new Date(last.atUnixMs ?? 0).toISOString(),
    recoveryMs: last.recoveryMs ?? 0,
    lost: last.lost ?? 0,
    doubled: last.doubled ?? 0,
    detail: last.detail ?? "",
  };
}
