import { spawn } from "node:child_process";
import { once } from "node:events";

import type { Command } from "commander";

import { ok, refuse, type Result } from "../../../actors/kernel/result.ts";
import type { ClusterFile } from "../../../schemas/configuration.ts";
import { type ExitCode, exitCodes, perform } from "../action.ts";
import { dataFolder, readCluster } from "../data-folder.ts";
import { print } from "../terminal.ts";

interface Options {
  readonly data?: string;
  readonly region?: string;
  readonly print?: boolean;
}

const examples = `
Examples:
  npx meridian console
  npx meridian console --region eu-central --print`;

/** `meridian console`: the address of the ops console, opened where there is a browser. */
export function register(program: Command): void {
  program
    .command("console")
    .description("open the ops console in a browser, or print its address")
    .option("--data <folder>", "data folder of the cluster ($MERIDIAN_DATA; default: .meridian)")
    .option(
      "--region <region>",
      "served by the cell of this region (default: the first that answers)",
    )
    .option("--print", "only print the address")
    .addHelpText("after", examples)
    .action((options: Options) => perform(() => show(options)));
}

async function show(options: Options): Promise<Result<ExitCode>> {
  const cluster = readCluster(dataFolder(options.data).value);
  if (!cluster.ok) return cluster;
  const found = await consoleAddress(cluster.value, options.region);
  if (!found.ok) return found;
  print(found.value);
  if (options.print === true || !process.stdout.isTTY) return ok(exitCodes.ok);
  if (!(await opened(found.value))) print("no browser opens here: open the address in one");
  return ok(exitCodes.ok);
}

const answerWithinMs = 2_000;

/** Failure codes: usage, console_silent. */
export async function consoleAddress(
  { regions }: ClusterFile,
  wanted: string | undefined,
): Promise<Result<string>> {
  const asked = regions.filter(({ name }) => wanted === undefined || name === wanted);
  if (asked.length === 0) {
    const known = regions.map(({ name }) => name).join(", ");
    return refuse("usage", `the cluster has no region ${wanted}`, `one of: ${known}`);
  }
  const reasons: string[] = [];
  for (const { name, http } of asked) {
    const address = `${http}/console/`;
    try {
      const reply = await fetch(address, { signal: AbortSignal.timeout(answerWithinMs) });
      if (reply.ok) return ok(address);
      reasons.push(`${name}: ${reply.status} ${(await reply.text()).trim().slice(0, 128)}`);
    } catch (error) {
      reasons.push(`${name}: ${(error as Error).message}`);
    }
  }
  return refuse(
    "console_silent",
    `no cell serves the console (${reasons.join("; ")})`,
    "npx meridian status tells which cells run; the command line does all that the console does",
  );
}

/** False when this machine has nothing that opens an address. */
async function opened(address: string): Promise<boolean> {
  const child = spawn("xdg-open", [address], { stdio: "ignore", detached: true });
  child.unref();
  try {
    const [code] = (await once(child, "exit")) as [number | null];
    return code === 0;
  } catch {
    return false;
  }
}
