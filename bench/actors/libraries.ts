import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

import { missingPackages } from "../../ops/bootstrap/npm-packages.mjs";
import { repository } from "../../test/support/shared-data.ts";
import { BenchVoid } from "../bench.ts";
import { installed } from "./nact.ts";
import { type Played, playedSchema, type Sizes } from "./subject.ts";

/** An actor library, ours among them, played in a process of its own. */
export interface Library {
  readonly name: "kernel" | "raw XState" | "nact" | "Erlang/OTP" | "Pekko";
  /** Why it cannot be played here; null when it is ready. */
  prepare(): Promise<string | null>;
  play(sizes: Sizes): Promise<Played>;
}

const execute = promisify(execFile);
const sources = join(repository, "bench", "actors");
const ebin = join(repository, "build", "bench", "actors", "erlang");
const classes = ["classes", "dependency/*"].map((folder) =>
  join(repository, "build", "bench", "actors", "java", folder),
);
const limitMs = 300_000;

const words = ({ actors, messages, crashes }: Sizes): string[] =>
  [actors, messages, crashes].map(String);

const node = (subject: string) => (sizes: Sizes) =>
  played(process.execPath, [join(sources, "play.ts"), subject, ...words(sizes)]);

const ready = (): Promise<null> => Promise.resolve(null);

export const libraries: readonly Library[] = [
  { name: "kernel", prepare: ready, play: node("kernel") },
  { name: "raw XState", prepare: ready, play: node("xstate") },
  {
    name: "nact",
    async prepare() {
      mkdirSync(installed, { recursive: true });
      for (const file of ["package.json", "package-lock.json"]) {
        copyFileSync(join(sources, "npm", file), join(installed, file));
      }
      if (missingPackages(installed) === null) return null;
      return await attempt("npm", ["ci", "--ignore-scripts", "--prefix", installed]);
    },
    play: node("nact"),
  },
  {
    name: "Erlang/OTP",
    prepare() {
      mkdirSync(ebin, { recursive: true });
      return attempt("erlc", ["-o", ebin, join(sources, "erlang", "actors.erl")]);
    },
    play: (sizes) =>
      // One scheduler, because the others have one thread, too.
      played(
        "erl",
        ["+S", "1", "-noshell", "-pa", ebin, "-run", "actors", "main"].concat(words(sizes)),
      ),
  },
  {
    name: "Pekko",
    prepare: () =>
      attempt("mvn", [
        "--quiet",
        "--batch-mode",
        `--file=${join(sources, "java", "pom.xml")}`,
        "compiler:compile",
        "dependency:copy-dependencies",
      ]),
    play: (sizes) =>
      played(
        "java",
        ["-XX:+UseParallelGC", "-Xmx2g", "-cp", classes.join(":"), "actors.Main"].concat(
          words(sizes),
        ),
      ),
  },
];

async function played(program: string, list: readonly string[]): Promise<Played> {
  try {
    const { stdout } = await execute(program, list, { timeout: limitMs, killSignal: "SIGKILL" });
    return playedSchema.parse(JSON.parse(stdout));
  } catch (cause) {
    throw new BenchVoid(`${program} ${list.join(" ")}: ${said(cause)}`, { cause });
  }
}

/** Runs a step of the set-up. Returns null, or why it failed in a line. */
async function attempt(program: string, list: readonly string[]): Promise<string | null> {
  try {
    await execute(program, list, { timeout: limitMs });
    return null;
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    return missing ? `${program} is not installed` : `${program}: ${said(cause)}`;
  }
}

function said(cause: unknown): string {
  const { stderr = "", message = "" } = cause as { stderr?: string; message?: string };
  const [line = ""] = (stderr.trim() === "" ? message : stderr.trim()).split("\n");
  return line;
}
