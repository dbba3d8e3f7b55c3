import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { repository } from "../test/support/shared-data.ts";
import { BenchVoid, type Figure, figure, type Report, type RunBench } from "./bench.ts";
import { fullSizes, quickSizes, type Task, tasks, type Timed } from "./models/workload.ts";

/** The model library beside Python: the same work, compared by its results, in the same run. */

const run = promisify(execFile);
const folder = join(repository, "bench", "models");
const environment = join(repository, "build", "python-models");

interface PeerRow {
  readonly index: number;
  readonly with?: string;
  readonly times?: readonly number[];
  readonly result?: readonly number[];
  readonly missing?: string;
}

export const runModels: RunBench = async ({ quick, repeats }) => {
  const work = tasks(quick ? quickSizes : fullSizes);
  const ours = work.map((task) => timed(task, repeats));
  const peers = quick
    ? "the quick form compares nothing with Python"
    : await measurePeers(work, repeats);
  return modelsReport(work, ours, peers);
};

/** The first run is not counted: it is compiled meanwhile. */
function timed(task: Task, repeats: number): readonly Timed[] {
  task.run();
  return Array.from({ length: repeats }, () => task.run());
}

/** Throws BenchVoid when a peer's result is not ours. */
export function modelsReport(
  work: readonly Task[],
  ours: readonly (readonly Timed[])[],
  peers: readonly PeerRow[] | string,
): Report {
  const figures: Figure[] = [];
  const notes: string[] = typeof peers === "string" ? [peers] : [];
  work.forEach((task, index) => {
    const times = (ours[index] ?? []).map(({ time }) => time);
    figures.push(figure(task.name, task.unit, "lower", times, task.goal ?? undefined));
    const rows = typeof peers === "string" ? [] : peers.filter((row) => row.index === index);
    for (const row of rows) {
      if (row.with === undefined || row.times === undefined) {
        notes.push(`${task.name}: a peer is left out: ${row.missing ?? "no reason"}`);
        continue;
      }
      compare(task, ours[index]?.[0]?.result ?? [], row);
      figures.push(figure(`  ${row.with}`, task.unit, "lower", row.times));
    }
  });
  return {
    workload: [
      "the same inputs for both; a peer's result is compared with ours before any figure counts",
      "one thread each, the first run of everything not counted",
    ],
    figures,
    notes,
  };
}

function compare(task: Task, ours: readonly number[], { with: name, result = [] }: PeerRow): void {
  ours.forEach((value, at) => {
    const other = result[at] ?? Number.NaN;
    const difference = Math.abs(other - value) / Math.max(Math.abs(value), 1e-12);
    if (!(difference <= task.tolerance)) {
      throw new BenchVoid(`${task.name}: ${name} gives ${other} where we give ${value}`);
    }
  });
}

/** What Python measured, or why it cannot. */
async function measurePeers(
  work: readonly Task[],
  repeats: number,
): Promise<readonly PeerRow[] | string> {
  const python = await preparePython();
  if (!python.ok) return `no comparison: ${python.reason}`;
  const scratch = mkdtempSync(join(tmpdir(), "meridian-models-"));
  try {
    const file = join(scratch, "workload.json");
    const inputs = work.map(({ name, input }) => ({ name, input }));
    writeFileSync(file, JSON.stringify({ repeats, tasks: inputs }));
    const { stdout } = await run(python.path, [join(folder, "peer.py"), file], {
      env: pythonEnvironment(),
      maxBuffer: 2 ** 26,
    });
    const lines = stdout.trim().split("\n");
    return lines.slice(1).map((line) => JSON.parse(line) as PeerRow);
  } catch (cause) {
    throw new BenchVoid(`the Python peers failed: ${(cause as Error).message}`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** One thread, and the kernels that the libraries choose for this processor by themselves. */
function pythonEnvironment(): NodeJS.ProcessEnv {
  const { OPENBLAS_CORETYPE: _core, OPENBLAS_L2_SIZE: _size, ...rest } = process.env;
  return { ...rest, OPENBLAS_NUM_THREADS: "1", OMP_NUM_THREADS: "1", NUMBA_NUM_THREADS: "1" };
}

type Python =
  | { readonly ok: true; readonly path: string }
  | { readonly ok: false; readonly reason: string };

/** A virtual environment under build/ with what requirements.txt names; made at the first run. */
async function preparePython(): Promise<Python> {
  const path = join(environment, "bin", "python");
  try {
    if (!existsSync(path)) await run("python3", ["-m", "venv", environment]);
    await run(path, [
      "-m",
      "pip",
      "install",
      "--quiet",
      "--disable-pip-version-check",
      "--only-binary=:all:",
      "-r",
      join(folder, "requirements.txt"),
    ]);
    return { ok: true, path };
  } catch (cause) {
    const [line = ""] = (cause as Error).message.split("\n").slice(-1);
    return {
      ok: false,
      reason: `python3 with venv and the packages of bench/models/requirements.txt are needed (${line})`,
    };
  }
}
