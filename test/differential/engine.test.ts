import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Market, refusalNames } from "../../native/portable/market.ts";
import { seed } from "../support/seed.ts";
import { testUnless } from "../support/skip.ts";
import {
  countEvents,
  findDisagreement,
  generateRun,
  label,
  missingCompiler,
  requireEngineReplay,
} from "./comparison.ts";
import { levelProfile, profiles } from "./profiles.ts";

const test = suite("engine differential");

/** Together over a million commands. */
const SEEDS_PER_PROFILE = 6;
const COMMANDS_PER_SEED = 20_000;
const LEVEL_COMMANDS = 90_000;
/** The C++ engine checks all its invariants after each command on the first part of every profile. */
const VERIFIED_COMMANDS = 2_000;

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

testUnless(
  test,
  missingCompiler,
  "the streams reach every event, every refusal and every reason",
  () => {
    const names = [
      "accepted",
      "executed",
      "reduced",
      "replaced",
      "configured",
      "state_set",
      "touch",
      "repeated",
      "repeated a refusal",
      ...refusalNames.map((name) => `refused ${name}`),
      "canceled user",
      "canceled reduced_to_zero",
      "canceled ioc_rest",
      "canceled fok_unfilled",
      "canceled no_liquidity",
    ];
    const rare = names.filter((name) => (counts.get(name) ?? 0) < OCCURRENCES);
    assert.equal(rare, []);
    assert.is(counts.size, names.length);
  },
);

test.run();
