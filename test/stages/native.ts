import { createHash } from "node:crypto";
import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";

import { missingForFuzzing, prepareFuzzers } from "./fuzz.ts";
import { repository } from "../support/shared-data.ts";
import { type StageResult, check, runProcess } from "./process.ts";

const BUILD_LIMIT_MS = 900_000;
/** For what runs beside tests and takes only what they leave. */
const IDLE_LIMIT_MS = 1_800_000;
const TEST_LIMIT_MS = 600_000;

interface Variant {
  readonly name: string;
  readonly options: readonly string[];
  /** Program without which the variant is skipped, and the line that installs it. */
  readonly needs?: { readonly program: string; readonly install: string };
}

const variants: readonly Variant[] = [
  { name: "test", options: ["-DCMAKE_BUILD_TYPE=Release"] },
  {
    name: "address",
    options: ["-DCMAKE_BUILD_TYPE=RelWithDebInfo", "-DMERIDIAN_SANITIZE=address"],
  },
  { name: "thread", options: ["-DCMAKE_BUILD_TYPE=RelWithDebInfo", "-DMERIDIAN_SANITIZE=thread"] },
  {
    name: "rv32", // the engine without an operating system; its only test is that of its symbols
    options: ["-DCMAKE_TOOLCHAIN_FILE=rv32/toolchain.cmake"],
    needs: {
      program: "riscv64-unknown-elf-g++",
      install: "apt-get install -y gcc-riscv64-unknown-elf",
    },
  },
];

const secondCompiler: Variant = {
  name: "clang",
  options: ["-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_CXX_COMPILER=clang++-14"],
  needs: { program: "clang++-14", install: "apt-get install -y clang-14" },
};

/** Builds each variant of the native side and runs its unit tests, then the fuzzers' and the format. */
export async function nativeChecks(): Promise<StageResult[]> {
  const missing = await absent(["cmake", "ninja", "g++"]);
  if (missing.length > 0) {
    console.log(
      `SKIP native: ${missing.join(", ")} missing; apt-get install -y cmake ninja-build g++ liburing-dev libgtest-dev`,
    );
    return [{ name: "native", passed: 0, failed: 0, skipped: 1 }];
  }
  const results: StageResult[] = [];
  for (const variant of variants) {
    const built = await buildVariant(variant);
    results.push(...built);
    if (isBuilt(built)) results.push(await unitTests(`native ${variant.name}`, treeOf(variant)));
  }
  results.push(...(await fuzzSlices()), await formatting());
  return results;
}

/**
 * The second compiler's warnings and clang-tidy, after nativeChecks: minutes of compiling that need no quiet
 * machine, at the lowest priority beside tests that wait for elections and leases. With `everyTest`, the
 * tests of the second compiler's build once `quiet` is there.
 */
export async function idleNativeChecks({
  everyTest,
  quiet,
}: {
  readonly everyTest: boolean;
  readonly quiet: Promise<unknown>;
}): Promise<StageResult[]> {
  if ((await absent(["cmake", "ninja", "g++"])).length > 0) return [];
  const built = await buildVariant(secondCompiler, true);
  const results = [...built, await tidy()];
  await quiet;
  if (everyTest && isBuilt(built))
    results.push(await unitTests(`native ${secondCompiler.name}`, treeOf(secondCompiler)));
  return results;
}

const atLowestPriority = (program: string, rest: readonly string[]): [string, string[]] => [
  "nice",
  ["-n", "19", program, ...rest],
];
const treeOf = (variant: Variant): string => join("build", "native", variant.name);
const isBuilt = (results: readonly StageResult[]): boolean =>
  results.every((result) => result.failed + result.skipped === 0);

async function buildVariant(variant: Variant, isIdle = false): Promise<StageResult[]> {
  const name = `native ${variant.name}`;
  if (variant.needs !== undefined && (await absent([variant.needs.program])).length > 0) {
    console.log(`SKIP ${name}: ${variant.needs.program} missing; ${variant.needs.install}`);
    return [{ name, passed: 0, failed: 0, skipped: 1 }];
  }
  const tree = treeOf(variant);
  const fixed = ["-G", "Ninja", "-DMERIDIAN_TESTS=ON", "-DMERIDIAN_ADDON=OFF"];
  const configured = await check(
    `${name}: configure`,
    "cmake",
    ["-S", "native", "-B", tree, ...fixed, ...variant.options],
    BUILD_LIMIT_MS,
  );
  if (configured.failed > 0) return [configured];
  const build = `${name}: build`;
  const whole = ["--build", tree];
  return [
    configured,
    isIdle
      ? await check(build, ...atLowestPriority("cmake", whole), IDLE_LIMIT_MS)
      : await check(build, "cmake", whole, BUILD_LIMIT_MS),
  ];
}

