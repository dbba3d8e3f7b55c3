import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { z } from "zod";

import { repository } from "../../test/support/shared-data.ts";
import { BenchVoid } from "../bench.ts";

/** Python libraries that do the same work, in an environment of their own below build/. */

const run = promisify(execFile);
const environment = join(repository, "build", "bench", "models", "python");
const requirements = join(repository, "bench", "models", "requirements.txt");
const program = join(repository, "bench", "models", "peers.py");
const INSTALL_LIMIT_MS = 600_000;
const RUN_LIMIT_MS = 600_000;

const timings = z.array(
  z.object({ answer: z.number(), passed: z.number(), processor: z.number() }),
);
const answerSchema = z.object({ hawkes: timings, valueAtRisk: timings });
export type PeerTimings = z.infer<typeof timings>;
export type PeerAnswer = z.infer<typeof answerSchema>;

/** Makes the environment when its requirements changed. Why there is none; null when it is ready. */
export async function preparePeers(): Promise<string | null> {
  const wanted = createHash("sha256").update(readFileSync(requirements)).digest("hex");
  const stamp = join(environment, "requirements.sha256");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return null;
  mkdirSync(environment, { recursive: true });
  const limit = { timeout: INSTALL_LIMIT_MS };
  try {
    await run("python3", ["-m", "venv", "--clear", environment], limit);
    const words = ["-m", "pip", "install", "--quiet", "--only-binary=:all:", "-r", requirements];
    await run(join(environment, "bin", "python"), words, limit);
  } catch (cause) {
    return `Python with its packages is not there: ${(cause as Error).message.split("\n")[0]}`;
  }
  writeFileSync(stamp, wanted);
  return null;
}

/** Hands the request over and reads the answer. Throws BenchVoid with what the program said. */
export async function playPeers(request: object): Promise<PeerAnswer> {
  const child = spawn(join(environment, "bin", "python"), [program], {
    // One thread, as ours.
    env: {
      ...process.env,
      OMP_NUM_THREADS: "1",
      OPENBLAS_NUM_THREADS: "1",
      RAYON_NUM_THREADS: "1",
    },
    stdio: ["pipe", "pipe", "pipe"],
    timeout: RUN_LIMIT_MS,
  });
  const text = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (part: string) => (text.out += part));
  child.stderr.setEncoding("utf8").on("data", (part: string) => (text.err += part));
  child.stdin.end(JSON.stringify(request));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  if (code !== 0) throw new BenchVoid(`peers.py ended with ${code}: ${text.err.trim()}`);
  return answerSchema.parse(JSON.parse(text.out));
}
