import { type Command, InvalidArgumentError } from "commander";

import { ok, refuse, type Result } from "../../../actors/kernel/result.ts";
import { type ExitCode, exitCodes, perform } from "../action.ts";
import { type Cluster, withCluster } from "../cluster.ts";
import { findIncident, type IncidentAccount, recordStep } from "../incidents.ts";
import { type OutputFormat, outputOption, printed, quietOption, rowPrinter } from "../output.ts";
import { runRunbook, type StepRun, succeeded } from "../runbook-run.ts";
import { readRunbooks, type Runbook, valuesOf } from "../runbooks.ts";
import { type ClusterOptions, print, table, withClusterOptions } from "../terminal.ts";

interface RunOptions extends ClusterOptions {
  readonly output: OutputFormat;
  readonly drill?: true;
  readonly incident?: string;
  readonly set: ReadonlyMap<string, string>;
}

/** `meridian runbook`: what to do when something is wrong, written down and run as it is written. */
export function register(program: Command): void {
  const runbook = program
    .command("runbook")
    .description("what to do when something is wrong, and doing it");
  runbook
    .command("list")
    .description("show all runbooks")
    .addOption(quietOption("ids"))
    .addOption(outputOption())
    .addHelpText(
      "after",
      "\nExamples:\n  npx meridian runbook list\n  npx meridian runbook list -q",
    )
    .action((options: { readonly output: OutputFormat; readonly quiet?: boolean }) =>
      perform(async () => {
        const rows = readRunbooks().map(rowOf);
        const told = { value: { runbooks: rows }, rows, ids: rows.map(({ id }) => id) };
        if (!printed(options, told)) {
          const cells = rows.map((row) => [row.id, String(row.steps), row.values, row.title]);
          print(table(["ID", "STEPS", "VALUES", "TITLE"], cells));
        }
        return ok(exitCodes.ok);
      }),
    );
  runbook
    .command("show")
    .description("show a runbook")
    .argument("<id>", "RB-nn")
    .addOption(outputOption())
    .addHelpText(
      "after",
      "\nExamples:\n  npx meridian runbook show RB-01\n  npx meridian runbook show RB-01 -o jsonl",
    )
    .action((id: string, options: { readonly output: OutputFormat }) =>
      perform(async () => {
        const found = runbookOf(id);
        if (!found.ok) return found;
        const { text, ...told } = found.value;
        if (!printed(options, { value: told, rows: told.steps })) print(text.trimEnd());
        return ok(exitCodes.ok);
      }),
    );
  withClusterOptions(runbook.command("run"))
    .description("run the steps of a runbook: check, do, verify")
    .argument("<id>", "RB-nn")
    .option("--drill", "change nothing: run the checks, and what has a dry run; name the rest")
    .option("--incident <id>", "each step goes into its timeline; it also gives values")
    .option("--set <name=value>", "a value that steps name in <>; again for more", taken, new Map())
    .addOption(outputOption())
    .addHelpText(
      "after",
      `
Of an incident come <affected>, <subject>, <incident>, and <market> or <cell> when it is about one.
Exit codes: 0 every step was done, 1 one was not. No shell is involved: steps are commands of this program.

Examples:
  npx meridian runbook run RB-01 --drill
  npx meridian runbook run RB-14 --incident cell_down-eu-central-eu-central-1 --set target=us-east --as operator`,
    )
    .action((id: string, options: RunOptions) =>
      perform(async () => {
        const found = runbookOf(id);
        if (!found.ok) return found;
        return await withCluster(options, (cluster) => run(program, cluster, found.value, options));
      }),
    );
}

function taken(text: string, before: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const [, name, value] = /^([a-z-]+)=([\w.:@ -]{1,128})$/.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    throw new InvalidArgumentError("name=value, of letters, digits and . : @ - _ and blanks");
  }
  return new Map([...before, [name, value]]);
}

const rowOf = ({ id, title, steps, file }: Runbook) => ({
  id,
  title,
  file,
  steps: steps.length,
  values: [...new Set(steps.flatMap(({ line }) => valuesOf(line)))].join(" "),
});

function runbookOf(id: string): Result<Runbook> {
  const found = readRunbooks().find((one) => one.id === id);
  if (found !== undefined) return ok(found);
  return refuse("usage", `there is no runbook ${id}`, "npx meridian runbook list");
}

/** Values that an incident gives. */
function valuesFrom(incident: IncidentAccount): ReadonlyMap<string, string> {
  const { affected, subject, id, kind } = incident;
  return new Map([
    ["affected", affected],
    ["subject", subject],
    ["incident", id],
    ...(kind.startsWith("market_") ? [["market", subject] as const] : []),
    ...(kind === "cell_down" ? [["cell", subject] as const] : []),
  ]);
}

async function run(
  program: Command,
  cluster: Cluster,
  runbook: Runbook,
  options: RunOptions,
): Promise<Result<ExitCode>> {
  const { incident: id, drill = false } = options;
  const incident = id === undefined ? null : await findIncident(cluster, id);
  if (incident?.ok === false) return incident;
  const about = incident?.value ?? null;
  const rows = rowPrinter(options);
  if (rows === null) print(`${runbook.id}: ${runbook.title}${drill ? " (drill)" : ""}`);
  const told = { runbook: runbook.id, drill };
  const { folder, user } = cluster.target;
  const ran = await runRunbook({
    program,
    runbook,
    drill,
    values: new Map([...(about === null ? [] : valuesFrom(about)), ...options.set]),
    target: { data: folder.value, as: user.value },
    record: async (step) => {
      if (rows === null) print(stepText(step));
      else rows(step);
      if (about === null) return ok(undefined);
      const detail = `${step.command}: exit code ${step.exitCode ?? "none"}, ${step.tookMs} ms`;
      const { phase, outcome } = step;
      const recorded = await recordStep(cluster, about, { ...told, phase, outcome, detail });
      return recorded.ok ? ok(undefined) : recorded;
    },
  });
  if (!ran.ok) return ran;
  const helped = succeeded(runbook, ran.value);
  const done = ran.value.length === 0 || drill ? !drill : helped;
  const outcome = drill ? "drill" : done ? "done" : "failed";
  if (about !== null) {
    const detail = `${ran.value.length} of ${runbook.steps.length} steps`;
    const recorded = await recordStep(cluster, about, { ...told, phase: "", outcome, detail });
    if (!recorded.ok) return recorded;
  }
  if (rows === null) print(`${runbook.id}: ${outcome}`);
  return ok(drill || done ? exitCodes.ok : exitCodes.failed);
}

function stepText({ phase, command, outcome, exitCode, tries, tookMs, output }: StepRun): string {
  const code = exitCode === null ? "" : `, exit code ${exitCode}`;
  const again = tries > 1 ? ` after ${tries} tries` : "";
  const body = output === "" ? "" : `\n${output.replaceAll(/^/gm, "    ")}`;
  return `${phase.padEnd(6)}  ${command}: ${outcome}${code}${again} (${tookMs} ms)${body}`;
}
