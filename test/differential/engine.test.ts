import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { reasons, refusals } from "../../native/portable/codes.ts";
import { Market } from "../../native/portable/market.ts";
import { seed } from "../support/seed.ts";
import { testUnless } from "../support/skip.ts";
import {
  caseText,
  countEvents,
  findDisagreement,
  generateRun,
  label,
  missingCompiler,
  readCase,
  requireEngineReplay,
  runMarket,
} from "./comparison.ts";
import { levelProfile, profiles } from "./profiles.ts";

const test = suite("engine differential");

/** Together over a million commands. */
const SEEDS_PER_PROFILE = 2;
const COMMANDS_PER_SEED = 20_000;
const LEVEL_COMMANDS = 100_000;
/** The C++ engine checks all its invariants after each command on the first part of every profile. */
const VERIFIED_COMMANDS = 1_000;

/** What occurs less often than this, the streams do not test. */
const OCCURRENCES = 20;

let compared = 0;
const counts = new Map<string, number>();

async function agree(
  profile: (typeof profiles)[number],
  from: number,
  count: number,
  verify: boolean,
) {
  const run = generateRun(profile, from, count);
  const disagreement = await findDisagreement(run, () => new Market(), verify);
  assert.is(disagreement, null, `${label(profile, from)} ${disagreement}`);
  compared += count;
  countEvents(run.output, counts);
}

testUnless(test, missingCompiler, "the tool that runs the C++ engine is built", () =>
  requireEngineReplay(),
);

/** Streams on which the engines once differed, shortened. */
const cases = join(import.meta.dirname, "cases");
for (const name of (await readdir(cases)).filter((file) => file.endsWith(".txt")).sort()) {
  testUnless(test, missingCompiler, `both engines agree on the case ${name}`, async () => {
    const commands = readCase(await readFile(join(cases, name), "utf8"));
    const run = { commands, output: runMarket(commands, new Market()) };
    assert.is(await findDisagreement(run, () => new Market(), true), null);
  });
}

test("a case is read as the commands that were written", () => {
  const [profile = levelProfile] = profiles;
  const { commands } = generateRun(profile, seed(1), 200);
  assert.equal(readCase(`# any words\n${caseText(commands)}\n`), commands);
});

for (const profile of [...profiles, levelProfile]) {
  const title = `both engines give the same events and digest after every command: ${profile.name}`;
  testUnless(test, missingCompiler, title, async () => {
    const first = seed(1);
    if (profile === levelProfile) {
      await agree(profile, first, LEVEL_COMMANDS, false);
      return;
    }
    await agree(profile, first + 1_000, VERIFIED_COMMANDS, true);
    for (let index = 0; index < SEEDS_PER_PROFILE; index += 1) {
      await agree(profile, first + index, COMMANDS_PER_SEED, false);
    }
  });
}

testUnless(test, missingCompiler, "at least a million commands were compared", () => {
  assert.ok(compared >= 1_000_000, `${compared} commands`);
});

/** Reasons for which lots are taken off an order that stays. */
const reduceReasons = ["user", "self_trade", "reduce_only", "linked"];
const numbered = (name: string, values: number): string[] =>
  Array.from({ length: values }, (_, value) => `${name} ${value}`);

testUnless(
  test,
  missingCompiler,
  "the streams reach every event, every refusal and every reason",
  () => {
    const names = [
      ...numbered("accepted", 8),
      ...numbered("executed", 4),
      ...Object.keys(reasons).map((name) => `canceled ${name}`),
      ...reduceReasons.map((name) => `reduced ${name}`),
      ...Object.keys(refusals)
        .filter((name) => name !== "none")
        .map((name) => `refused ${name}`),
      ...numbered("state_set", 7),
      ...numbered("limit_state", 2),
      ...numbered("breaker_set", 3),
      ...numbered("limit_set", 7),
      ...numbered("killed", 2),
      "repeated",
      "repeated a refusal",
      "replaced",
      "configured",
      "touch",
      "rested",
      "triggered",
      "activated",
      "repriced",
      "indicative",
      "mass_canceled",
      "position_set",
      "busted",
      "corrected",
      "ticked",
      "seeded",
    ];
    const rare = names.filter((name) => (counts.get(name) ?? 0) < OCCURRENCES);
    assert.equal(rare, []);
    assert.is(counts.size, names.length);
  },
);

test.run();
