/**
 * Drills on three real regions, inside the observer's namespace (wide-area.ts starts it there):
 *   node test/regions/run.ts --seed=N --count=N [--faults=NAME,NAME] [--lasts=MS] [--server=PATH] [--out=FILE]
 * Prints a line a drill and a table, and ends with 1 when a promise was broken. FILE gets the reports as JSON.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";

import { seededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import { type DrillResult, Drills } from "./drill.ts";
import { type FaultName, faultNames } from "./faults.ts";
import { describeDrill, reportsOf, table } from "./report.ts";
import { ThreeRegions } from "./three-regions.ts";
import { WideArea } from "./wide-area.ts";

/** Ledger and journal are judged whole after each drill: a new cluster before they become long. */
const DRILLS_PER_CLUSTER = 11;
const SHOWN = 5;

const option = (name: string): string | undefined =>
  process.argv.find((argument) => argument.startsWith(`--${name}=`))?.slice(name.length + 3);
const seed = Number(option("seed") ?? 1);
const count = Number(option("count") ?? faultNames.length);
const faults = (option("faults")?.split(",") as FaultName[] | undefined) ?? faultNames;
const lasts = option("lasts");
const server = option("server");

/** What the drill promised and did not keep. */
function broken(result: DrillResult): readonly string[] {
  const violations = result.results.flatMap(({ verdict }) => verdict.violations);
  const { fault, ownerChanges, unanswered } = result;
  if (fault.name === "healing_under_load" && ownerChanges > 0) {
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

/** Drills in one cluster, up to the first that could not be carried through; how many, and how many failed. */
async function runSome(
  wide: WideArea,
  names: readonly FaultName[],
  first: number,
  done: DrillResult[],
): Promise<{ readonly ran: number; readonly failures: number }> {
  const three = await ThreeRegions.start(wide, server);
  let drills: Drills | null = null;
  let failures = 0;
  let ran = 0;
  const say = (violations: readonly string[], replay: string): void => {
    if (violations.length === 0) return;
    failures += 1;
    for (const violation of violations.slice(0, SHOWN)) console.log(`BROKEN ${violation}`);
    console.log(`  ${violations.length} in all; SEED=${seed}  replay: ${replay}`);
  };
  try {
    drills = await Drills.begin(three, seed + first);
    for (const [index, name] of names.entries()) {
      const number = first + index;
      ran += 1;
      const replay = `npm run soak -- region-drills --seed=${seed} --count=${number + 1}`;
      const result = await drills.run(
        name,
        seededRandomness(seed * 1_000 + number),
        lasts === undefined ? null : Number(lasts),
      );
      done.push(result);
      console.log(`${number + 1}. ${describeDrill(result)}`);
      say(broken(result), replay);
    }
    const again = (await drills.end()).flatMap(({ violations }) => violations);
    say(again, "all drills of this cluster, read again at the end");
  } catch (error) {
    failures += 1;
    console.log(`BROKEN ${(error as Error).stack}`);
    showLogs(three.folder);
  } finally {
    await drills?.stop();
    await three.stop();
  }
  return { ran, failures };
}

function showLogs(folder: string): void {
  const text = execFileSync("/bin/sh", ["-c", `tail -n 12 ${folder}/*.log | cut -c1-300`]);
  console.log(text.toString());
}

const wide = new WideArea();
const names = sequenceOf(faults, count);
const done: DrillResult[] = [];
let failures = 0;
for (let from = 0; from < names.length; ) {
  const some = await runSome(wide, names.slice(from, from + DRILLS_PER_CLUSTER), from, done);
  failures += some.failures;
  // One that did not even begin is not tried again.
  from += Math.max(1, some.ran);
}
wide.close();
console.log(table(done));
const all = (of: (news: DrillResult["results"][number]["news"]) => number): number =>
  done.flatMap(({ results }) => results).reduce((sum, { news }) => sum + of(news), 0);
console.log(
  `${done.length} of ${count} drills, SEED=${seed}: ${all(({ acknowledged }) => acknowledged)} acknowledgements judged, ${all(({ byOuch }) => byOuch)} of them by OUCH; ${all(({ lost }) => lost)} lost, ${all(({ doubled }) => doubled)} orders doubled, ${all(({ repeated }) => repeated)} first outcomes given again, ${all(({ ofOldEpoch }) => ofOldEpoch)} of an old epoch, each on the chain`,
);
const out = option("out");
// Nothing that is infinite in JSON: what did not come back is there as null.
if (out !== undefined) writeFileSync(out, JSON.stringify(reportsOf(done)));
process.exitCode = failures > 0 || done.length < count ? 1 : 0;
