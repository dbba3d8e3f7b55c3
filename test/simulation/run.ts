/**
 * One simulated cluster from one seed: `npm run sim -- --seed N [--scenario NAME] [--seconds S]`.
 * `--trace` prints every line as it happens, `--steps` every step of every process as well.
 */
import { isScenario, optionsOf, scenarios } from "./options.ts";
import { Simulation } from "./simulation.ts";
import { Trace } from "./trace.ts";

const given = process.argv.slice(2);
const value = (name: string): string | undefined => {
  const at = given.indexOf(`--${name}`);
  if (at >= 0) return given[at + 1];
  return given.find((one) => one.startsWith(`--${name}=`))?.slice(name.length + 3);
};
const number = (name: string, fallback: number): number => {
  const text = value(name);
  if (text === undefined) return fallback;
  const parsed = Number(text);
  if (Number.isSafeInteger(parsed) && parsed >= 0) return parsed;
  console.error(`--${name} takes a whole number, not ${text}`);
  return process.exit(2);
};
const known = ["seed", "scenario", "seconds", "trace", "steps", "help"];
for (const option of given.filter((one) => one.startsWith("--"))) {
  const name = option.slice(2).split("=")[0] ?? "";
  if (known.includes(name)) continue;
  console.error(`${option} is no option; ${known.map((one) => `--${one}`).join(" ")} are`);
  process.exit(2);
}
const scenario = value("scenario") ?? "everything";
if (given.includes("--help") || !isScenario(scenario)) {
  const list = Object.entries(scenarios).map(([name, { about }]) => `  ${name.padEnd(30)}${about}`);
  console.error(`npm run sim -- --seed N [--scenario NAME] [--seconds S] [--trace] [--steps]

Scenarios:
${list.join("\n")}

Exit codes: 0 nothing broken, 1 a promise was broken, 2 usage. The same seed gives the same trace hash.`);
  process.exit(given.includes("--help") ? 0 : 2);
}
const seed = number("seed", Math.floor(performance.timeOrigin) % 2 ** 31);
const options = optionsOf(seed, scenario, number("seconds", 40));
const chosen = Object.entries(options.faults).filter(([, rate]) => rate > 0);
console.log(`SEED=${seed} scenario=${scenario}`);
console.log(
  `  topology=${options.topology}${options.sharedShard ? ", one shard" : ""} mode=${options.mode} orders/s=${options.ordersPerSecond} faults for ${options.faultSeconds} s${options.lostSite === null ? "" : `, then the machine of site ${options.lostSite} is lost`}`,
);
console.log(
  `  ${chosen.map(([kind, rate]) => `${kind}=${rate}`).join(" ") || "no fault"} messages=${JSON.stringify(options.messages)}`,
);
const steps = given.includes("--steps");
const print = steps || given.includes("--trace");
const trace = new Trace(print ? (line) => console.log(line) : null, steps);
const started = performance.now();
const usageBefore = process.cpuUsage();
const verdict = await new Simulation(options, trace).run();
const wall = (performance.now() - started) / 1000;
const { user, system } = process.cpuUsage(usageBefore);
const processor = (user + system) / 1e6;
if (verdict.violations.length > 0) {
  if (!print) for (const line of verdict.lines.slice(-60)) console.log(line);
  for (const violation of verdict.violations.slice(0, 20)) console.log(`BROKEN ${violation}`);
  console.log(
    `replay: npm run sim -- --seed ${seed} --scenario ${scenario} --seconds ${options.faultSeconds} --trace`,
  );
}
console.log(
  `${verdict.violations.length === 0 ? "held" : "BROKEN"} trace=${verdict.hash} steps=${verdict.steps} acknowledged=${verdict.acknowledged} reserved=${verdict.reserved} epochs=${verdict.epochs} quarantines=${verdict.quarantines}`,
);
console.log(
  `  ${verdict.simulatedSeconds.toFixed(1)} simulated seconds in ${wall.toFixed(2)} s (${processor.toFixed(2)} s of processor time): ${(verdict.simulatedSeconds / wall).toFixed(0)} to 1`,
);
process.exit(verdict.violations.length === 0 ? 0 : 1);
