import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import type { Bus } from "../kernel/ports/bus.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import { durationNs, type DurationNs } from "../kernel/units.ts";
import type { Answer, Question, RunnerNews, RunnerSettings } from "./protocol.ts";

/** What a user's strategy may take. */
export interface ConfinedLimits {
  /** Of its heap; all of it may have four times as much. */
  readonly heapMiB: number;
  /** Of one core, over a few seconds; 0 … 1. */
  readonly coreShare: number;
  /** An answer later than this is a strategy that hangs. */
  readonly answerWithin: DurationNs;
  /** It may write on standard output and error in a second. */
  readonly outputBytes: number;
}

export const confinedLimits: ConfinedLimits = {
  heapMiB: 64,
  coreShare: 0.5,
  answerWithin: durationNs(1_000_000_000),
  outputBytes: 64 * 1_024,
};

/** The NATS user that is one strategy's alone: it may listen on its subject and answer. */
export interface ConfinedUser extends Omit<RunnerSettings, "file"> {
  /** Where the cell asks; within the user's subject. */
  readonly subject: string;
}

export interface ConfinedOptions {
  /** Content of the strategy's file. */
  readonly source: string;
  /** Folder of its own; made when missing. */
  readonly directory: string;
  readonly user: ConfinedUser;
  readonly bus: Pick<Bus, "request">;
  readonly limits?: ConfinedLimits;
}

/** Largest strategy file in bytes. */
export const MAXIMUM_SOURCE_BYTES = 48 * 1_024;
const fileName = "strategy.ts";
const notStarted = "it did not start";
const startWithin = 10_000;
const watchEvery = 1_000;
/** Seconds over which the share of a core is taken. */
const shareOver = 3;
const clockTicks = 100;

const repository = fileURLToPath(new URL("../../", import.meta.url));
const runner = fileURLToPath(new URL("runner.ts", import.meta.url));

/**
 * One process of a user's strategy: Node's permission model (reads its own file and the library, writes
 * nothing, starts nothing), limits on memory, processor and output, a namespace of process ids where the
 * machine allows one, and a NATS user of its own. It is ended for what it does wrong, and `ended` names it.
 */
export class ConfinedProcess {
  /** Resolves when the process is gone, with the reason. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;
  readonly #options: ConfinedOptions;
  readonly #limits: ConfinedLimits;
  readonly #watch: NodeJS.Timeout;
  readonly #used: number[] = [];
  #reason = "";
  #output = 0;

  private constructor(child: ChildProcess, options: ConfinedOptions) {
    this.#child = child;
    this.#options = options;
    this.#limits = options.limits ?? confinedLimits;
    this.#watch = setInterval(() => this.#look(), watchEvery);
    this.#watch.unref();
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (data: Buffer) => {
        this.#output += data.length;
        if (this.#output > this.#limits.outputBytes) this.end("floods: it writes without end");
      });
    }
    this.ended = new Promise((resolve) => {
      child.once("close", (code, signal) => {
        clearInterval(this.#watch);
        resolve(this.#reason === "" ? `ended by itself (${signal ?? code})` : this.#reason);
      });
    });
  }

  /**
   * Starts it and waits until it serves. Failure codes: strategy_invalid (with file and line), too_large,
   * unavailable (it did not come up in time).
   */
  static async start(options: ConfinedOptions): Promise<Result<ConfinedProcess>> {
    const { source, directory, user } = options;
    if (Buffer.byteLength(source) > MAXIMUM_SOURCE_BYTES) {
      const reason = `the file has ${Buffer.byteLength(source)} bytes; ${MAXIMUM_SOURCE_BYTES} is the most`;
      return refuse("too_large", reason, "make it smaller");
    }
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const file = join(directory, fileName);
    writeFileSync(file, source, { mode: 0o600 });
    const { heapMiB } = options.limits ?? confinedLimits;
    const [program, ...arguments_] = commandLine(file, heapMiB);
    const child = spawn(program ?? "", arguments_, {
      cwd: directory,
      env: { NO_COLOR: "1" },
      stdio: ["pipe", "pipe", "pipe"],
    });
    const started = new ConfinedProcess(child, options);
    const settings: RunnerSettings = { ...user, file };
    child.stdin?.on("error", () => {});
    child.stdin?.end(`${JSON.stringify(settings)}\n`);
    const news = await started.#firstNews();
    if (news?.news === "serving") return ok(started);
    started.end(notStarted);
    const reason = await started.ended;
    if (news === null) {
      if (reason !== notStarted) return refuse("strategy_invalid", reason, "correct the file");
      return refuse("unavailable", "the strategy's process did not come up in time", "try again");
    }
    const where = news.where === "" ? "" : `${news.where}: `;
    return refuse("strategy_invalid", `${where}${news.reason}`, "correct the file, spawn again");
  }

