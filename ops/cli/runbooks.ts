import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

import type { Command } from "commander";

import { ok, refuse, type Result } from "../../actors/kernel/result.ts";
import { repository } from "./data-folder.ts";

/** Runbooks: ops/runbooks/RB-nn-title.md, with steps that the command line runs. No shell is involved. */

export const stepPhases = ["check", "do", "verify"] as const;
export type StepPhase = (typeof stepPhases)[number];

export interface RunbookStep {
  readonly phase: StepPhase;
  /** As it is written: `npx meridian status <affected>`. */
  readonly line: string;
  /** Seconds in which it is tried again until it succeeds; 0: it has one try. */
  readonly within: number;
}

export interface Runbook {
  readonly id: string;
  readonly title: string;
  readonly file: string;
  readonly text: string;
  readonly steps: readonly RunbookStep[];
}

export const runbookFolder = join(repository, "ops", "runbooks");

/** All of them, by id. Throws on a file that is no runbook: they are part of the product. */
export function readRunbooks(folder = runbookFolder): readonly Runbook[] {
  return globSync("RB-*.md", { cwd: folder })
    .toSorted()
    .map((file) => parseRunbook(file, readFileSync(join(folder, file), "utf8")));
}

export function parseRunbook(file: string, text: string): Runbook {
  const id = /^(RB-\d\d)-[a-z0-9-]+\.md$/.exec(file)?.[1];
  const [, named, title = ""] = /^# (RB-\d\d): (.+)$/m.exec(text) ?? [];
  if (id === undefined || named !== id) {
    throw new Error(`${file}: the file is RB-nn-title.md and begins with "# RB-nn: title"`);
  }
  const fences = text.matchAll(/^```meridian (.*)\n([^]*?)^```$/gm);
  const steps = [...fences].flatMap(([, info = "", body = ""]) => stepsOf(file, info, body));
  return { id, title, file, text, steps };
}

function stepsOf(file: string, info: string, body: string): readonly RunbookStep[] {
  const [, phase, within = "0"] = /^(check|do|verify)(?: within=(\d{1,4})s)?$/.exec(info) ?? [];
  if (phase === undefined) throw new Error(`${file}: a fence is marked "meridian ${info}"`);
  return body
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => ({
      phase: phase as StepPhase,
      line: line.trim(),
      within: Number(within),
    }));
}

/** Words of a line: blanks separate, double quotes hold together. */
export const wordsOf = (line: string): readonly string[] =>
  (line.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replace(/^"(.*)"$/, "$1"));

/** Names in angle brackets that a line wants. */
export const valuesOf = (line: string): readonly string[] =>
  [...line.matchAll(/<([a-z-]+)>/g)].map(([, name = ""]) => name);

/** A command of the program with the words that are left; null: there is none. */
export function commandOf(
  program: Command,
  words: readonly string[],
): { readonly command: Command; readonly path: string; readonly rest: readonly string[] } | null {
  let command = program;
  const path: string[] = [];
  for (const [index, word] of words.entries()) {
    const below = command.commands.find((one) => one.name() === word);
    if (below === undefined) {
      return command === program || command.commands.length > 0
        ? null
        : { command, path: path.join(" "), rest: words.slice(index) };
    }
    command = below;
    path.push(word);
  }
  if (command === program || command.commands.length > 0) return null;
  return { command, path: path.join(" "), rest: [] };
}

/** Commands that a runbook may not run: they do not end, or run others. */
const barred: ReadonlySet<string> = new Set(["up", "top", "console", "login", "runbook run"]);

/** What is wrong with a step; null: nothing. */
export function faultOf(program: Command, { line, phase }: RunbookStep): string | null {
  const [first, second, ...words] = wordsOf(line);
  if (first !== "npx" || second !== "meridian") return `${line}: begins with "npx meridian"`;
  const found = commandOf(program, words);
  if (found === null) return `${line}: there is no such command`;
  const { command, path, rest } = found;
  if (barred.has(path)) return `${line}: a runbook does not run ${path}`;
  const options = rest.filter((word) => word.startsWith("-"));
  const known = command.options.flatMap(({ long, short }) => [long, short]);
  const strange = options.find((option) => !known.includes(option));
  if (strange !== undefined) return `${line}: ${path} has no ${strange}`;
  if (options.includes("--as") || options.includes("--data")) {
    return `${line}: whoever runs it says as whom, and where`;
  }
  const changes = phase !== "do" && options.includes("--confirm");
  return changes ? `${line}: a ${phase} changes nothing` : null;
}

/** The words of a step with its values. Failure code: usage. */
export function filled(
  { line }: RunbookStep,
  values: ReadonlyMap<string, string>,
): Result<readonly string[]> {
  const missing = valuesOf(line).find((name) => !values.has(name));
  if (missing !== undefined) {
    return refuse("usage", `${line} needs <${missing}>`, `--set ${missing}=…, or --incident ID`);
  }
  const words = wordsOf(line).slice(2);
  return ok(words.map((word) => word.replace(/<([a-z-]+)>/g, (_, name) => values.get(name) ?? "")));
}
