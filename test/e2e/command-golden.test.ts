import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { CommanderError } from "commander";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { exitCodes } from "../../ops/cli/action.ts";
import { createProgram } from "../../ops/cli/program.ts";
import { session, type SessionContext, type SessionLine } from "../support/golden-session.ts";
import {
  eventually,
  marketName,
  type OneRegion,
  regionName,
  withOneRegion,
} from "../support/one-region.ts";
import { viewsOf } from "../support/region-views.ts";
import { repository } from "../support/shared-data.ts";
import { testUnless } from "../support/skip.ts";

// Colours are decided when the first command's module is read.
process.env["NO_COLOR"] = "1";

/**
 * Every command against one cluster, in one session; what each prints is compared with its golden file,
 * ops/cli/commands/golden/<command>.txt. MERIDIAN_GOLDEN=update writes them anew.
 */
const test = suite("what the commands print");

const folder = join(repository, "ops", "cli", "commands", "golden");
const renewed = process.env["MERIDIAN_GOLDEN"] === "update";

interface Ran {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
}

/** A command in this process, as ops/cli/main.ts runs it. */
async function run(words: readonly string[]): Promise<Ran> {
  const stdout = process.stdout.write.bind(process.stdout);
  const stderr = process.stderr.write.bind(process.stderr);
  let output = "";
  let errors = "";
  process.stdout.write = (text: string | Uint8Array) => {
    output += String(text);
    return true;
  };
  process.stderr.write = (text: string | Uint8Array) => {
    errors += String(text);
    return true;
  };
  process.exitCode = 0;
  try {
    await createProgram().parseAsync(["node", "meridian", ...words]);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  } finally {
    process.stdout.write = stdout;
    process.stderr.write = stderr;
  }
  const code = process.exitCode;
  process.exitCode = 0;
  return { code, output, errors };
}

/** What differs from run to run and machine to machine becomes what it is; columns keep their order. */
function normalised(text: string, data: string): string {
  return (
    text
      .replaceAll(data, "<data>")
      .replaceAll(repository, "<repository>")
      .replaceAll("\r\n", "\n")
      .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, "<time>")
      .replace(/\b\d[\d.]* (ns|us|ms|s)\b/g, "<duration>")
      .replace(/127\.0\.0\.1:\d+/g, "127.0.0.1:<port>")
      .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, "<uuid>")
      .replace(/\b[0-9a-f]{16,64}\b/g, "<hash>")
      .replace(/([0-9A-F]{2}:){7,}[0-9A-F]{2}/g, "<fingerprint>")
      .replace(/authority [0-9a-f]{8}\b/g, "authority <serial>")
      .replace(/\b2\.\d+\.\d+\b/g, "<version>")
      .replace(/\b[\d,]+ records\/s/g, "<rate>")
      .replace(/\b\d+\/s\b/g, "<rate>")
      .replace(/in \d+ blocks, \d+ behind/g, "in <number> blocks, <number> behind")
      .replace(/"(\w*(Ns|Us|UnixMs))":\d+/g, '"$1":<number>')
      .replace(/\b\d{10,}\b/g, "<number>")
      // Which server leads a stream, and which streams were asked about by now, is nobody's to say.
      .replace(/^\S+ +led by .*\n/gm, "")
      .replace(/"streams":\[[^\]]*\]/g, '"streams":["<streams>"]')
      .replace(/"lagMs":\d+/g, '"lagMs":<number>')
      .replace(/"running":\d+/g, '"running":<number>')
      // Cells of a table are two spaces apart, however wide the widest is.
      .replace(/ {2,}/g, "  ")
      .replace(/[ \t]+$/gm, "")
  );
}

