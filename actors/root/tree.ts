import {
  type ChildSpec,
  type DynamicChild,
  dynamicSupervisorSpec,
  supervisorSpec,
} from "../kernel/child-spec.ts";
import type { DurationNs } from "../kernel/units.ts";
import type { IncidentStart } from "../incident/messages.ts";
import type { MarketStart } from "../market/messages.ts";
import type { RegionStart } from "../region/messages.ts";
import type { RiskLimitStart } from "../risk-limit/messages.ts";
import type { StrategyStart } from "../strategy/messages.ts";

/**
 * Who supervises whom in a cell, as data:
 *
 *   /<region>               rest_for_one: all that follows acts under the lease of `cell`
 *     cell                  lease, ownership, router, operations services
 *     markets               one_for_one
 *       <market>            started by `cell` once it has the lease
 *     risk                  simple_one_for_one: desks, accounts and strategies are all alike
 *       <name>              started by the first request to it
 *     strategies            one_for_one
 *       flow-<market>       background flow of a market that a file defines
 *       <id>                market makers, spawned by request
 *     executions            one_for_one
 *       <id>                parent orders, spawned by request
 *     incidents             simple_one_for_one
 *       <id>                  what went wrong, by the id of its alert
 *     for-<other region>    the same four for a region whose actors the cell was told to host
 */
export function cellTree(region: RegionStart, flows: readonly StrategyStart[]): ChildSpec {
  return supervisorSpec(
    region.region,
    [
      {
        id: "cell",
        type: "region",
        start: region,
        restart: "permanent",
        // Long enough to write the end of the lease; it runs out by itself when that fails.
        shutdown: seconds(2),
      },
      supervisorSpec("markets", [], { intensity: isolated, maximumChildren: 4_096 }),
      riskLimits(),
      supervisorSpec("strategies", flows.map(strategySpec), spawned),
      supervisorSpec("executions", [], spawned),
      incidents(),
    ],
    { strategy: "rest_for_one" },
  );
}

/** Actors of another region, while that has no cell of its own: `/<own region>/for-<region>`. */
export function guestTree(region: string): ChildSpec {
  return supervisorSpec(`for-${region}`, [
    riskLimits(),
    supervisorSpec("strategies", [], spawned),
    supervisorSpec("executions", [], spawned),
    incidents(),
  ]);
}

function incidents(): ChildSpec {
  return dynamicSupervisorSpec(
    "incidents",
    { type: "incident", restart: "permanent", shutdown: seconds(1) },
    { intensity: isolated, maximumChildren: 1_024 },
  );
}

function riskLimits(): ChildSpec {
  return dynamicSupervisorSpec(
    "risk",
    { type: "risk-limit", restart: "permanent", shutdown: seconds(1) },
    { intensity: isolated, maximumChildren: 100_000 },
  );
}

export const paths = {
  cell: (region: string): string => `/${region}/cell`,
  markets: (region: string): string => `/${region}/markets`,
  market: (region: string, market: string): string => `/${region}/markets/${market}`,
  risk: (region: string): string => `/${region}/risk`,
  riskLimit: (region: string, name: string): string => `/${region}/risk/${name}`,
  flow: (region: string, market: string): string => `/${region}/strategies/flow-${market}`,
} as const;

export function marketSpec(start: MarketStart): ChildSpec<MarketStart> {
  return {
    id: start.definition.market,
    type: "market",
    start,
    restart: "permanent",
    // What has been matched becomes safe and the log is closed; a kill loses nothing acknowledged.
    shutdown: seconds(6),
  };
}

export function riskLimitChild(start: RiskLimitStart): DynamicChild<RiskLimitStart> {
  return { id: start.name, start };
}

export function incidentChild(start: IncidentStart): DynamicChild<IncidentStart> {
  return { id: start.id, start };
}

export function strategySpec(start: StrategyStart): ChildSpec<StrategyStart> {
  return {
    id: `flow-${start.market}`,
    type: "strategy",
    start,
    restart: "permanent",
    shutdown: seconds(1),
  };
}

const seconds = (count: number): DurationNs => (count * 1_000_000_000) as DurationNs;

/**
 * One child that fails again and again waits longer and longer and is never the end of its siblings:
 * with delays up to 2 s even many such children stay below this.
 */
const isolated = { maximumRestarts: 1_000, within: seconds(10) };
/** Actors spawned by request; the cell's capacity is what bounds them. */
const spawned = { intensity: isolated, maximumChildren: 100_000 };
