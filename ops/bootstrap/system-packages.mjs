// Compilers and libraries by apt: only what is missing, and only where we may install.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { elapsed, findOnPath, lastLines, run, say } from "./processes.mjs";

const tool = (name) => () => findOnPath(name) !== null;

/** A header below /usr/include or /usr/local/include. */
const header = (path) => () =>
  ["/usr/include", "/usr/local/include"].some((folder) => existsSync(join(folder, path)));

/** A library file in one of the folders that linkers search. */
const library = (name) => () =>
  ["/usr/lib", "/usr/local/lib", "/usr/lib64"].some(
    (folder) =>
      existsSync(join(folder, name)) ||
      (existsSync(folder) &&
        readdirSync(folder).some(
          (inner) => inner.endsWith("-linux-gnu") && existsSync(join(folder, inner, name)),
        )),
  );

const both = (first, second) => () => first() && second();

/** What the addon is built with. `packages` lists alternatives; the first that apt knows is taken. */
export const buildTools = [
  { what: "C++ compiler", present: tool("g++"), packages: [["g++"]] },
  { what: "cmake", present: tool("cmake"), packages: [["cmake"]] },
  { what: "ninja", present: tool("ninja"), packages: [["ninja-build"]] },
  {
    what: "liburing",
    present: both(header("liburing.h"), library("liburing.a")),
    packages: [["liburing-dev"]],
  },
];

const clangVersions = ["14", "19"];

/** What the native tests and checks use besides; a test without its tool says so and is skipped. */
export const testTools = [
  {
    what: "GoogleTest",
    present: both(header("gtest/gtest.h"), library("libgtest.a")),
    packages: [["libgtest-dev"]],
  },
  {
    what: "clang",
    present: () => clangVersions.some((version) => findOnPath(`clang++-${version}`) !== null),
    packages: clangVersions.map((version) => [`clang-${version}`, `libclang-rt-${version}-dev`]),
  },
  {
    what: "RISC-V compiler",
    present: tool("riscv64-unknown-elf-g++"),
    packages: [["gcc-riscv64-unknown-elf"]],
  },
  { what: "RISC-V emulator", present: tool("qemu-riscv32"), packages: [["qemu-user"]] },
  {
    what: "Prometheus",
    present: both(tool("prometheus"), tool("promtool")),
    packages: [["prometheus"]],
  },
  { what: "tshark", present: both(tool("tshark"), tool("dumpcap")), packages: [["tshark"]] },
  { what: "Chromium", present: tool("chromium"), packages: [["chromium"]] },
  { what: "clang-format", present: tool("clang-format-19"), packages: [["clang-format-19"]] },
  { what: "clang-tidy", present: tool("clang-tidy-19"), packages: [["clang-tidy-19"]] },
];

/** The prefix that makes a command run as root (empty as root, sudo where it asks nothing), or null. */
export async function rootPrefix() {
  if (process.getuid?.() === 0) return [];
  const sudo = findOnPath("sudo");
  if (sudo === null) return null;
  const result = await run(sudo, ["-n", "true"], { timeoutMs: 5_000 });
  return result.code === 0 ? [sudo, "-n"] : null;
}

const aptOptions = [
  "-o",
  "DPkg::Lock::Timeout=120",
  "-o",
  "Acquire::http::Timeout=15",
  "-o",
  "Acquire::https::Timeout=15",
  "-o",
  "Acquire::Retries=1",
];

/** Runs apt-get as root. */
export async function aptGet(prefix, args) {
  const [command, ...rest] = [
    ...prefix,
    "env",
    "DEBIAN_FRONTEND=noninteractive",
    "apt-get",
    ...aptOptions,
    ...args,
  ];
  return run(command, rest, { timeoutMs: 900_000 });
}

const servicePolicy = "/usr/sbin/policy-rc.d";

/**
 * Runs `body` so that packages start no services: only their programs are wanted, and tests start their
 * own. A policy that is there already stays (policy-rc.d, Debian's invoke-rc.d).
 */
async function withoutServices(prefix, body) {
  if (existsSync(servicePolicy)) return body();
  const shell = (line) => {
    const [command, ...rest] = [...prefix, "sh", "-c", line];
    return run(command, rest, { timeoutMs: 10_000 });
  };
  await shell(`printf '#!/bin/sh\\nexit 101\\n' > ${servicePolicy} && chmod 755 ${servicePolicy}`);
  try {
    return await body();
  } finally {
    await shell(`rm -f ${servicePolicy}`);
  }
}

let indexFresh = false;
/** `apt-get update`, once per set-up. */
export async function aptUpdate(prefix) {
  if (indexFresh) return;
  indexFresh = true;
  const result = await aptGet(prefix, ["update", "-q"]);
  if (result.code !== 0)
    say(
      `apt: the package lists could not be renewed (${lastLines(result, 1)}); trying with those that are there`,
    );
}

async function known(name) {
  return (await run("apt-cache", ["show", name], { timeoutMs: 30_000 })).code === 0;
}

async function choose(need) {
  for (const group of need.packages) {
    const answers = await Promise.all(group.map(known));
    if (answers.every(Boolean)) return group;
  }
  return need.packages[0];
}

/** The line a person types for what is missing. */
export function installLine(needs) {
  const names = needs.flatMap((need) => need.packages[0]);
  return `sudo apt-get install -y --no-install-recommends ${names.join(" ")}`;
}

/**
 * Installs what is missing of `needs`. Returns what is missing still; says why and the line to type.
 * `why` is what they are for.
 */
export async function systemPackages(needs, why) {
  const missing = needs.filter((need) => !need.present());
  if (missing.length === 0) return [];
  const names = missing.map((need) => need.what).join(", ");
  const failed = (reason) => {
    say(`${names}: missing (${why}); ${reason}`);
    say(`  to install, type: ${installLine(missing)}`);
    return missing;
  };
  if (findOnPath("apt-get") === null) return failed("this machine has no apt-get");
  const prefix = await rootPrefix();
  if (prefix === null) return failed("not root, and sudo would ask for a password");
  const start = performance.now();
  say(`${names}: missing (${why}); installing by apt`);
  await aptUpdate(prefix);
  const groups = await Promise.all(missing.map(choose));
  const install = (packages) =>
    withoutServices(prefix, () =>
      aptGet(prefix, ["install", "-y", "-q", "--no-install-recommends", ...packages]),
    );
  let result = await install(groups.flat());
  if (result.code !== 0 && groups.length > 1) {
    // One package that cannot be had must not keep the others away.
    for (const group of groups) {
      const single = await install(group);
      if (single.code !== 0) result = single;
    }
  }
  const left = missing.filter((need) => !need.present());
  if (left.length === 0) {
    say(`${names}: ready (${elapsed(start)})`);
    return [];
  }
  say(`${left.map((need) => need.what).join(", ")}: apt could not install (${lastLines(result)})`);
  say(`  to install, type: ${installLine(left)}`);
  return left;
}
