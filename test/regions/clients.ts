import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

import { repository } from "../support/shared-data.ts";
import type { ClientSettings } from "./ledger-client.ts";
import type { Acknowledgement, LedgerLine, Unanswered } from "./ledger.ts";
import { home, markets, type ThreeRegions } from "./three-regions.ts";
import { type Region, regions } from "./wide-area.ts";

const PAUSE_MS = 60;

/** A client process in each region, and everything they were told. */
export class Clients {
  readonly acknowledged: Acknowledgement[] = [];
  readonly unanswered: Unanswered[] = [];
  readonly #children: readonly ChildProcess[];
  readonly #idle = new Map<string, number>();
  #resends = 0;

  constructor(three: ThreeRegions, seed: number) {
    this.#children = regions.map((region, index) => this.#start(three, region, seed * 16 + index));
  }

  #start(three: ThreeRegions, region: Region, seed: number): ChildProcess {
    const settings: ClientSettings = {
      name: region,
      servers: three.urls(region),
      user: "operator",
      seedFile: three.seedFileOf("operator"),
      authorityFile: three.authorityFile,
      home,
      otherRegions: regions.filter((each) => each !== home),
      markets: markets.map(({ name }) => name),
      seed: seed % 2 ** 20,
      pauseMs: PAUSE_MS,
    };
    const program = join(repository, "test", "regions", "ledger-client.ts");
    const command = three.wide.inside(region, process.execPath, [
      program,
      JSON.stringify(settings),
    ]);
    const child = spawn("/usr/bin/setpriv", ["--pdeathsig", "KILL", "--", ...command], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    createInterface({ input: child.stdout }).on("line", (line) => this.#note(line));
    return child;
  }

  #note(text: string): void {
    const line = JSON.parse(text) as LedgerLine;
    if (line.type === "acknowledged") this.acknowledged.push(line);
    else if (line.type === "unanswered") this.unanswered.push(line);
    else this.#idle.set(line.client, line.resends);
  }

  /** Requests sent again, as of the last pause. */
  get resends(): number {
    return this.#resends;
  }

  go(): void {
    this.#idle.clear();
    for (const child of this.#children) child.stdin?.write("go\n");
  }

  /** Resolves when every request of every client has its answer. */
  async pause(limitMs: number): Promise<void> {
    this.#idle.clear();
    for (const child of this.#children) child.stdin?.write("pause\n");
    const until = performance.now() + limitMs;
    while (this.#idle.size < regions.length) {
      if (performance.now() > until) {
        throw new Error(`clients with requests under way after ${limitMs / 1_000} s`);
      }
      await sleep(20);
    }
    this.#resends = [...this.#idle.values()].reduce((sum, count) => sum + count, 0);
  }

  async stop(): Promise<void> {
    for (const child of this.#children) child.kill("SIGKILL");
  }
}
