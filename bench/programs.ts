import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { repository } from "../test/support/shared-data.ts";
import { BenchVoid } from "./bench.ts";

/** The measuring programs of bench/micro: built for release in a tree of their own. */

const run = promisify(execFile);
const tree = join(repository, "build", "native", "bench");
const programs = [
  "depth",
  "edge",
  "engine_workload",
  "idle_spinner",
  "journal",
  "metrics_cost",
  "order_to_trade",
  "risk_cost",
] as const;
type Program = (typeof programs)[number];

/** The reactor in a process of its own. */
export const hostProgram = join(tree, "reactor", "market_host");

/** Builds what has changed. Throws BenchVoid with the end of what the compiler said. */
export async function buildPrograms(): Promise<void> {
  const source = join(repository, "native");
  await cmake("-S", source, "-B", tree, "-G", "Ninja", ...options);
  await cmake("--build", tree, "--target", ...programs);
}

const options = [
  "-DCMAKE_BUILD_TYPE=Release",
  "-DMERIDIAN_BENCH=ON",
  "-DMERIDIAN_ADDON=OFF",
] as const;

async function cmake(...words: readonly string[]): Promise<void> {
  try {
    await run("cmake", words, { maxBuffer: 2 ** 26 });
  } catch (cause) {
    const { stdout = "", message } = cause as { stdout?: string; message: string };
    const tail = stdout.trimEnd().split("\n").slice(-20).join("\n");
    throw new BenchVoid(`the native programs do not build: ${message}\n${tail}`);
  }
}

/** Runs a program to its end and gives what it printed. Throws BenchVoid with its reason. */
export async function runProgram(name: Program, words: readonly string[]): Promise<string> {
  try {
    const running = run(join(tree, "bench", name), words, { maxBuffer: 2 ** 28 });
    // What it is at, while it is at it: some take minutes.
    running.child.stderr?.on("data", (text: string | Buffer) => {
      for (const [, doing] of text.toString().matchAll(/^progress: (.*)$/gm)) {
        process.stderr.write(`          ${doing}\n`);
      }
    });
    return (await running).stdout;
  } catch (cause) {
    const { stderr = "", message } = cause as { stderr?: string; message: string };
    throw new BenchVoid(`${name}: ${stderr.trim() === "" ? message : stderr.trim()}`);
  }
}
