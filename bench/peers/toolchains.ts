import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { z } from "zod";
import { missingPackages } from "../../ops/bootstrap/npm-packages.mjs";
import { repository } from "../../test/support/shared-data.ts";
import type { WorkloadParameters } from "../workloads/w.ts";
import { installed } from "./npm/book.ts";

/** Fetches and builds the peers of one language under build/, and runs them a process at a time. */
export interface Toolchain {
  readonly language: "npm" | "Java" | "Rust";
  /** Why its peers cannot be built here; null when they are ready. */
  build(): Promise<string | null>;
  /** One repetition. Throws PeerFailure with what the peer's program said. */
  play(engine: string, workload: WorkloadParameters, operations: number): Promise<Played>;
}

export class PeerFailure extends Error {}

const nanoseconds = z.number().nonnegative();
export const playedSchema = z.object({
  operations: z.number(),
  trades: z.number(),
  volume: z.number(),
  hash: z.string(),
  /** An operation, as time passed. */
  passed: nanoseconds,
  /** An operation, as the thread ran; all threads of a peer that has several. */
  processor: nanoseconds,
  /** Of single operations; null where the peer is not called but fed. */
  p50: nanoseconds.nullable(),
  p99: nanoseconds.nullable(),
  p999: nanoseconds.nullable(),
  maximum: nanoseconds.nullable(),
});
export type Played = z.infer<typeof playedSchema>;

const BUILD_LIMIT_MS = 600_000;
const PLAY_LIMIT_MS = 300_000;

const execute = promisify(execFile);
const sources = join(repository, "bench", "peers");
const built = (language: string): string => join(repository, "build", "bench", "peers", language);

export const npm: Toolchain = {
  language: "npm",
  async build() {
    mkdirSync(installed, { recursive: true });
    for (const file of ["package.json", "package-lock.json"]) {
      copyFileSync(join(sources, "npm", file), join(installed, file));
    }
    if (missingPackages(installed) === null) return null;
    return await attempt("npm", ["ci", "--ignore-scripts", "--prefix", installed]);
  },
  play(engine, workload, operations) {
    return play(process.execPath, [
      join(sources, "npm", "play.ts"),
      ...playWords(engine, workload, operations),
    ]);
  },
};

export const maven: Toolchain = {
  language: "Java",
  async build() {
    const project = join(sources, "java", "pom.xml");
    return (
      (await attempt("java", ["-version"])) ??
      (await attempt("mvn", [
        "--quiet",
        "--batch-mode",
        `--file=${project}`,
        "compiler:compile",
        "dependency:copy-dependencies",
      ]))
    );
  },
  play(engine, workload, operations) {
    const classes = [join(built("java"), "classes"), join(built("java"), "dependency", "*")];
    return play("java", [
      ...javaOptions,
      "-cp",
      classes.join(":"),
      "peers.Main",
      ...playWords(engine, workload, operations),
    ]);
  },
};

const HEAP = "4g";
const javaOptions: readonly string[] = [
  // The fastest of parallel, serial and G1 here.
  "-XX:+UseParallelGC",
  `-Xms${HEAP}`,
  `-Xmx${HEAP}`,
  "-XX:+AlwaysPreTouch",
  // exchange-core's serialization reaches into the JDK, which is closed since Java 16.
  "--add-exports=java.base/sun.nio.ch=ALL-UNNAMED",
  ...["java.lang", "java.lang.reflect", "java.nio", "sun.nio.ch"].map(
    (name) => `--add-opens=java.base/${name}=ALL-UNNAMED`,
  ),
];

export const cargo: Toolchain = {
  language: "Rust",
  build() {
    const manifest = join(sources, "rust", "Cargo.toml");
    return attempt("cargo", [
      "build",
      "--quiet",
      "--release",
      "--locked",
      `--manifest-path=${manifest}`,
      `--target-dir=${built("rust")}`,
    ]);
  },
  play(engine, workload, operations) {
    return play(
      join(built("rust"), "release", "meridian-peers"),
      playWords(engine, workload, operations),
    );
  },
};

const playWords = (engine: string, { live, block }: WorkloadParameters, operations: number) => [
  engine,
  String(live),
  String(block),
  String(operations),
];

/** Runs a step of a build. Returns null, or why it failed in a line. */
async function attempt(program: string, words: readonly string[]): Promise<string | null> {
  try {
    await execute(program, words, { cwd: repository, timeout: BUILD_LIMIT_MS, maxBuffer: 2 ** 26 });
    return null;
  } catch (cause) {
    return reason(program, cause);
  }
}

async function play(program: string, words: readonly string[]): Promise<Played> {
  let stdout: string;
  try {
    ({ stdout } = await execute(program, words, {
      cwd: repository,
      timeout: PLAY_LIMIT_MS,
      killSignal: "SIGKILL",
    }));
  } catch (cause) {
    throw new PeerFailure(reason(program, cause), { cause });
  }
  return playedSchema.parse(JSON.parse(stdout));
}

/** The first line that tells why a program failed. */
function reason(program: string, cause: unknown): string {
  const failure = cause as {
    readonly code?: string | number;
    readonly killed?: boolean;
    readonly stdout?: string;
    readonly stderr?: string;
  };
  if (failure.code === "ENOENT") return `${program} is not installed`;
  if (failure.killed === true) return `${program} took too long`;
  const said = `${failure.stderr ?? ""}\n${failure.stdout ?? ""}`
    .split("\n")
    .find((line) => /error|void|refused|exception|panicked|failed/i.test(line));
  return said?.trim() ?? `${program} ended with ${failure.code ?? "a signal"}`;
}
