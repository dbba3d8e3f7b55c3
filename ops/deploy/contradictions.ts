import { type Result, ok, refuse } from "../../actors/kernel/result.ts";
import { type DataClass, dataClasses } from "../../schemas/placement.ts";
import { type Region, marketFile } from "./regions.ts";
import { regulatoryProfiles } from "./regulatory-profiles.ts";

/** Regions that keep the journal of a market: a majority of three survives the loss of any one. */
export const regionsOfGroup = 3;

/** What is wrong, in which file, and what to do. */
interface Contradiction {
  readonly file: string;
  readonly what: string;
  readonly next: string;
}

/** Replication groups with the regions that take part, in the order of the files. */
export function membersOfGroups(
  regions: readonly Region[],
): ReadonlyMap<string, readonly string[]> {
  const members = new Map<string, string[]>();
  for (const { name, groups } of regions) {
    for (const group of groups) members.set(group, [...(members.get(group) ?? []), name]);
  }
  return members;
}

/**
 * Checks the declarations against each other: all of them, whichever regions are started. Failure code:
 * regions_contradict, with the file, what is wrong and what to do.
 */
export function checkRegions(regions: readonly Region[]): Result<void> {
  const checks = [
    neighboursOf,
    groupsOf,
    residencyOf,
    profileOf,
    portsOf,
    marketsOf,
    shardsOf,
    journalsOf,
  ];
  for (const check of checks) {
    for (const region of regions) {
      const found = check(region, regions);
      if (found !== null) {
        return refuse("regions_contradict", `${found.file}: ${found.what}`, found.next);
      }
    }
  }
  return ok(undefined);
}

function neighboursOf(region: Region, regions: readonly Region[]): Contradiction | null {
  for (const name of region.neighbours) {
    const neighbour = regions.find((each) => each.name === name);
    const fault = (what: string, next: string): Contradiction => ({
      file: region.file,
      what: `neighbours: ${what}`,
      next,
    });
    if (name === region.name) return fault("a region is not its own neighbour", `remove ${name}`);
    if (neighbour === undefined) {
      return fault(`there is no region ${name}`, "correct the name, or declare that region");
    }
    if (!neighbour.neighbours.includes(region.name)) {
      return fault(
        `${name} does not name ${region.name} in turn`,
        `add ${region.name} to neighbours in ${neighbour.file}`,
      );
    }
  }
  return null;
}

function groupsOf(region: Region, regions: readonly Region[]): Contradiction | null {
  const members = membersOfGroups(regions);
  for (const group of region.groups) {
    const regionsIn = members.get(group) ?? [];
    if (regionsIn.length !== regionsOfGroup) {
      return {
        file: region.file,
        what: `groups: ${group} has ${regionsIn.length} regions (${regionsIn.join(", ")}), a group has ${regionsOfGroup}`,
        next: `name ${group} in the region.toml of exactly ${regionsOfGroup} regions`,
      };
    }
  }
  return null;
}

function residencyOf(region: Region, regions: readonly Region[]): Contradiction | null {
  for (const dataClass of dataClasses) {
    const allowed = region.residency[dataClass];
    if (allowed === undefined) continue;
    const fault = (what: string, next: string): Contradiction => ({
      file: region.file,
      what: `residency.${dataClass}: ${what}`,
      next,
    });
    const unknown = allowed.find((name) => !regions.some((each) => each.name === name));
    if (unknown !== undefined) {
      return fault(`there is no region ${unknown}`, "correct the name, or declare that region");
    }
    if (!allowed.includes(region.name)) {
      return fault(
        `${region.name} itself may not keep what originates there`,
        `add ${region.name} to the list`,
      );
    }
  }
  return null;
}

function profileOf(region: Region, regions: readonly Region[]): Contradiction | null {
  const profile = regulatoryProfiles[region.profile];
  const { file, jurisdiction } = region;
  if (profile === undefined) {
    const known = Object.keys(regulatoryProfiles).join(", ");
    return { file, what: `profile: there is no ${region.profile}`, next: `one of ${known}` };
  }
  if (profile.jurisdiction !== null && profile.jurisdiction !== jurisdiction) {
    return {
      file,
      what: `profile: ${region.profile} is of ${profile.jurisdiction}, the region's jurisdiction is ${jurisdiction}`,
      next: "name the profile of the region's jurisdiction",
    };
  }
  for (const dataClass of dataClasses) {
    const found = conflictOf(region, regions, dataClass, profile.keptIn[dataClass]);
    if (found !== null) return { file, ...found };
  }
  return null;
}