  /** Null: it did not say anything before it ended or the time was up. */
  #firstNews(): Promise<RunnerNews | null> {
    return new Promise((resolve) => {
      let text = "";
      const late = setTimeout(() => resolve(null), startWithin);
      const done = (news: RunnerNews | null): void => {
        clearTimeout(late);
        resolve(news);
      };
      this.#child.once("error", () => done(null));
      this.#child.once("close", () => done(null));
      this.#child.stdout?.on("data", (data: Buffer) => {
        // What the strategy itself writes comes between.
        const lines = (text + data.toString()).split("\n");
        text = lines.pop() ?? "";
        for (const line of lines) {
          const news = parsed(line) as RunnerNews | null;
          if (news?.news === "serving" || news?.news === "failed") done(news);
        }
      });
    });
  }

  /**
   * One decision. Failure codes: strategy_failed (it threw; with file and line), strategy_ended (it hangs
   * and was ended, or is gone).
   */
  async ask(question: Question): Promise<Result<unknown>> {
    const { bus, user } = this.#options;
    const payload = Buffer.from(JSON.stringify(question));
    const answer = await bus.request(user.subject, payload, this.#limits.answerWithin);
    if (!answer.ok) {
      if (answer.failure.code === "timeout") this.end("loops: it did not answer in time");
      return refuse("strategy_ended", this.#reason || answer.failure.reason, "it is started again");
    }
    const said = parsed(Buffer.from(answer.value).toString()) as Answer | null;
    if (said === null)
      return refuse("strategy_failed", "its answer is no JSON", "correct the file");
    if (said.ok) return ok(said.decision);
    const where = said.where === "" ? "" : `${said.where}: `;
    return refuse("strategy_failed", `${where}${said.reason}`, "correct the file, spawn again");
  }

  /** Ends it; the first reason counts. */
  end(reason: string): void {
    if (this.#reason === "") this.#reason = reason;
    this.#child.kill("SIGKILL");
  }

  /** Once a second: does it keep to its limits? */
  #look(): void {
    this.#output = 0;
    const usage = usageOf(this.#child.pid ?? 0);
    if (usage === null) return;
    this.#used.push(usage.cpuSeconds);
    if (this.#used.length > shareOver + 1) this.#used.shift();
    const [first = 0] = this.#used;
    const { coreShare, heapMiB } = this.#limits;
    const share = (usage.cpuSeconds - first) / shareOver;
    if (this.#used.length > shareOver && share > coreShare) {
      this.end(`loops: it takes ${share.toFixed(2)} of a core, ${coreShare} is allowed`);
    } else if (usage.residentMiB > 4 * heapMiB) {
      this.end(`takes memory: ${usage.residentMiB} MiB, ${4 * heapMiB} is the most`);
    }
  }
}

function commandLine(file: string, heapMiB: number): readonly string[] {
  const readable = ["actors", "schemas", "node_modules", "package.json"].map((name) =>
    join(repository, name),
  );
  return [
    ...(separable()
      ? ["unshare", "--user", "--map-current-user", "--pid", "--fork", "--kill-child"]
      : []),
    ...(hasProgram("prlimit") ? ["prlimit", "--fsize=0", "--core=0", "--nofile=128"] : []),
    process.execPath,
    "--permission",
    ...[...readable, file].map((path) => `--allow-fs-read=${path}`),
    `--max-old-space-size=${heapMiB}`,
    "--no-warnings",
    runner,
  ];
}

const known = new Map<string, boolean>();
function works(name: string, arguments_: readonly string[]): boolean {
  const before = known.get(name);
  if (before !== undefined) return before;
  const works_ = spawnSync(name, arguments_, { stdio: "ignore" }).status === 0;
  known.set(name, works_);
  return works_;
}
const hasProgram = (name: string): boolean => works(name, ["--version"]);
/** Whether processes can be put where they see no other: not in every container. */
const separable = (): boolean =>
  works("unshare", ["--user", "--map-current-user", "--pid", "--fork", "--kill-child", "true"]);

/** Of a process and everything below it; null when it is gone. */
function usageOf(
  pid: number,
): { readonly cpuSeconds: number; readonly residentMiB: number } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const resident = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    const below = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ");
    let cpuSeconds = (Number(fields[11]) + Number(fields[12])) / clockTicks;
    let residentMiB = Number(resident ?? 0) / 1_024;
    for (const child of below.map(Number).filter((id) => id > 0)) {
      const usage = usageOf(child);
      cpuSeconds += usage?.cpuSeconds ?? 0;
      residentMiB += usage?.residentMiB ?? 0;
    }
    return { cpuSeconds, residentMiB: Math.round(residentMiB) };
  } catch {
    return null;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
