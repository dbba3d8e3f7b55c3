import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { once } from "node:events";
import { delimiter, join } from "node:path";

import { missingCompiler } from "../differential/comparison.ts";
import { runProcess } from "../stages/process.ts";
import { repository } from "../support/shared-data.ts";

/** The engine on this machine and on RV32IM: where they are built, and how they are run. */

export const hostTree = join("build", "native", "test");
const imageTree = join("build", "native", "rv32");
const BUILD_LIMIT_MS = 300_000;

export const image = join(repository, imageTree, "rv32", "engine_rv32.elf");
export const hostReplay = join(repository, hostTree, "rv32_emulator", "host_replay");
export const emulator = join(repository, hostTree, "rv32_emulator", "emulator");
/** An emulator that is not ours. */
export const qemu = "qemu-riscv32";

const isOnPath = (program: string): boolean =>
  (process.env["PATH"] ?? "").split(delimiter).some((folder) => existsSync(join(folder, program)));

/** Why the engine cannot be built here, with the line that enables it; null where it can. */
export const missingBuildTools =
  missingCompiler ??
  (isOnPath("cmake") && isOnPath("ninja")
    ? null
    : "no cmake or no ninja; apt-get install -y cmake ninja-build");

/** Why there is no image, with the line that enables it; null where it can be built. */
export const missingCrossCompiler =
  missingBuildTools ??
  (isOnPath("riscv64-unknown-elf-g++")
    ? null
    : "no compiler for RISC-V; apt-get install -y gcc-riscv64-unknown-elf");

export const missingQemu =
  missingCrossCompiler ??
  (isOnPath(qemu) ? null : `no ${qemu}; apt-get install -y --no-install-recommends qemu-user`);

/** Brings what runs on this machine up to date with the sources. */
export const buildHost = (): Promise<void> =>
  build(hostTree, ["-DMERIDIAN_TESTS=ON", "-DMERIDIAN_ADDON=OFF"], ["emulator", "host_replay"]);

/** Brings the image up to date with the sources. */
export const buildImage = (): Promise<void> =>
  build(imageTree, ["-DCMAKE_TOOLCHAIN_FILE=rv32/toolchain.cmake"], ["engine_rv32"]);

/** Builds targets in a build tree of their own kind. */
export async function build(
  tree: string,
  options: readonly string[],
  targets: readonly string[],
): Promise<void> {
  for (const line of [
    ["-S", "native", "-B", tree, "-G", "Ninja", ...options],
    ["--build", tree, "--target", ...targets],
  ]) {
    const run = await runProcess("cmake", line, BUILD_LIMIT_MS);
    if (run.exitCode !== 0) throw new Error(`cmake ${line.join(" ")}\n${run.output}`);
  }
}

export interface PipedRun {
  readonly exitCode: number | null;
  readonly answers: Uint8Array;
  /** What it wrote to standard error. */
  readonly said: string;
}

/** Runs a program on journal records. */
export async function pipe(
  program: string,
  programArguments: readonly string[],
  records: Uint8Array,
): Promise<PipedRun> {
  const child = spawn(program, programArguments, { stdio: ["pipe", "pipe", "pipe"] });
  const chunks: Buffer[] = [];
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  // A program that ends early closes the pipe; its exit status says more than that.
  child.stdin.on("error", () => {});
  child.stdin.end(records);
  const [exitCode] = (await once(child, "close")) as [number | null];
  return { exitCode, answers: Buffer.concat(chunks), said };
}

/** The answers of the engine on this machine, whose state at the end was found whole. */
export async function answersHere(records: Uint8Array): Promise<Uint8Array> {
  const run = await pipe(hostReplay, [], records);
  if (run.exitCode !== 0) throw new Error(`host_replay ended with ${run.exitCode}: ${run.said}`);
  return run.answers;
}