function conflictOf(
  region: Region,
  regions: readonly Region[],
  dataClass: DataClass,
  jurisdictions: readonly string[] | undefined,
): Omit<Contradiction, "file"> | null {
  if (jurisdictions === undefined) return null;
  const rule = `profile ${region.profile} keeps ${dataClass} in ${jurisdictions.join(", ")}`;
  const allowed = region.residency[dataClass];
  if (allowed === undefined) {
    return {
      what: `residency.${dataClass}: any region is allowed, and ${rule}`,
      next: `list the regions that may keep ${dataClass}`,
    };
  }
  const outside = allowed.find((name) => {
    const kept = regions.find((each) => each.name === name);
    return kept !== undefined && !jurisdictions.includes(kept.jurisdiction);
  });
  return outside === undefined
    ? null
    : {
        what: `residency.${dataClass}: ${outside} is allowed, and ${rule}`,
        next: `remove ${outside} from the list, or choose another profile`,
      };
}

function portsOf(region: Region, regions: readonly Region[]): Contradiction | null {
  const seen = new Map<number, string>();
  for (const other of regions) {
    for (const [kind, port] of Object.entries(other.ports)) {
      if (port === undefined) continue;
      const before = seen.get(port);
      if (before !== undefined && other === region) {
        return {
          file: other.file,
          what: `ports.${kind}: ${port} is ${before} already`,
          next: "choose another port",
        };
      }
      seen.set(port, `ports.${kind} of ${other.name}`);
    }
  }
  return null;
}

function marketsOf(region: Region, regions: readonly Region[]): Contradiction | null {
  for (const [market, { group }] of Object.entries(region.markets)) {
    const file = marketFile(region, market);
    const other = regions.find((each) => each !== region && Object.hasOwn(each.markets, market));
    if (other !== undefined) {
      return {
        file,
        what: `${market} has a second home: ${marketFile(other, market)}`,
        next: "remove one of the two files; a market moves by meridian region failover",
      };
    }
    if (!membersOfGroups(regions).has(group)) {
      return {
        file,
        what: `group: no region takes part in ${group}`,
        next: `name ${group} in the region.toml of ${regionsOfGroup} regions, or another group here`,
      };
    }
    if (!region.groups.includes(group)) {
      return {
        file,
        what: `group: ${region.name} takes part in ${region.groups.join(", ") || "no group"}, not in ${group}`,
        next: `choose one of its groups, or add ${group} to ${region.file}`,
      };
    }
  }
  return null;
}

function shardsOf(region: Region, regions: readonly Region[]): Contradiction | null {
  for (const [market, { group, shard }] of Object.entries(region.markets)) {
    for (const other of regions.filter((each) => each !== region)) {
      const sharing = Object.entries(other.markets).find(
        ([, each]) => each.group === group && each.shard === shard,
      );
      if (sharing !== undefined) {
        return {
          file: marketFile(region, market),
          what: `shard: ${group}/${shard} has its home in ${other.name} by ${sharing[0]}`,
          next: "choose a shard that only markets of this region are in",
        };
      }
    }
  }
  return null;
}

function journalsOf(region: Region, regions: readonly Region[]): Contradiction | null {
  const allowed = region.residency.orders;
  if (allowed === undefined) return null;
  for (const [market, { group }] of Object.entries(region.markets)) {
    const keeper = (membersOfGroups(regions).get(group) ?? []).find(
      (name) => !allowed.includes(name),
    );
    if (keeper !== undefined) {
      return {
        file: marketFile(region, market),
        what: `group: ${group} keeps the journal in ${keeper}, and ${region.file} does not allow that for orders`,
        next: `choose a group within ${allowed.join(", ")}, or add ${keeper} to residency.orders`,
      };
    }
  }
  return null;
}

/**
 * Checks a choice of regions to start. Failure codes: region_unknown; group_incomplete (a market would
 * lack regions that keep its journal).
 */
export function checkChoice(
  regions: readonly Region[],
  chosen: readonly string[],
): Result<readonly Region[]> {
  const started: Region[] = [];
  for (const name of new Set(chosen)) {
    const region = regions.find((each) => each.name === name);
    if (region === undefined) {
      return refuse(
        "region_unknown",
        `there is no region ${name}`,
        `one of ${regions.map((each) => each.name).join(", ")}`,
      );
    }
    started.push(region);
  }
  const members = membersOfGroups(regions);
  for (const region of started) {
    for (const [market, { group }] of Object.entries(region.markets)) {
      const missing = (members.get(group) ?? []).filter((name) => !chosen.includes(name));
      if (missing.length > 0) {
        return refuse(
          "group_incomplete",
          `${marketFile(region, market)}: its journal is kept in ${(members.get(group) ?? []).join(", ")}, and ${missing.join(", ")} would not be started`,
          `start ${[...chosen, ...missing].join(",")}, or leave ${region.name} out`,
        );
      }
    }
  }
  return ok(started);
}
