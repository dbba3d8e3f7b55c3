#!/usr/bin/env node
// Set-up: finds what is missing and gets it, says what it does and why. Runs before `npm start` and
// `npm test`, with any Node >= 18, and does nothing when nothing is missing.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { addonIsCurrent, nativeAddon, removeAddon } from "./bootstrap/native-addon.mjs";
import { resolveNatsServer } from "./bootstrap/nats-server.mjs";
import { npmPackages } from "./bootstrap/npm-packages.mjs";
import { SetupFailure, elapsed, lastLines, run, say } from "./bootstrap/processes.mjs";
import { buildTools, systemPackages, testTools } from "./bootstrap/system-packages.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const usage = "usage: node ops/bootstrap.mjs [--for=start|test]";

function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** One set-up at a time per checkout: two would build into the same folder. */
async function withLock(body) {
  const lock = join(root, "build", "set-up.lock");
  mkdirSync(dirname(lock), { recursive: true });
  let said = false;
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: "wx" });
      break;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    let holder = 0;
    try {
      holder = Number(readFileSync(lock, "utf8"));
    } catch (error) {
      if (error.code !== "ENOENT") throw error;
    }
    if (holder > 0 && !alive(holder)) {
      rmSync(lock, { force: true });
      continue;
    }
    if (!said) say(`another set-up runs in this checkout (process ${holder}); waiting for it`);
    said = true;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  const release = () => rmSync(lock, { force: true });
  const interrupted = (signal) => {
    release();
    process.exit(signal === "SIGINT" ? 130 : 143);
  };
  process.once("SIGINT", interrupted);
  process.once("SIGTERM", interrupted);
  try {
    return await body();
  } finally {
    release();
    process.removeListener("SIGINT", interrupted);
    process.removeListener("SIGTERM", interrupted);
  }
}

/** The native engine, where it can be had. An addon that is up to date needs no compiler to run. */
async function engine(purpose) {
  const built = addonIsCurrent(root);
  if (built && purpose === "start") return;
  const missing = await systemPackages(buildTools, "to build the native engine");
  if (built) return;
  const failure = missing.length > 0 ? null : await nativeAddon(root);
  if (missing.length === 0 && failure === null) return;
  // What an earlier build left is of other sources: nobody may run it by mistake.
  removeAddon(root);
  if (failure !== null) {
    if (purpose === "test")
      throw new SetupFailure("the addon does not build", failure.why, failure.next);
    say(`addon: does not build: ${failure.why}`);
    say(`  to see it whole, type: ${failure.next}`);
  }
  say("going on with the portable engine: correct, and much slower");
}

/** The page of the console. Without it a cluster runs all the same, and is operated by the command line. */
async function consolePage(purpose) {
  const { consoleIsCurrent } = await import("./console/build.mjs");
  if (consoleIsCurrent()) return;
  const start = performance.now();
  // By the packages' own Node: the one that runs this file may be too old for the bundler.
  const node = join(root, "node_modules", ".bin", "node");
  const result = await run(node, [join(root, "ops", "console", "build.mjs")], {
    timeoutMs: 120_000,
  });
  if (result.code === 0) return say(`console: built (${elapsed(start)})`);
  const next = "node ops/console/build.mjs";
  if (purpose === "test")
    throw new SetupFailure("the console does not build", lastLines(result), next);
  say(`console: does not build, going on without it: ${lastLines(result)}`);
  say(`  to see it whole, type: ${next}`);
}

async function setUp(purpose) {
  const start = performance.now();
  if (process.platform !== "linux") {
    throw new SetupFailure(
      "this system is not supported",
      `it is ${process.platform}; the servers and the engine run on Linux`,
      "use Debian 12 or 13, or a container of it",
    );
  }
  const installed = await npmPackages(root);
  const { buildSchemas } = await import("./build-schemas.mjs");
  if (buildSchemas()) say("schemas: generated from schemas/**/*.proto");

  await consolePage(purpose);
  await engine(purpose);
  if (purpose === "test") await systemPackages(testTools, "for the native tests and checks");

  const nats = await resolveNatsServer();
  if (!nats.ok) {
    const why = nats.attempts
      .map((attempt) => `${attempt.source}: ${attempt.why}`)
      .join("\n         ");
    throw new SetupFailure(
      "no nats-server could be found or fetched",
      why,
      "NATS_SERVER=/path/to/nats-server npm start",
    );
  }
  say(`${installed ? "ready" : "everything is in place"} (${elapsed(start)})`);
}

async function main(args) {
  const purpose = args.length === 0 ? "start" : /^--for=(start|test)$/.exec(args[0])?.[1];
  if (purpose === undefined || args.length > 1) {
    console.error(usage);
    return 2;
  }
  try {
    await withLock(() => setUp(purpose));
    return 0;
  } catch (error) {
    if (!(error instanceof SetupFailure)) throw error;
    console.error(`set-up: ${error.what}\n    why: ${error.why}\n   next: ${error.next}`);
    return 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
