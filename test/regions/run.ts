/**
 * Drills on three real regions, inside the observer's namespace (wide-area.ts starts it there):
 *   node test/regions/run.ts --seed=N --count=N [--faults=NAME,NAME] [--lasts=MS] [--minutes=N] [--server=PATH]
 *     [--out=FILE] [--logs=FOLDER]
 * Prints a line a drill and a table, and ends with 1 when a promise was broken or a drill could not be carried
 * through. No drill begins after so many minutes. FILE has the report as JSON after every drill, whatever
 * becomes of the next; FOLDER gets the logs of servers and cells.
 */
import { execFileSync } from "node:child_process";
import { renameSync, writeFileSync } from "node:fs";

import { seededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import { type DrillResult, Drills } from "./drill.ts";
import { type FaultName, faultNames } from "./faults.ts";
import { limited } from "./limited.ts";
import { describeDrill, table } from "./report.ts";
import { type Broken, runReportOf, type Uncarried } from "./run-report.ts";
import { ThreeRegions } from "./three-regions.ts";
import { WideArea } from "./wide-area.ts";

/** Ledger and journal are judged whole after each drill: a new cluster before they become long. */
const DRILLS_PER_CLUSTER = 11;
const SHOWN = 5;
/** A start and a drill that take longer than this are given up, and the next begins on a new cluster. */
const LONGEST_START_MS = 360_000;
const LONGEST_DRILL_MS = 300_000;

const option = (name: string): string | undefined =>
  process.argv.find((argument) => argument.startsWith(`--${name}=`))?.slice(name.length + 3);
const seed = Number(option("seed") ?? 1);
const count = Number(option("count") ?? faultNames.length);
const faults = (option("faults")?.split(",") as FaultName[] | undefined) ?? faultNames;
const lasts = option("lasts");
const minutes = Number(option("minutes") ?? Number.POSITIVE_INFINITY);
const server = option("server");
const logs = option("logs");
const out = option("out");

const until = performance.now() + minutes * 60_000;
const done: DrillResult[] = [];
const broken: Broken[] = [];
const uncarried: Uncarried[] = [];

/** What the drill promised and did not keep. */
function violationsOf(result: DrillResult): readonly string[] {
  const violations = result.results.flatMap(({ verdict }) => verdict.violations);
  const { fault, ownerChanges, unanswered } = result;
  const keepsOwner = fault.name === "healing_under_load" || fault.name === "partial_partition";
  if (keepsOwner && ownerChanges > 0) {
    return [...violations, `${ownerChanges} owner changes although the owner was well`];
  }
  if (fault.name === "planned_move" && unanswered.length > 0) {
    return [...violations, `a planned move refused ${unanswered.join(", ")}`];
  }
  return violations;
}

/** The faults in an order of the seed's, each as often as the others. */
function sequenceOf(names: readonly FaultName[], length: number): readonly FaultName[] {
  const random = seededRandomness(seed);
  const order: FaultName[] = [];
  while (order.length < length) {
    const round = [...names];
    while (round.length > 0) order.push(...round.splice(random.below(round.length), 1));
  }
  return order.slice(0, length);
}

function say(what: string, violations: readonly string[], replay: string): void {
  if (violations.length === 0) return;
  broken.push({ what, violations: violations.length, first: violations[0] ?? "" });
  for (const violation of violations.slice(0, SHOWN)) console.log(`BROKEN ${violation}`);
  console.log(`  ${violations.length} in all; SEED=${seed}  replay: ${replay}`);
}

/** Whole or not at all: whoever reads it may come at any time. Nothing in it is infinite: null is there instead. */
function keepReport(): void {
  if (out === undefined) return;
  writeFileSync(`${out}.draft`, JSON.stringify(runReportOf(count, done, broken, uncarried)));
  renameSync(`${out}.draft`, out);
}

/** Drills in one cluster, up to the first that could not be carried through; how many were tried. */
async function runSome(
  wide: WideArea,
  names: readonly FaultName[],
  first: number,
): Promise<number> {
  let three: ThreeRegions | null = null;
  let drills: Drills | null = null;
  let ran = 0;
  let at = "the start of a cluster";
  try {
    three = await ThreeRegions.start(wide, server);
    drills = await limited(at, LONGEST_START_MS, Drills.begin(three, seed + first));
    for (const [index, name] of names.entries()) {
      if (performance.now() > until) break;
      const number = first + index;
      at = name;
      ran += 1;
      const random = seededRandomness(seed * 1_000 + number);
      const result = await limited(
        name,
        LONGEST_DRILL_MS,
        drills.run(name, random, lasts === undefined ? null : Number(lasts)),
      );
      done.push(result);
      console.log(`${number + 1}. ${describeDrill(result)}`);
      const replay = `npm run soak -- region-drills --seed=${seed} --count=${number + 1}`;
      say(`${number + 1}. ${name}`, violationsOf(result), replay);
      keepReport();
    }
    at = "the end of a cluster";
    const again = (await limited(at, LONGEST_DRILL_MS, drills.end())).flatMap(
      ({ violations }) => violations,
    );
    say(at, again, "all drills of this cluster, read again at the end");
  } catch (error) {
    uncarried.push({
      number: first + Math.max(1, ran),
      fault: at,
      reason: (error as Error).message,
    });
    console.log(`BROKEN ${first + ran}. ${at}: ${(error as Error).stack}`);
    if (three !== null) showLogs(three.folder);
  } finally {
    await drills?.stop();
    await three?.stop(logs ?? null);
    keepReport();
  }
  // One that did not even begin is not tried again.
  return Math.max(1, ran);
}

function showLogs(folder: string): void {
  const text = execFileSync("/bin/sh", ["-c", `tail -n 12 ${folder}/*.log | cut -c1-300`]);
  console.log(text.toString());
}

const wide = new WideArea();
const names = sequenceOf(faults, count);
for (let from = 0; from < names.length && performance.now() < until; ) {
  from += await runSome(wide, names.slice(from, from + DRILLS_PER_CLUSTER), from);
}
wide.close();
console.log(table(done));
const all = (of: (news: DrillResult["results"][number]["news"]) => number): number =>
  done.flatMap(({ results }) => results).reduce((sum, { news }) => sum + of(news), 0);
console.log(
  `${done.length} of ${count} drills, SEED=${seed}: ${all(({ acknowledged }) => acknowledged)} acknowledgements judged, ${all(({ byOuch }) => byOuch)} of them by OUCH; ${all(({ lost }) => lost)} lost, ${all(({ doubled }) => doubled)} orders doubled, ${all(({ repeated }) => repeated)} first outcomes given again, ${all(({ ofOldEpoch }) => ofOldEpoch)} of an old epoch, each on the chain`,
);
for (const { number, fault, reason } of uncarried) {
  console.log(`not carried through: ${number}. ${fault}: ${reason}`);
}
process.exitCode = broken.length + uncarried.length > 0 ? 1 : 0;
