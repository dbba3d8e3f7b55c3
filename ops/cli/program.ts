import { readFileSync } from "node:fs";
import { join } from "node:path";

import { Command } from "commander";

import { register as registerAccount } from "./commands/account.ts";
import { register as registerAudit } from "./commands/audit.ts";
import { register as registerBacktest } from "./commands/backtest.ts";
import { register as registerCertificates, registerKeys } from "./commands/certificates.ts";
import { register as registerCompletion } from "./commands/completion.ts";
import { register as registerConfiguration } from "./commands/config.ts";
import { register as registerConsole } from "./commands/console.ts";
import { register as registerDoctor } from "./commands/doctor.ts";
import { register as registerDown } from "./commands/down.ts";
import { register as registerEdge } from "./commands/edge.ts";
import { register as registerIncident } from "./commands/incident.ts";
import { register as registerJournal } from "./commands/journal.ts";
import { register as registerLog } from "./commands/log.ts";
import { register as registerLogin } from "./commands/login.ts";
import { register as registerMarket } from "./commands/market.ts";
import { register as registerOrder } from "./commands/order.ts";
import { register as registerRegion } from "./commands/region.ts";
import { register as registerReplay } from "./commands/replay.ts";
import { register as registerRunbook } from "./commands/runbook.ts";
import { register as registerStatus } from "./commands/status.ts";
import { register as registerStrategy } from "./commands/strategy.ts";
import { register as registerTop } from "./commands/top.ts";
import { register as registerTree } from "./commands/tree.ts";
import { register as registerUp } from "./commands/up.ts";
import { repository } from "./data-folder.ts";
import { addExamples } from "./examples.ts";
import { silenceProgress } from "./progress.ts";

/** Every file in commands/ adds its commands to the program, in the order of the help text. */
const registrations: readonly ((program: Command) => void)[] = [
  registerUp,
  registerDown,
  registerStatus,
  registerTop,
  registerTree,
  registerAudit,
  registerIncident,
  registerRunbook,
  registerConsole,
  registerLogin,
  registerOrder,
  registerMarket,
  registerRegion,
  registerEdge,
  registerStrategy,
  registerAccount,
  registerReplay,
  registerBacktest,
  registerJournal,
  registerDoctor,
  registerLog,
  registerCertificates,
  registerKeys,
  registerConfiguration,
  registerCompletion,
];

/** The whole command line, ready to parse. Usage faults are thrown as CommanderError. */
export function createProgram(): Command {
  const program = new Command("meridian")
    .description("Operate a Meridian exchange cluster.")
    .version(productVersion())
    .option("--debug", "show stack traces of unexpected faults")
    .showSuggestionAfterError()
    .showHelpAfterError("(add --help for the usage)")
    .exitOverride()
    .hook("preAction", (_, action) => {
      if (action.opts<{ readonly quiet?: boolean }>().quiet === true) silenceProgress();
    })
    .addHelpText(
      "after",
      "\nExit codes: 0 ok, 1 failed, 2 wrong usage, 3 refused by the exchange or by policy.",
    );
  // Subcommands inherit exitOverride and the help settings only when they are made by .command().
  for (const register of registrations) register(program);
  addExamples(program);
  return program;
}

function productVersion(): string {
  const text = readFileSync(join(repository, "package.json"), "utf8");
  return (JSON.parse(text) as { readonly version: string }).version;
}
