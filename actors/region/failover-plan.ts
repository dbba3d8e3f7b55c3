import { type Failure, refuse } from "../kernel/result.ts";
import type { RemoteStatus } from "./codec.ts";
import type { FoundActors } from "./actor.ts";
import type {
  FailoverCheck,
  FailoverMarket,
  FailoverPlan,
  FailoverRequest,
  MarketDefinition,
  MarketReport,
} from "./messages.ts";
import { silentAfter } from "./silence.ts";
import type { Standing } from "./succession.ts";

/** What would happen, and what speaks against it: as functions of what was found. */

export interface FoundMarket {
  readonly definition: MarketDefinition;
  readonly shard: string;
  readonly report: MarketReport;
  /** Null: nothing here waits for the shard. */
  readonly standing: Standing | null;
}

/** A taker that is further behind pauses the market while it reads. */
const lagWarning = 8_192;
/** States in which a market is here or elsewhere, for certain. */
const settled: ReadonlySet<string> = new Set(["open", "halted", "standby"]);

/** What is found where the markets and actors of a region are looked for. */
export interface Found {
  readonly markets: readonly FoundMarket[];
  /** Null: nobody looks after actors here. */
  readonly actors: FoundActors | null;
}

/** The region lives and hands its markets over: nothing is lost, only time. */
export function plannedPlan(
  request: FailoverRequest,
  { markets: found, actors }: Found,
  target: RemoteStatus | null,
  leaseValid: boolean,
  approvalNeeded: boolean,
): FailoverPlan {
  const { id, from, to } = request;
  const owned = found.filter(
    ({ definition, report }) =>
      (report.state === "open" || report.state === "halted") &&
      (!request.homeOnly || definition.home === to),
  );
  const moving = movingActors(request, actors);
  const checks: FailoverCheck[] = [
    leaseValid
      ? check("lease", "ok", `the lease of ${from} is valid`)
      : check("lease", "fault", `the lease of ${from} has lapsed: it cannot hand anything over`),
    targetCheck(to, target),
    owned.length === 0
      ? check("markets", isNothing(request, moving.seats), noMarket(request))
      : check("markets", "ok", `${owned.length} of ${from} move`),
    ...moving.checks,
  ];
  const staying = request.drain === true ? "fault" : "warning";
  for (const { definition, report } of found) {
    if (definition.home !== from) continue;
    const isStuck = report.state === "failed" || (request.drain && !settled.has(report.state));
    if (!isStuck) continue;
    const why = `stays: it is ${report.state}: ${report.detail}`;
    checks.push(check(definition.market, staying, why));
  }
  const markets = owned.map(({ definition, shard, report }): FailoverMarket => {
    const standby = target?.standbys.find((one) => one.market === definition.market);
    if (target !== null) checks.push(standbyCheck(definition.market, to, standby));
    return {
      ...ofReport(definition.market, shard, report),
      owner: from,
      standbySequence: standby?.sequence ?? 0,
      lagRecords: Math.max(0, report.committed - (standby?.sequence ?? 0)),
      lagMs: standby?.lagMs ?? 0,
      loss: "none",
      lossRecords: 0,
    };
  });
  return { id, from, to, planned: true, approvalNeeded, markets, ...moving, checks };
}

/** The region is silent: its markets are claimed, and what its disks alone know stays behind. */
export function forcedPlan(
  request: FailoverRequest,
  { markets: found, actors }: Found,
  approvalNeeded: boolean,
): FailoverPlan {
  const { id, from, to } = request;
  const checks: FailoverCheck[] = [];
  const lost = found.filter(({ standing }) => {
    const record = standing?.record;
    return (
      record !== null && record !== undefined && record !== "unreadable" && record.region === from
    );
  });
  const alive = lost.filter(({ standing }) => isAlive(standing));
  if (lost.length === 0) {
    checks.push(check("markets", "fault", `no market that ${to} follows is owned in ${from}`));
  } else if (alive.length > 0) {
    checks.push(
      check("silence", "fault", `${from} is alive: send the request to ops.${from}.failover`),
    );
  } else checks.push(check("silence", "ok", `${from} is silent`));
  const markets = lost.map(({ definition, shard, report, standing }): FailoverMarket => {
    const standby = report.standby ?? null;
    checks.push(
      standbyCheck(definition.market, to, {
        state: report.state,
        lagRecords: standby?.lagRecords ?? 0,
      }),
    );
    const mode = standby?.mode ?? definition.mode;
    const loss = lossOf(mode, from);
    if (loss !== "none") checks.push(check(definition.market, "warning", loss));
    const record = standing?.record;
    const epoch =
      record !== null && record !== undefined && record !== "unreadable" ? record.epoch : 0;
    return {
      ...ofReport(definition.market, shard, report),
      mode,
      owner: standby?.owner ?? from,
      epoch,
      matched: 0,
      durable: 0,
      committed: standby?.sequence ?? 0,
      standbySequence: standby?.sequence ?? 0,
      lagRecords: standby?.lagRecords ?? 0,
      lagMs: standby?.lagMs ?? 0,
      loss,
      lossRecords: 0,
    };
  });
  const moving = movingActors(request, actors);
  checks.push(...moving.checks);
  return { id, from, to, planned: false, approvalNeeded, markets, ...moving, checks };
}

