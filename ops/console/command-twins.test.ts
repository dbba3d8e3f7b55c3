import { suite } from "uvu";
import * as assert from "uvu/assert";

import { createProgram } from "../cli/program.ts";
import { spawnCommand } from "./page/data/spawn-rules.ts";

const test = suite("what the page calls the same by CLI");

test("the same by CLI is a command that the command line takes", async () => {
  const line = spawnCommand("eu-central", {
    key: "maker-1",
    type: "avellaneda-stoikov",
    parameters: { market: "BTC-EUR", account: "7", gamma: "0.2" },
  });
  const words = line.split(" ").slice(2);
  const program = createProgram();
  let seen: unknown = null;
  const spawn = program.commands
    .find((command) => command.name() === "strategy")
    ?.commands.find((command) => command.name() === "spawn");
  spawn?.action((type: string, options: Readonly<Record<string, unknown>>) => {
    seen = { type, ...options };
  });
  await program.parseAsync(words, { from: "user" });
  const given = seen as Readonly<Record<string, unknown>> | null;
  assert.equal(
    [
      given?.["type"],
      given?.["market"],
      given?.["region"],
      given?.["key"],
      given?.["account"],
      given?.["set"],
    ],
    ["avellaneda-stoikov", "BTC-EUR", "eu-central", "maker-1", "7", ["gamma=0.2"]],
  );
});

test.run();
