import { spawnSync } from "node:child_process";
import { join } from "node:path";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { repository } from "../support/shared-data.ts";
import { seed } from "../support/seed.ts";
import { promised, type ScenarioName, scenarios } from "./options.ts";
import { simulate, type Verdict } from "./simulation.ts";
import { Trace } from "./trace.ts";

const test = suite("simulation");

const FAULT_SECONDS = 20;
const names = Object.keys(scenarios) as ScenarioName[];
const replay = ({ options }: Verdict): string =>
  `SEED=${options.seed} replay: npm run sim -- --seed ${options.seed} --scenario ${options.scenario} --seconds ${options.faultSeconds}`;

async function holds(number: number, scenario: ScenarioName): Promise<Verdict> {
  const verdict = await simulate(number, scenario, FAULT_SECONDS);
  assert.equal(verdict.violations, [], replay(verdict));
  return verdict;
}

/** Seeds that once found something, in the cells or in the simulation itself. */
const onceFailed: readonly (readonly [number, ScenarioName, string])[] = [
  [172, "lost-suffix", "an ack with a number that the stream gave before left a market stuck"],
  [
    10_961,
    "both-stored",
    "a second copy stored late was taken for a loss, and a fork for the chain",
  ],
  [11_379, "both-stored", "the same, found by another way"],
  [200_195, "lost-suffix", "a market waited for ever for a message that JetStream had forgotten"],
  [700_040, "everything", "a market whose disk had been full failed for ever without saying so"],
  [44, "lost-suffix", "a waiting cell followed a chain whose start JetStream had forgotten"],
  [9_910_139, "lost-leases", "the last owner and the home of a market waited for each other"],
  [27, "everything", "a leader that was killed and came back kept its place"],
];
for (const [number, scenario, what] of onceFailed) {
  test(`B7.7 seed ${number} of ${scenario} holds: ${what}`, async () => {
    await holds(number, scenario);
  });
}

for (const scenario of promised) {
  const runs = scenario === "everything" ? 16 : 3;
  test(`B7.7 B7.8 nothing acknowledged is lost, doubled or changed, and all is well in the end: ${scenario} (${scenarios[scenario].about})`, async () => {
    const first = seed(4_100);
    for (let run = 0; run < runs; run += 1) await holds(first + run, scenario);
  });
}

test("B9.7 partitions and frozen clocks change owners, and no epoch has two", async () => {
  let changes = 0;
  for (const scenario of ["partitions", "frozen-clocks", "pauses"] as const) {
    for (let number = 4_200; number < 4_204; number += 1) {
      const verdict = await holds(number, scenario);
      changes += verdict.epochs - (verdict.options.topology === "contended" ? 2 : 3);
    }
  }
  assert.ok(changes >= 6, `only ${changes} changes of owner`);
});

const unsafe = / is lost| was told otherwise| is not the journal's|, the journal gives /;
for (const scenario of names.filter((name) => name.startsWith("canary"))) {
  test(`B7.8 a planted defect is found: ${scenario} (${scenarios[scenario].about})`, async () => {
    let found = "";
    for (let number = 1; number <= 8 && !unsafe.test(found); number += 1) {
      found = (await simulate(number, scenario)).violations.join("\n");
    }
    assert.match(found, unsafe);
  });
}

test("B7.8 a seed is the same run to the last step, here and in another process", async () => {
  const one = await simulate(4_300, "everything", FAULT_SECONDS);
  const two = await simulate(4_300, "everything", FAULT_SECONDS);
  assert.equal([two.hash, two.steps], [one.hash, one.steps]);
  assert.equal(two.lines, one.lines);
  const other = await simulate(4_301, "everything", FAULT_SECONDS);
  assert.is.not(other.hash, one.hash);
  const run = spawnSync(
    process.execPath,
    [
      join(repository, "test/simulation/run.ts"),
      "--seed",
      "4300",
      "--seconds",
      String(FAULT_SECONDS),
    ],
    { encoding: "utf8" },
  );
  assert.is(run.status, 0, run.stderr);
  assert.match(run.stdout, `trace=${one.hash} steps=${one.steps}`);
});

test("B7.7 a broken run prints its seed, what was broken, its trace, and the line that replays it", () => {
  const command = [join(repository, "test/simulation/run.ts"), "--scenario", "canary-no-fence"];
  const run = spawnSync(process.execPath, [...command, "--seed", "1"], { encoding: "utf8" });
  assert.is(run.status, 1);
  assert.match(run.stdout, /^SEED=1 scenario=canary-no-fence$/m);
  assert.match(run.stdout, /^BROKEN M\d: replicated command .* is lost$/m);
  assert.match(run.stdout, /^\d+\.\d+s cell-\d#\d+ /m);
  const line = /^replay: npm run sim -- (.*)$/m.exec(run.stdout)?.[1]?.split(" ") ?? [];
  const again = spawnSync(process.execPath, [command[0] ?? "", ...line], { encoding: "utf8" });
  const hash = (text: string): string | undefined => /trace=(\w+)/.exec(text)?.[1];
  assert.is(hash(again.stdout), hash(run.stdout));
});

test("B7.8 nothing a run does waits for real time or real disks", async () => {
  const trace = new Trace();
  const { setTimeout: real } = globalThis;
  let waits = 0;
  globalThis.setTimeout = ((...given: Parameters<typeof real>) => {
    waits += 1;
    return real(...given);
  }) as typeof real;
  const { now } = Date;
  let looks = 0;
  Date.now = () => {
    looks += 1;
    return now();
  };
  try {
    const verdict = await simulate(4_400, "everything", FAULT_SECONDS, trace);
    assert.equal(verdict.violations, [], replay(verdict));
  } finally {
    globalThis.setTimeout = real;
    Date.now = now;
  }
  assert.equal([waits, looks], [0, 0]);
});

test.run();