/** Cells of columns whose numbers no two runs have in common. */
function withoutTimes(csv: string): string {
  const [head = "", ...lines] = csv.split("\r\n");
  // How far a market has got by the time it answers is a matter of milliseconds.
  const timed = head.split(",").map((name) => /(Ns|Us|UnixMs)$|^(durable|committed)$/.test(name));
  const cells = (line: string): readonly string[] =>
    line.match(/("([^"]|"")*"|[^,"]*)(,|$)/g) ?? [];
  return [
    head,
    ...lines.map((line) =>
      cells(line)
        .map((cell, column) => (timed[column] === true ? cell.replace(/^\d+/, "<number>") : cell))
        .join(""),
    ),
  ].join("\r\n");
}

/** Names of entries of the trail: nine random bytes. */
const withoutIds = (text: string): string =>
  text.replace(/(?<=[\s,"])[A-Za-z0-9_-]{12}(?=[\s,"])/g, "<id>");

/** Incidents of a start that a busy machine has made slow are nobody's to say. */
const ofOneIncident = (text: string): string =>
  text
    .split("\n")
    .filter((each) => !/^[a-z_]+-(home|east|west)\b/.test(each) || each.includes("Golden"))
    .join("\n");
const withoutAudit = (text: string): string =>
  text.replace(/\(audit [A-Za-z0-9_-]{12}\)/g, "(audit <id>)");

/** What a command tells of this machine or this run, and of no other. */
const ofAnyMachine: Readonly<Record<string, (text: string) => string>> = {
  audit: withoutIds,
  // The script has every command in it; which there are is told by their own golden files.
  completion: (text) =>
    text
      .split("\n")
      .filter((each) => !each.startsWith("complete ") || each.includes('"status"'))
      .map((each) => each.replace(/(contains -- \S+).*;/, "$1 …;"))
      .join("\n"),
  "incident acknowledge": withoutAudit,
  "incident escalate": withoutAudit,
  "incident list": ofOneIncident,
  "incident resolve": withoutAudit,
  // Whether standbys have caught up by then is nobody's to say.
  "incident show": (text) =>
    text.replace(
      /\S+( +meridian region status: exit code )\d+/,
      (_, between: string) => `<outcome>${between}<number>`,
    ),
  "incident review": withoutAudit,
  // What its steps print is compared where they are commands of their own.
  "runbook run": (text) =>
    text
      .replace(/^ {4}.*\n/gm, "")
      .replace(/(region status: )\w+, exit code \d+/, "$1<outcome>, exit code <number>"),
  // Three regions of one machine are equally near.
  "region nearest": (text) => text.replace(/"chosen":(true|false)/g, '"chosen":…'),
  // What a cell refuses while its cluster starts is a matter of who was first.
  status: (text) =>
    text
      .replace(/(connected +\S+ +\d+ +)\d+/g, "$1<number>")
      .replace(/"refusals":\{[^}]*\}/g, '"refusals":{}'),
  // Incidents of the start are actors: how many a tree has beside what is asked for is nobody's to say.
  top: (text) => text.replace(/(connected +)\d+/g, "$1<number>"),
  tree: (text) =>
    text
      .replace(/^home: \d+/gm, "home: <number>")
      .replace(/("rows":\d+,"nodes":)\d+/g, "$1<number>"),
  doctor: (text) => text.replace(/("check":"[^"]+","verdict":).*/g, "$1 …"),
};

const wordsOf = (line: SessionLine, context: SessionContext): readonly string[] =>
  typeof line.words === "function" ? line.words(context) : line.words;

async function settled(line: SessionLine, words: readonly string[]): Promise<Ran> {
  for (let tries = 0; ; tries += 1) {
    const ran = await run(words);
    if (line.until === undefined || line.until.test(ran.output) || tries === 100) return ran;
    await delay(100);
  }
}

let region: OneRegion | null = null;
const over = Promise.withResolvers<void>();
let held: Promise<void> = Promise.resolve();

test.before(async () => {
  const begun = Promise.withResolvers<OneRegion>();
  held = withOneRegion("durable", async (launched) => {
    await launched.ready();
    begun.resolve(launched);
    await over.promise;
  });
  held.catch((error: unknown) => begun.reject(error));
  region = await begun.promise;
  process.env["MERIDIAN_DATA"] = region.data;
});

