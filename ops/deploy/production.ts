import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Result, ok, refuse } from "../../actors/kernel/result.ts";
import type { CellConfiguration } from "../../schemas/configuration.ts";
import { clientGrantsSchema, edgeAccessSchema } from "../../schemas/configuration.ts";
import { regionsOfGroup } from "./contradictions.ts";
import { localAccount, localMember } from "./local-access.ts";
import type { Region } from "./regions.ts";

/** Something that the production profile does not start with, and what to do about it. */
export interface Objection {
  readonly what: string;
  readonly next: string;
}

/** What a cluster would be started with. */
export interface ProductionStart {
  readonly dataDirectory: string;
  readonly regions: readonly Region[];
  readonly engine: CellConfiguration["engine"];
  readonly flow: boolean;
  readonly strongestMode: "durable" | "replicated";
  readonly serverVersion: string;
}

/** The engine of cells: none is chosen by what a machine happens to have. */
export const productionEngine = (
  asked: CellConfiguration["engine"],
): CellConfiguration["engine"] => (asked === "auto" ? "native" : asked);

/**
 * Checks that nothing of the development defaults is left. Failure code: not_for_production, with all that
 * is wrong at once.
 */
export function checkProduction(start: ProductionStart): Result<void> {
  const objections = [
    ...objectionsToStart(start),
    ...start.regions.flatMap(objectionsToRegion),
    ...readableByOthers(start.dataDirectory),
    ...defaultCredentials(start.dataDirectory),
  ];
  if (objections.length === 0) return ok(undefined);
  return refuse(
    "not_for_production",
    objections.map(({ what }) => what).join("; "),
    [...new Set(objections.map(({ next }) => next))].join("; "),
  );
}

function objectionsToStart(start: ProductionStart): readonly Objection[] {
  const { regions, engine, flow, strongestMode, serverVersion } = start;
  const found: Objection[] = [];
  if (flow) {
    found.push({ what: "the background flow trades by itself", next: "leave out --flow on" });
  }
  if (engine === "portable") {
    found.push({
      what: "the portable engine is a slow twin for tests",
      next: "leave out --engine portable",
    });
  }
  if (regions.length < regionsOfGroup) {
    found.push({
      what: `${regions.length} regions keep fewer copies of a journal than ${regionsOfGroup}`,
      next: `start ${regionsOfGroup} regions`,
    });
  }
  if (strongestMode !== "replicated") {
    found.push({
      what: `nats-server ${serverVersion} allows no replicated market`,
      next: "set NATS_SERVER to a newer one, or node ops/bootstrap.mjs",
    });
  }
  return found;
}

function objectionsToRegion({ name, file, profile, residency }: Region): readonly Objection[] {
  const found: Objection[] = [];
  if (profile === "none") {
    found.push({
      what: `${name} has no regulatory profile`,
      next: `name one by profile in ${file}`,
    });
  }
  if (residency.events === undefined || residency.positions === undefined) {
    found.push({
      what: `${name} does not say where its data may be kept`,
      next: `list the regions for events and positions under [residency] in ${file}`,
    });
  }
  return found;
}

const othersMask = 0o077;
/** Folders of the data folder whose files hold keys, tokens or passwords. */
const secretFolders = ["users", "tls", "clients", "nats", "cells"] as const;

/** Files with secrets that somebody else than their owner may read or write; the data folder itself as well. */
export function readableByOthers(dataDirectory: string): readonly Objection[] {
  const files = secretFolders.flatMap((folder) => filesIn(join(dataDirectory, folder)));
  return [dataDirectory, ...files]
    .filter((path) => existsSync(path) && (statSync(path).mode & othersMask) !== 0)
    .map((path) => ({
      what: `${path} is open to other users (mode ${(statSync(path).mode & 0o777).toString(8)})`,
      next: `chmod go= ${path}`,
    }));
}

function filesIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(folder, entry.name));
}

/** Access that the demo profile gives to whoever starts a cluster. */
export function defaultCredentials(dataDirectory: string): readonly Objection[] {
  return filesIn(join(dataDirectory, "clients")).flatMap((path) => {
    const found: Objection[] = [];
    const content: unknown = JSON.parse(readFileSync(path, "utf8"));
    const edges = edgeAccessSchema.safeParse(content).data;
    const names = [...(edges?.members ?? []), ...(edges?.subscribers ?? [])].map(
      ({ username }) => username,
    );
    if (names.includes(localMember)) {
      found.push({
        what: `${path}: ${localMember} is a default member`,
        next: `remove it from ${path}`,
      });
    }
    const grants = clientGrantsSchema.safeParse(content).data?.grants ?? [];
    if (grants.some(({ account }) => account === localAccount)) {
      found.push({
        what: `${path}: account ${localAccount} is granted by default`,
        next: `remove it from ${path}`,
      });
    }
    return found;
  });
}
