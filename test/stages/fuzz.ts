import { existsSync } from "node:fs";
import { join } from "node:path";

import { check, runProcess } from "./process.ts";

const BUILD_LIMIT_MS = 900_000;

/** The targets of test/fuzz/native, by the soak that runs them for long. */
export const engineFuzzers = [
  "command_slots",
  "orders",
  "engine_c",
  "snapshot",
  "journal_files",
] as const;
export const edgeFuzzers = ["protocols", "order_edge"] as const;
export const fuzzers = [...engineFuzzers, ...edgeFuzzers] as const;

export const fuzzTree = join("build", "native", "fuzz");
export const fuzzOptions = [
  "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
  "-DCMAKE_CXX_COMPILER=clang++-14",
  "-DMERIDIAN_FUZZ=ON",
] as const;
const INSTALL = "apt-get install -y clang-14 libclang-rt-14-dev";

/** What the machine lacks for libFuzzer, with the line that installs it; null when it is all there. */
export async function missingForFuzzing(): Promise<string | null> {
  const runtime = await runProcess("clang++-14", ["-print-resource-dir"], 10_000);
  if (runtime.exitCode !== 0) return `clang++-14 missing; ${INSTALL}`;
  const archive = `libclang_rt.fuzzer-${process.arch === "arm64" ? "aarch64" : "x86_64"}.a`;
  return existsSync(join(runtime.output.trim(), "lib", "linux", archive))
    ? null
    : `${archive} missing; ${INSTALL}`;
}

/** Builds the fuzzers; the build tree, or null when they cannot be built (printed why). */
export async function prepareFuzzers(): Promise<string | null> {
  const missing = await missingForFuzzing();
  if (missing !== null) {
    console.log(`SKIP native fuzz: ${missing}`);
    return null;
  }
  const configure = ["-S", "native", "-B", fuzzTree, "-G", "Ninja", "-DMERIDIAN_ADDON=OFF"];
  const targets = fuzzers.map((fuzzer) => `${fuzzer}_fuzz`);
  const steps = [
    { name: "native fuzz: configure", options: [...configure, ...fuzzOptions] },
    { name: "native fuzz: build", options: ["--build", fuzzTree, "--target", ...targets] },
  ];
  for (const { name, options } of steps) {
    if ((await check(name, "cmake", options, BUILD_LIMIT_MS)).failed > 0) return null;
  }
  return fuzzTree;
}