test.after(async () => {
  over.resolve();
  await held;
});

function started(): OneRegion {
  if (region === null) throw new Error("the cluster has not started");
  return region;
}

test("B8.8 every command prints what its golden file says, with its exit code", async () => {
  const { data } = started();
  const printed = new Map<string, string>();
  const { http } = started().region;
  const context = { data, region: regionName, market: marketName, http, printed };
  const golden = new Map<string, string>();
  for (const line of session) {
    await line.before?.(context);
    const words = wordsOf(line, context);
    const ran = await settled(line, words);
    printed.set(line.command, ran.output);
    assert.is(ran.code, line.code ?? 0, `${words.join(" ")}: ${ran.output}${ran.errors}`);
    const typed = words.map((word) => (/[\s<>]/.test(word) ? `"${word}"` : word)).join(" ");
    const code = ran.code === 0 ? "" : `exit ${ran.code}\n`;
    const output = words.includes("csv") ? withoutTimes(ran.output) : ran.output;
    const all = `$ meridian ${typed}\n${output}${ran.errors}${code}\n`;
    const text = normalised(ofAnyMachine[line.command]?.(all) ?? all, data);
    golden.set(line.command, `${golden.get(line.command) ?? ""}${text}`);
  }
  const faults = [...golden].flatMap(([command, text]) => compare(command, text));
  assert.is(faults.length, 0, `${faults.join("\n")}\nif that is right: MERIDIAN_GOLDEN=update`);
});

const noScript = existsSync("/usr/bin/script") ? null : "script (util-linux) is not installed";
testUnless(
  test,
  noScript,
  "B8.7 top draws on a screen of its own and puts the terminal back",
  async () => {
    const { data } = started();
    const program = join(repository, "ops", "cli", "main.ts");
    const line = `stty cols 120 rows 40; stty -g; '${process.execPath}' '${program}' top; stty -g`;
    const child = spawn("script", ["-qec", line, "/dev/null"], {
      env: { ...process.env, MERIDIAN_DATA: data, TERM: "xterm", SHELL: "/bin/sh" },
      stdio: ["pipe", "pipe", "inherit"],
    });
    let shown = "";
    child.stdout.on("data", (chunk: Buffer) => {
      shown += chunk.toString();
    });
    const until = (what: string, holds: () => boolean): Promise<true> =>
      eventually(what, async () => (holds() ? true : null));
    await until("the market is on the screen", () => /ACME/.test(shown) && /live/.test(shown));
    child.stdin.write("a");
    await until("one panel alone", () => shown.includes("\u001b[J", shown.indexOf("live")));
    child.stdin.write("q");
    const [code] = (await once(child, "close")) as [number];
    assert.is(code, 0);
    const [first = "", last = ""] = shown.match(/[0-9a-f]+(:[0-9a-f]+){10,}/g) ?? [];
    assert.ok(first !== "" && first === last, "the terminal's settings are as before");
    assert.ok(shown.indexOf("\u001b[?1049h") < shown.indexOf("\u001b[?1049l"));
    assert.match(shown, "\u001b[?25h");
  },
);

test("B9.8 an observer reads trees, trail and history; the trail outlives its cell", () =>
  viewsOf(started()));

/** Empty: as it is kept. */
function compare(command: string, text: string): readonly string[] {
  const file = join(folder, `${command.replaceAll(" ", "-")}.txt`);
  if (renewed) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, text);
    return [];
  }
  const kept = existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
  const found = text.split("\n");
  const at = found.findIndex((line, index) => line !== kept[index]);
  if (at < 0 && kept.length === found.length) return [];
  const place = at < 0 ? found.length : at;
  return [
    `${command}, line ${place + 1}:\n  kept   ${kept[place] ?? "nothing"}\n  found  ${found[place] ?? "nothing"}`,
  ];
}

test.run();