/** A region that serves nothing can be drained all the same: it then takes nothing either. */
const isNothing = (
  { drain = false }: FailoverRequest,
  seats: readonly string[],
): FailoverCheck["level"] => {
  if (drain) return "ok";
  return seats.length === 0 ? "fault" : "warning";
};

const noMarket = ({ from, to, homeOnly }: FailoverRequest): string =>
  homeOnly ? `${from} has no market whose home is ${to}` : `${from} has no market that is open`;

/** Actors follow their region's seat; those that residency keeps stay where they are. */
function movingActors(
  { from, to, homeOnly, drain = false }: FailoverRequest,
  found: FoundActors | null,
): Pick<FailoverPlan, "actors" | "actorsLeftOut" | "seats"> & {
  readonly checks: readonly FailoverCheck[];
} {
  const wanted = (found?.regions ?? []).filter(({ region }) => !homeOnly || region === to);
  const seats = wanted.filter(({ mayGo }) => mayGo).map(({ region }) => region);
  const actors = (found?.actors ?? []).filter(({ region }) => seats.includes(region));
  const checks = wanted.map(({ region, mayGo }) => {
    if (!mayGo) {
      const why = `stay: no cell of ${to} may run the strategies and risk limits of ${region}`;
      return check("actors", drain ? "fault" : "warning", why);
    }
    const count = actors.filter((actor) => actor.region === region).length;
    return check("actors", "ok", `${count} strategies and risk limits of ${region} move`);
  });
  if (found === null) checks.push(check("actors", "warning", `those of ${from} stay`));
  const actorsLeftOut = seats.length === 0 ? 0 : (found?.leftOut ?? 0);
  return { actors, actorsLeftOut, seats, checks };
}

/** Null: it may begin. Failure code: failover_refused. */
export function refusalOf(plan: FailoverPlan, request: FailoverRequest): Failure | null {
  const faults = plan.checks.filter(({ level }) => level === "fault");
  if (faults.length > 0) {
    const what = faults.map((one) => one.what).join("; ");
    return refuse("failover_refused", what, "the same with --dry-run shows every check").failure;
  }
  const lossy = plan.markets.filter(({ loss }) => loss !== "none");
  if (lossy.length === 0 || request.acceptLoss) return null;
  const names = lossy.map(({ market }) => market).join(", ");
  return refuse(
    "failover_refused",
    `${names}: what was acknowledged and had not reached the journal would be lost`,
    "bring the disks back, or accept the loss: --accept-loss",
  ).failure;
}

/** What an acknowledgement of a mode is worth when its region is gone. */
function lossOf(mode: string, from: string): string {
  if (mode === "replicated") return "none";
  if (mode === "durable") {
    return `durable: what was acknowledged and had not reached the journal is on the disks of ${from} alone`;
  }
  return "matched: nothing was promised, what had not reached the journal is lost";
}

function isAlive(standing: Standing | null): boolean {
  const lease = standing?.lease ?? null;
  return lease !== null && !lease.over && lease.silentNs < silentAfter;
}

const ofReport = (
  market: string,
  shard: string,
  report: MarketReport,
): Pick<
  FailoverMarket,
  "market" | "shard" | "mode" | "epoch" | "matched" | "durable" | "committed"
> => {
  const { mode, epoch, matched, durable, committed } = report;
  return { market, shard, mode, epoch, matched, durable, committed };
};

const check = (name: string, level: FailoverCheck["level"], what: string): FailoverCheck => ({
  name,
  level,
  what,
});

function targetCheck(to: string, target: RemoteStatus | null): FailoverCheck {
  if (target === null) return check(to, "fault", `${to} does not answer`);
  if (target.drain !== "") {
    return check(to, "fault", `${to} is ${target.drain}: npx meridian region undrain ${to}`);
  }
  if (target.ready) return check(to, "ok", `${to} is ready`);
  return check(to, "warning", `${to} is not ready: not all of its own markets are open`);
}

function standbyCheck(
  market: string,
  to: string,
  standby: { readonly state: string; readonly lagRecords: number } | undefined,
): FailoverCheck {
  if (standby === undefined) return check(market, "fault", `${to} does not follow it`);
  if (standby.state !== "standby" && standby.state !== "fencing") {
    return check(market, "fault", `${to} cannot take it: it is ${standby.state} there`);
  }
  const { lagRecords } = standby;
  if (lagRecords <= lagWarning)
    return check(market, "ok", `${to} follows it, ${lagRecords} behind`);
  return check(market, "warning", `${to} is ${lagRecords} records behind: the pause is longer`);
}