async function unitTests(name: string, tree: string): Promise<StageResult> {
  const run = await runProcess(
    "ctest",
    ["--test-dir", tree, "--output-on-failure", "--timeout", "300", "--parallel", "2"],
    TEST_LIMIT_MS,
  );
  const found = /(\d+)% tests passed, (\d+) tests failed out of (\d+)/.exec(run.output);
  const total = Number(found?.[3] ?? 0);
  const failed =
    found === null || total === 0 || run.timedOut
      ? Math.max(1, Number(found?.[2] ?? 1))
      : Number(found[2]);
  const passed = Math.max(0, total - failed);
  console.log(
    `${failed > 0 ? "FAIL" : "ok  "} ${name}: ctest  ${passed} passed  ${(run.milliseconds / 1000).toFixed(1)} s`,
  );
  if (failed > 0) console.log(run.output);
  return { name: `${name}: ctest`, passed, failed, skipped: 0 };
}

/** The corpus of each fuzzer and a seeded slice of a few seconds. The soak fuzz-engine runs them for long. */
async function fuzzSlices(): Promise<StageResult[]> {
  const name = "native fuzz";
  const missing = await missingForFuzzing();
  if (missing !== null) {
    console.log(`SKIP ${name}: ${missing}`);
    return [{ name, passed: 0, failed: 0, skipped: 1 }];
  }
  const tree = await prepareFuzzers();
  return tree === null
    ? [{ name, passed: 0, failed: 1, skipped: 0 }]
    : [await unitTests(name, tree)];
}

async function formatting(): Promise<StageResult> {
  const formatter = "clang-format-19";
  if ((await absent([formatter])).length > 0)
    return skipped("format: clang-format", `apt-get install -y ${formatter}`);
  const sources = globSync("{native,test}/**/*.{hpp,cpp,h,c}", { cwd: repository });
  return check(
    "format: clang-format",
    formatter,
    ["--dry-run", "--Werror", ...sources],
    BUILD_LIMIT_MS,
  );
}

async function tidy(): Promise<StageResult> {
  const name = "lint: clang-tidy";
  const program = "clang-tidy-19";
  if ((await absent([program])).length > 0) return skipped(name, `apt-get install -y ${program}`);
  const sources = globSync("{native,test}/**/*.cpp", { cwd: repository }).filter(
    (file) => !file.startsWith("native/addon/"),
  );
  // Two minutes for one core: not again for the very files that passed.
  const stamp = join(repository, "build", "native", "clang-tidy.passed");
  const content = contentOf([
    ".clang-tidy",
    ...globSync("{native,bench,test}/**/*.{hpp,cpp,txt}", { cwd: repository }),
  ]);
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === content) {
    console.log(`ok   ${name}  passed before on the same files`);
    return { name, passed: 1, failed: 0, skipped: 0 };
  }
  const started = performance.now();
  const width = availableParallelism();
  const parts = Array.from({ length: width }, (_, part) =>
    sources.filter((_file, index) => index % width === part),
  ).filter((part) => part.length > 0);
  const fixed = ["-p", "build/native/test", "--quiet", "--warnings-as-errors=*"];
  const runs = await Promise.all(
    parts.map((part) =>
      runProcess(...atLowestPriority(program, [...fixed, ...part]), IDLE_LIMIT_MS),
    ),
  );
  const bad = runs.filter((run) => run.exitCode !== 0);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${bad.length > 0 ? "FAIL" : "ok  "} ${name}  ${seconds} s`);
  for (const run of bad) console.log(run.output);
  if (bad.length === 0) writeFileSync(stamp, content);
  return { name, passed: bad.length > 0 ? 0 : 1, failed: bad.length > 0 ? 1 : 0, skipped: 0 };
}

/** One hash over names and contents of files. */
function contentOf(files: readonly string[]): string {
  const hash = createHash("sha256");
  for (const file of [...files].sort())
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(repository, file)))
      .update("\0");
  return hash.digest("hex");
}

function skipped(name: string, install: string): StageResult {
  console.log(`SKIP ${name}: ${install}`);
  return { name, passed: 0, failed: 0, skipped: 1 };
}

async function absent(programs: readonly string[]): Promise<string[]> {
  const checked = await Promise.all(
    programs.map(async (program) => ({
      program,
      run: await runProcess("which", [program], 10_000),
    })),
  );
  return checked.filter((one) => one.run.exitCode !== 0).map((one) => one.program);
}
