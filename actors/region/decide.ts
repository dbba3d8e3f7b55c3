import { ok, refuse, type Result, unreachable } from "../kernel/result.ts";
import { checkDefinition, differingFields } from "./definition.ts";
import type {
  ListedMarket,
  MarketReport,
  RegionCommand,
  RegionEvent,
  RegionState,
} from "./messages.ts";

/** Markets one region lists at most, its own and those of the other regions. */
export const marketLimit = 4_096;

export function emptyRegion(region: string, groups: readonly string[]): RegionState {
  return { region, groups, markets: {}, flowPaused: false };
}

/**
 * What a command does to the region. Failure codes: definition_invalid, market_exists, busy. A
 * definition that is listed already, field by field, is accepted again without an event, so that a
 * request whose reply was lost can be repeated.
 */
export function decide(state: RegionState, command: RegionCommand): Result<readonly RegionEvent[]> {
  switch (command.type) {
    case "create_market": {
      const checked = checkDefinition(command.definition);
      if (!checked.ok) return checked;
      const definition = checked.value;
      const listed = listedMarket(state, definition.market);
      if (listed !== null) {
        const differs = differingFields(listed.definition, definition);
        if (differs.length === 0) return ok([]);
        return refuse(
          "market_exists",
          `${definition.market} exists with another ${differs.join(", ")}`,
          "choose another name, or send the definition it has",
        );
      }
      const fault = placementFault(state, definition);
      if (fault !== null) {
        return refuse("definition_invalid", fault, "correct these fields and send it again");
      }
      if (Object.keys(state.markets).length >= marketLimit) {
        return refuse("busy", `${marketLimit} markets are listed, the most there can be`, "");
      }
      return ok([{ type: "market_listed", definition, origin: "directory" }]);
    }
    case "pause_flow":
      if (command.paused === state.flowPaused) return ok([]);
      return ok([{ type: "flow_paused", paused: command.paused }]);
    default:
      return unreachable(command);
  }
}

export function evolve(state: RegionState, event: RegionEvent): RegionState {
  switch (event.type) {
    case "market_listed": {
      const listed: ListedMarket = { definition: event.definition, origin: event.origin };
      return { ...state, markets: { ...state.markets, [event.definition.market]: listed } };
    }
    case "flow_paused":
      return { ...state, flowPaused: event.paused };
    default:
      return unreachable(event);
  }
}

/** Null when no market of that name is listed. Names come from outside: `constructor` is one. */
export function listedMarket(state: RegionState, market: string): ListedMarket | null {
  return Object.hasOwn(state.markets, market) ? (state.markets[market] ?? null) : null;
}

/** Markets whose home is this region. */
export function homeMarkets(state: RegionState): readonly ListedMarket[] {
  return Object.values(state.markets).filter((listed) => listed.definition.home === state.region);
}

/** Markets whose journal this region may hold: its own, and those it follows to take them if it must. */
export function hostedMarkets(state: RegionState): readonly ListedMarket[] {
  return Object.values(state.markets).filter(({ definition }) => hosts(state, definition));
}

export const hosts = (
  state: RegionState,
  definition: { readonly home: string; readonly group: string },
): boolean => definition.home === state.region || state.groups.includes(definition.group);

/** A market that is followed here, for another region owns it, or is to own it. */
export const isFollowed = (region: string, report: MarketReport): boolean =>
  report.definition.home === region
    ? // While nobody owns it, a market at home that stands by is one that takes no orders.
      report.state === "standby" && (report.standby?.owner ?? "") !== ""
    : !owningStates.has(report.state);

/** States in which a market is, or was until just now, this cell's. */
const owningStates: ReadonlySet<string> = new Set(["open", "halted", "handing_over", "stopping"]);

function placementFault(
  state: RegionState,
  definition: { readonly home: string; readonly group: string; readonly shard: number },
): string | null {
  if (definition.home !== state.region) {
    return `home: the request reached ${state.region}; send it to ops.${definition.home}.market-create`;
  }
  if (!state.groups.includes(definition.group)) {
    return `group: ${state.region} takes part in ${state.groups.join(", ")}`;
  }
  const sharing = Object.values(state.markets).find(
    ({ definition: other }) =>
      other.group === definition.group &&
      other.shard === definition.shard &&
      other.home !== definition.home,
  );
  if (sharing === undefined) return null;
  const free = freeShard(state, definition.group);
  return (
    `shard: ${definition.shard} has its home in ${sharing.definition.home}; ` +
    (free === null ? "no shard is left for this region" : `${free} can have its home here`)
  );
}

/** Lowest shard of the group that is of this region or of none. */
function freeShard(state: RegionState, group: string): number | null {
  const homes = new Map<number, string>();
  for (const { definition } of Object.values(state.markets)) {
    if (definition.group === group) homes.set(definition.shard, definition.home);
  }
  for (let shard = 0; shard < 16; shard += 1) {
    const home = homes.get(shard);
    if (home === undefined || home === state.region) return shard;
  }
  return null;
}

/** What readiness depends on. */
export interface Vitals {
  readonly phase: "yes" | "starting" | "draining";
  /** What the start waits for at present; empty when for nothing in particular. */
  readonly waitingFor: string;
  readonly connected: boolean;
  readonly leaseValid: boolean;
  readonly markets: readonly MarketReport[];
}

/** Commands that may be waiting to become safe before a market counts as lagging. */
export const journalLagLimit = 2 ** 17;

/** Empty when the cell takes orders on all its markets; otherwise why not, most basic reason first. */
export function notReadyReason(vitals: Vitals): string {
  if (vitals.phase === "draining") return "the cell is stopping";
  if (!vitals.connected) return "NATS is not connected; waiting for it";
  if (vitals.waitingFor !== "") return `the cell waits for ${vitals.waitingFor}`;
  if (!vitals.leaseValid) return "the lease of the cell is not valid; waiting for a renewal";
  if (vitals.phase === "starting") return "the cell is starting its markets";
  const closed = vitals.markets.find(({ state }) => state !== "open" && state !== "halted");
  if (closed !== undefined) {
    const why = closed.detail === "" ? "" : `: ${closed.detail}`;
    return `${closed.definition.market} is ${closed.state}${why}`;
  }
  const lagging = vitals.markets.find((market) => journalLag(market) > journalLagLimit);
  if (lagging === undefined) return "";
  return `${lagging.definition.market} has ${journalLag(lagging)} commands that are not safe yet`;
}

/** Commands matched whose promise of the market's mode is not met yet. */
export function journalLag(market: MarketReport): number {
  if (market.mode === "matched") return 0;
  return market.matched - (market.mode === "durable" ? market.durable : market.committed);
}
