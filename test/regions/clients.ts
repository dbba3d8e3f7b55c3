import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

import { repository } from "../support/shared-data.ts";
import type { ClientSettings } from "./ledger-client.ts";
import type {
  Acknowledgement,
  Execution,
  Ledger,
  LedgerLine,
  OuchAnswer,
  Unanswered,
} from "./ledger.ts";
import type { OuchClientSettings } from "./ouch-ledger-client.ts";
import { home, type Market, markets, ouchMemberOf, type ThreeRegions } from "./three-regions.ts";
import { type Region, regions } from "./wide-area.ts";

const PAUSE_MS = 60;
const seedOf = (seed: number): number => seed % 2 ** 20;

const natsClient = (three: ThreeRegions, region: Region, seed: number): ClientSettings => ({
  name: region,
  servers: three.urls(region),
  user: "operator",
  seedFile: three.seedFileOf("operator"),
  authorityFile: three.authorityFile,
  home,
  otherRegions: regions.filter((each) => each !== home),
  markets: markets.map(({ name }) => name),
  seed: seedOf(seed),
  pauseMs: PAUSE_MS,
});

const ouchClient = (three: ThreeRegions, region: Region, seed: number): OuchClientSettings => ({
  name: `${region}-ouch`,
  ...ouchMemberOf(region),
  markets: markets.map(({ name }) => ({ market: name, gateways: three.gatewaysOf(name) })),
  seed: seedOf(seed),
  pauseMs: PAUSE_MS,
});

/** Of a region: by NATS, and by OUCH. */
export const clientNames = regions.flatMap((region) => [region, `${region}-ouch`]);

/** Two client processes in each region, and everything they were told. */
export class Clients {
  readonly acknowledged: Acknowledgement[] = [];
  readonly answered: OuchAnswer[] = [];
  readonly executed: Execution[] = [];
  readonly unanswered: Unanswered[] = [];
  readonly #children: readonly ChildProcess[];
  readonly #idle = new Map<string, number>();
  #resends = 0;

  constructor(three: ThreeRegions, seed: number) {
    this.#children = regions.flatMap((region, index) => [
      this.#start(three, region, "ledger-client.ts", natsClient(three, region, seed * 16 + index)),
      this.#start(
        three,
        region,
        "ouch-ledger-client.ts",
        ouchClient(three, region, seed * 16 + 8 + index),
      ),
    ]);
  }

  #start(
    three: ThreeRegions,
    region: Region,
    file: string,
    settings: ClientSettings | OuchClientSettings,
  ): ChildProcess {
    const program = join(repository, "test", "regions", file);
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
    switch (line.type) {
      case "acknowledged":
        this.acknowledged.push(line);
        break;
      case "answered":
        this.answered.push(line);
        break;
      case "executed":
        this.executed.push(line);
        break;
      case "unanswered":
        this.unanswered.push(line);
        break;
      case "idle":
        this.#idle.set(line.client, line.resends);
        break;
      default:
        line satisfies never;
    }
  }

  /** What they were told of a market. */
  ledgerOf(market: Market): Ledger {
    const ofMarket = (line: { readonly market: string }): boolean => line.market === market;
    return {
      acknowledged: this.acknowledged.filter(ofMarket),
      answered: this.answered.filter(ofMarket),
      executed: this.executed.filter(ofMarket),
    };
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
    while (this.#idle.size < clientNames.length) {
      if (performance.now() > until) {
        const busy = clientNames.filter((name) => !this.#idle.has(name));
        throw new Error(`requests under way after ${limitMs / 1_000} s: ${busy.join(", ")}`);
      }
      await sleep(20);
    }
    this.#resends = [...this.#idle.values()].reduce((sum, count) => sum + count, 0);
  }

  async stop(): Promise<void> {
    for (const child of this.#children) child.kill("SIGKILL");
  }
}
