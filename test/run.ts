/**
 * Runs everything: static checks, native tests under sanitizers, unit tests beside their files, then
 * what needs the machine alone. Ends with `N passed, N failed, N skipped`; no test at all is a failure.
 *
 *   npm test                     everything
 *   npm test -- PATTERN …        test files whose path contains one of the patterns (no static or native checks)
 *   npm test -- --only=unit      one stage: static, native, unit, alone
 *   npm test -- --ci             as CI runs it: clusters one at a time, the tests of the clang build too
 */
import { availableParallelism } from "node:os";
import { globSync } from "node:fs";
import { join, relative } from "node:path";

import { compiledFolder } from "../ops/bootstrap/compiled.mjs";
import { idleNativeChecks, nativeChecks } from "./stages/native.ts";
import { staticChecks } from "./stages/static.ts";
import { type StageResult, runProcess, sum } from "./stages/process.ts";
import { repository } from "./support/shared-data.ts";

const UNIT_LIMIT_MS = 180_000;
const ALONE_LIMIT_MS = 420_000;
/** Folders whose tests measure or start clusters: after the rest, and what measures one file at a time. */
const measuringFolder = "bench/";
const aloneFolders = ["test/e2e/", "test/fuzz/", measuringFolder];
/** More files of clusters than that do not fail by what runs beside them. */
const mostAgain = 3;

const stages = ["static", "native", "unit", "alone"] as const;
const given = process.argv.slice(2);
const only = given.find((argument) => argument.startsWith("--only="))?.slice("--only=".length);
const isCi = given.includes("--ci");
const patterns = given.filter((argument) => !argument.startsWith("--"));
if (only !== undefined && !stages.some((stage) => stage === only)) {
  console.error(`--only=${only}: no such stage; one of ${stages.join(", ")}`);
  process.exit(2);
}
const wants = (stage: (typeof stages)[number]): boolean =>
  only === undefined
    ? patterns.length === 0 || stage === "unit" || stage === "alone"
    : only === stage;

const files = globSync("{actors,native,ops,regions,schemas,test,bench}/**/*.test.ts", {
  cwd: repository,
})
  .filter((file) => patterns.length === 0 || patterns.some((pattern) => file.includes(pattern)))
  .sort();
const alone = files.filter((file) => aloneFolders.some((folder) => file.startsWith(folder)));
const unit = files.filter((file) => !alone.includes(file));

const started = performance.now();
const results: StageResult[] = [];
console.log(
  `seed: ${process.env["MERIDIAN_SEED"] ?? "the fixed ones (set MERIDIAN_SEED to try another)"}`,
);
if (wants("static")) results.push(...(await staticChecks()));
if (wants("native")) results.push(...(await nativeChecks()));
if (wants("unit"))
  results.push(...(await testFiles(unit, Math.min(availableParallelism(), 4), UNIT_LIMIT_MS)));
const measuring = alone.filter((file) => file.startsWith(measuringFolder));
const clusters = alone.filter((file) => !file.startsWith(measuringFolder));
if (wants("alone")) results.push(...(await testFiles(measuring, 1, ALONE_LIMIT_MS)));
// Most of their time clusters wait for elections and leases; two at a time bear each other.
const clustersDone = wants("alone")
  ? testFiles(clusters, isCi ? 1 : 2, ALONE_LIMIT_MS)
  : Promise.resolve([]);
const idle = wants("native")
  ? idleNativeChecks({ everyTest: isCi, quiet: clustersDone })
  : Promise.resolve([]);
const besides = await idle;
results.push(...(await againAlone(await clustersDone)), ...besides);

const total = sum(results);
for (const result of results.filter((one) => one.failed > 0)) console.log(`FAILED ${result.name}`);
if (total.passed + total.failed === 0) console.log("no test ran: that is a failure");
console.log(`took ${Math.round((performance.now() - started) / 1000)} s`);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;

async function testFiles(
  paths: readonly string[],
  width: number,
  limit: number,
): Promise<StageResult[]> {
  const waiting = [...paths];
  const done: StageResult[] = [];
  const worker = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      done.push(await testFile(file, limit));
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  return done;
}

/**
 * Clusters whose tests failed beside compilers and each other are tried once more with nothing beside them
 * (decision 0049); what failed twice has failed. Both tries are told.
 */
async function againAlone(tried: readonly StageResult[]): Promise<StageResult[]> {
  const failed = tried.filter((one) => one.failed > 0);
  if (failed.length === 0 || failed.length > mostAgain) return [...tried];
  console.log(`again, alone: ${failed.map(({ name }) => name).join(", ")}`);
  const again = await testFiles(
    failed.map(({ name }) => name),
    1,
    ALONE_LIMIT_MS,
  );
  for (const { name } of again.filter((one) => one.failed === 0)) {
    console.log(`UNSTEADY ${name}: failed beside other work, passed alone`);
  }
  return [...tried.filter((one) => one.failed === 0), ...again];
}

/** One file in a process of its own; its counts are read from uvu's closing lines. */
async function testFile(file: string, limit: number): Promise<StageResult> {
  const run = await runProcess(process.execPath, [join(repository, file)], limit, {
    NO_COLOR: "1",
    // A test and the processes that it starts share hundreds of modules with the one before.
    NODE_COMPILE_CACHE: compiledFolder,
  });
  const count = (word: string): number => {
    const found = [...run.output.matchAll(new RegExp(`^\\s*${word}:\\s+(\\d+)`, "gm"))];
    return found.reduce((all, one) => all + Number(one[1]), 0);
  };
  const [ran, passed, skipped] = [count("Total"), count("Passed"), count("Skipped")];
  // A file that dies, hangs or reports no test has failed, whatever it counted until then.
  const broken = run.exitCode !== 0 || ran + skipped === 0;
  const failed = Math.max(ran - passed, broken ? 1 : 0);
  const seconds = (run.milliseconds / 1000).toFixed(1);
  console.log(
    `${failed > 0 ? "FAIL" : "ok  "} ${relative(repository, join(repository, file))}  ${passed} passed${skipped > 0 ? `, ${skipped} skipped` : ""}  ${seconds} s`,
  );
  for (const line of run.output.split("\n").filter((text) => text.startsWith("SKIP ")))
    console.log(`     ${line}`);
  if (failed > 0)
    console.log(
      `${run.output}\n${run.timedOut ? `(ended after ${limit / 1000} s)` : `(exit code ${run.exitCode})`}`,
    );
  return { name: file, passed, failed, skipped };
}
