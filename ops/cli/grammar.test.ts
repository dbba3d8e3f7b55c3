import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";

import type { Command } from "commander";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { outputFormats } from "./output.ts";
import { createProgram } from "./program.ts";

/** What every command has. A command that lacks something is named with what it lacks. */
const test = suite("the grammar of the command line");

const folder = import.meta.dirname;

/** They print no data: what they do is told as it happens, or is a script or a screen. */
const withoutForms: Readonly<Record<string, string>> = {
  up: "runs until Ctrl-C",
  down: "tells its progress",
  login: "says whom the next commands act as",
  completion: "prints a script",
  console: "opens a browser",
  "edge run": "runs until it is told to end",
};

/** Commands whose output another test compares: they need more than a cluster. */
const goldenElsewhere: Readonly<Record<string, string>> = {
  up: "test/e2e/up.test.ts",
  down: "test/e2e/up.test.ts",
  "region failover": "test/e2e/failover.test.ts",
  "region failback": "test/e2e/failover.test.ts",
  "region drain": "test/e2e/region-drain.test.ts",
  "region undrain": "test/e2e/region-drain.test.ts",
  "region recover propose": "test/e2e/region-recover.test.ts",
  "region recover approve": "test/e2e/region-recover.test.ts",
  "region recover run": "test/e2e/region-recover.test.ts",
  backtest: "ops/cli/commands/backtest.test.ts",
};

interface Leaf {
  /** "order place". */
  readonly path: string;
  readonly command: Command;
}

function leaves(command: Command, path: readonly string[] = []): readonly Leaf[] {
  return command.commands.flatMap((child) => {
    const own = [...path, child.name()];
    const below = leaves(child, own);
    return below.length > 0 ? below : [{ path: own.join(" "), command: child }];
  });
}

/** Groups that have no command yet are leaves too; they have no action. */
const commands = leaves(createProgram()).filter(
  ({ command }) => command.description() !== "look after whole regions of a cluster",
);

function helpOf(command: Command): string {
  let text = "";
  command.configureOutput({ writeOut: (chunk) => void (text += chunk) });
  command.outputHelp();
  return text;
}

const goldenFile = (path: string): string =>
  join(folder, "commands", "golden", `${path.replaceAll(" ", "-")}.txt`);

test("each command has a description and an example in its help", () => {
  const faults = commands.flatMap(({ path, command }) => {
    const help = helpOf(command);
    const [, examples = ""] = help.split("Examples:");
    return [
      ...(command.description() === "" ? [`${path}: no description`] : []),
      ...(examples.includes(`meridian ${path}`)
        ? []
        : [`${path}: no example; addHelpText("after", "\\nExamples:\\n  npx meridian ${path} …")`]),
    ];
  });
  assert.equal(faults, []);
});

test("the examples use options that are there", () => {
  const faults = commands.flatMap(({ path, command }) => {
    const [, examples = ""] = helpOf(command).split("Examples:");
    const known = command.options.flatMap(({ long, short }) => [long ?? "", short ?? ""]);
    const lines = examples.split("\n").filter((line) => line.includes(`meridian ${path} `));
    return lines.flatMap((line) => {
      const used = line.match(/(?<= )--?[a-z][a-z-]*/g) ?? [];
      return used
        .filter((option) => !known.includes(option))
        .map((option) => `${path}: an example has ${option}`);
    });
  });
  assert.equal(faults, []);
});

test("each command that prints data prints it in every form", () => {
  const faults = commands.flatMap(({ path, command }) => {
    if (withoutForms[path] !== undefined) return [];
    const output = command.options.find(({ long }) => long === "--output");
    if (output === undefined) return [`${path}: no -o; addOption(outputOption()) and printed()`];
    const lacking = outputFormats.filter((format) => output.argChoices?.includes(format) !== true);
    return lacking.map((format) => `${path}: no -o ${format}; use outputOption() of output.ts`);
  });
  assert.equal(faults, []);
});

test("no command makes a form of its own", () => {
  const faults = globSync("commands/*.ts", { cwd: folder }).filter((file) => {
    const text = readFileSync(join(folder, file), "utf8");
    return /output === "(json|jsonl|csv)"|printJson\(/.test(text);
  });
  assert.equal(faults, [], "printed() of output.ts gives all forms the same fields");
});

/** What waits for a cluster's processes or reads whole files, in the modules that do so for commands. */
const longWork =
  /\b(askTool|askLauncher|askThroughRestarts|carryOut|during|activity|progressBar)\(/;

test("commands that take long show it on a terminal, and have -q to be calm", () => {
  const longFiles = globSync("commands/*.ts", { cwd: folder }).filter(
    (file) => !file.endsWith(".test.ts") && longWork.test(readFileSync(join(folder, file), "utf8")),
  );
  const faults = longFiles
    .filter((file) => !/calmOption\(\)/.test(readFileSync(join(folder, file), "utf8")))
    .map((file) => `${file}: no -q; addOption(calmOption())`);
  assert.equal(faults, []);
  const named =
    `up, down, replay, backtest, certificates rotate, keys rotate-encryption, journal verify,
    journal dump, journal restore, region add, region remove, region failover, region failback,
    region drain, edge add`.split(/,\s+/);
  const calm = (path: string): boolean =>
    commands.some(
      (one) => one.path === path && one.command.options.some(({ short }) => short === "-q"),
    );
  assert.equal(
    named.filter((path) => !calm(path)),
    [],
  );
});

test("commands that list have -q for scripts", () => {
  const faults = commands
    .filter(({ path }) => /(^| )list$/.test(path))
    .filter(({ command }) => !command.options.some(({ short }) => short === "-q"))
    .map(({ path }) => `${path}: no -q; addOption(quietOption())`);
  assert.equal(faults, []);
});

test("each command has a golden file that a test compares", () => {
  const faults = commands.flatMap(({ path }) => {
    const elsewhere = goldenElsewhere[path];
    if (elsewhere !== undefined) {
      const text = readFileSync(join(folder, "..", "..", elsewhere), "utf8");
      return text.includes(path.split(" ").at(-1) ?? path)
        ? []
        : [`${path}: ${elsewhere} does not run it`];
    }
    if (existsSync(goldenFile(path))) return [];
    return [
      `${path}: no golden file; add a line to test/support/golden-session.ts, then ` +
        "MERIDIAN_GOLDEN=update node test/e2e/command-golden.test.ts",
    ];
  });
  assert.equal(faults, []);
});

test("no golden file is left of a command that is gone", () => {
  const known = new Set(commands.map(({ path }) => goldenFile(path)));
  const files = globSync("*.txt", { cwd: join(folder, "commands", "golden") });
  const left = files.filter((file) => !known.has(join(folder, "commands", "golden", file)));
  assert.equal(left, []);
});

test("an option means the same wherever it is", () => {
  const short = new Map<string, string>();
  const faults: string[] = [];
  for (const { path, command } of commands) {
    for (const option of command.options) {
      if (option.short === undefined) continue;
      const before = short.get(option.short) ?? option.long ?? "";
      short.set(option.short, before);
      if (before !== option.long)
        faults.push(`${path}: ${option.short} is ${option.long}, elsewhere ${before}`);
    }
  }
  assert.equal(faults, []);
});

test.run();
