/**
 * Writes golden.json anew from the engine on this machine: `npm run renew-golden`. To be run
 * when the rules of the engine or the streams were changed on purpose; says what differs from before.
 */
import { type Golden, goldenOf, readGolden, writeGolden } from "./golden.ts";
import { answersHere, buildHost } from "./programs.ts";
import { GOLDEN_SEED, recordsOf, streams } from "./streams.ts";

await buildHost();
const before = await readGolden();
const now: Record<string, Golden> = {};
for (const stream of streams) {
  const { name } = stream.profile;
  const records = recordsOf(stream, GOLDEN_SEED);
  const golden = goldenOf(records, await answersHere(records));
  now[name] = golden;
  const old = before[name];
  const change =
    old === undefined
      ? "new"
      : old.records !== golden.records
        ? "other commands"
        : old.answers !== golden.answers
          ? "same commands, OTHER ANSWERS"
          : "unchanged";
  console.log(`${name}: ${golden.commands} commands, ${golden.events} events: ${change}`);
}
await writeGolden(now);
