import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, statfsSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release } from "node:os";
import { z } from "zod";
import { repository } from "../test/support/shared-data.ts";
import { runProgram } from "./programs.ts";

/** The machine a figure belongs to, and how much of it others had meanwhile. */

export interface Machine {
  readonly processor: string;
  readonly processors: number;
  readonly kernel: string;
  readonly node: string;
}

export function machine(): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? "unknown processor",
    processors: availableParallelism(),
    kernel: `Linux ${release()}`,
    node: process.version,
  };
}

/** The commit that is checked out; `-dirty` when a file of it was changed, the history aside. */
export function commit(): string {
  const git = (...words: readonly string[]): string =>
    execFileSync("git", ["-C", repository, ...words], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  try {
    const changed = git("status", "--porcelain", "--", ".", ":!bench/history.ndjson");
    return `${git("rev-parse", "--short=9", "HEAD")}${changed === "" ? "" : "-dirty"}`;
  } catch {
    return "unknown (no git checkout)";
  }
}

const fileSystems = new Map([
  [0xef53, "ext4"],
  [0x01021994, "tmpfs: fsync costs nothing here"],
  [0x794c7630, "overlayfs"],
  [0x58465342, "xfs"],
  [0x9123683e, "btrfs"],
]);

/** The file system a folder is on, because the price of an fsync depends on it. */
export function fileSystem(folder: string): string {
  const { type } = statfsSync(folder);
  return fileSystems.get(type) ?? `file system 0x${type.toString(16)}`;
}

export const floorSchema = z.strictObject({
  processor: z.number(),
  seconds: z.number(),
  /** Gaps of 1–10 µs, 10–100 µs, 0.1–1 ms, 1–10 ms, and longer. */
  gaps: z.tuple([z.number(), z.number(), z.number(), z.number(), z.number()]),
  lostShare: z.number(),
  longestNs: z.number(),
});
/** What an idle loop on the last processor missed. */
export type Floor = z.infer<typeof floorSchema>;

export async function idleSpinner(milliseconds: number): Promise<Floor> {
  const printed = await runProgram("idle_spinner", ["--milliseconds", String(milliseconds)]);
  return floorSchema.parse(JSON.parse(printed));
}

export function floorLine(when: string, floor: Floor): string {
  const [micro, tens, hundreds, milli, longer] = floor.gaps;
  const lost = (floor.lostShare * 100).toFixed(2);
  return `idle spinner ${when}, ${floor.seconds.toFixed(1)} s on processor ${floor.processor}: gaps of 1–10 µs ${micro}, 10–100 µs ${tens}, 0.1–1 ms ${hundreds}, 1–10 ms ${milli}, longer ${longer}; ${lost} % of the time lost, longest ${(floor.longestNs / 1000).toFixed(0)} µs`;
}

/** Kernel clock ticks a second in /proc, fixed for user space. */
const TICKS = 100;

const fieldsOf = (line: string): number[] => line.trim().split(/\s+/).map(Number);

/** Processor seconds of a process, and of its children that have been waited for. */
export function processorSeconds(pid: number | "self"): { own: number; children: number } {
  return secondsIn(`/proc/${pid}/stat`);
}

/** Processor seconds of this process's threads of that name. */
export function threadSeconds(name: string): number {
  const tasks = "/proc/self/task";
  return readdirSync(tasks)
    .filter((task) => readFileSync(`${tasks}/${task}/comm`, "utf8").trim() === name)
    .reduce((sum, task) => sum + secondsIn(`${tasks}/${task}/stat`).own, 0);
}

function secondsIn(file: string): { own: number; children: number } {
  const stat = readFileSync(file, "utf8");
  // The name before the last parenthesis may contain anything.
  const fields = fieldsOf(stat.slice(stat.lastIndexOf(")") + 2));
  const [user = 0, system = 0, childrenUser = 0, childrenSystem = 0] = fields.slice(11, 15);
  return { own: (user + system) / TICKS, children: (childrenUser + childrenSystem) / TICKS };
}

/** Mean number of processors that were used by others, and taken by the hypervisor. */
export interface Share {
  readonly others: number;
  readonly stolen: number;
  /** Of the last minute. */
  readonly loadAverage: number;
}

/** Starts to count; the result tells what the time since then was like. */
export function watchOthers(): () => Share {
  const read = (): { busy: number; stolen: number; ours: number; at: number } => {
    const line = readFileSync("/proc/stat", "utf8").split("\n")[0] ?? "";
    const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = fieldsOf(
      line.replace("cpu", ""),
    );
    const { own, children } = processorSeconds("self");
    return {
      busy: (user + nice + system + irq + softirq) / TICKS,
      stolen: steal / TICKS,
      ours: own + children,
      at: performance.now() / 1000,
    };
  };
  const start = read();
  return () => {
    const end = read();
    const seconds = Math.max(end.at - start.at, 0.001);
    const others = end.busy - start.busy - (end.ours - start.ours);
    return {
      others: Math.max(0, others) / seconds,
      stolen: (end.stolen - start.stolen) / seconds,
      loadAverage: loadavg()[0] ?? 0,
    };
  };
}
