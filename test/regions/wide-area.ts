import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";

import { repository } from "../support/shared-data.ts";

/**
 * Three regions that are far from each other on one machine: network namespaces, and between them a
 * router in user space (wan_router.cpp). A test starts itself again inside the namespace of the
 * observer, from where it reaches every region and controls the network.
 */

export const regions = ["eu", "us", "ap"] as const;
export type Region = (typeof regions)[number];
/** The namespace of whoever watches: no delay to anybody, and no server. */
export const observer = "here";
const sites = [...regions, observer];

export const addressOf = (region: Region): string => `10.77.${regions.indexOf(region) + 1}.1`;

/** The router's exit code when the machine does not allow namespaces or TUN devices. */
const FORBIDDEN = 77;

const insideVariable = "MERIDIAN_SITES";
export const isInside = (): boolean => process.env[insideVariable] !== undefined;

/** What a machine lacks for regions in namespaces; null when it has everything. */
export function missingForWideArea(): string | null {
  if (process.platform !== "linux") return "network namespaces need Linux";
  if (process.getuid?.() !== 0) return "network namespaces need root: run it as root";
  for (const [path, install] of [
    ["/dev/net/tun", "modprobe tun, or run the container with --device /dev/net/tun"],
    ["/usr/bin/nsenter", "apt-get install -y util-linux"],
    ["/usr/bin/g++", "apt-get install -y g++"],
  ] as const) {
    try {
      accessSync(path, constants.R_OK);
    } catch {
      return `${path} is missing: ${install}`;
    }
  }
  return null;
}

/** Builds the router where it is not built from this very source; the path of the program. */
function buildRouter(): string {
  const source = join(repository, "test", "regions", "wan_router.cpp");
  const digest = createHash("sha256").update(readFileSync(source)).digest("hex").slice(0, 16);
  const folder = join(repository, "build", "wan-router");
  const program = join(folder, digest);
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  const draft = `${program}.${process.pid}`;
  execFileSync("g++", ["-std=c++20", "-O2", "-Wall", "-Wextra", "-Werror", "-o", draft, source]);
  execFileSync("mv", [draft, program]);
  return program;
}

/**
 * Runs this program again inside the observer's namespace and gives its exit code; null when the
 * machine does not allow it. To be called outside.
 */
export async function runInside(program: string, args: readonly string[]): Promise<number | null> {
  const router = buildRouter();
  const hosts = join(repository, "build", "wan-router", "hosts");
  const lines = regions.map((region) => `${addressOf(region)} ${region}`);
  writeFileSync(hosts, ["127.0.0.1 localhost", ...lines, ""].join("\n"));
  const child = spawn(
    router,
    [`--hosts=${hosts}`, `--sites=${sites.join(",")}`, "--", process.execPath, program, ...args],
    { stdio: "inherit" },
  );
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
  process.once("SIGINT", pass);
  process.once("SIGTERM", pass);
  const code = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (exit) => resolve(exit ?? 1));
  });
  return code === FORBIDDEN ? null : code;
}

/** One direction of a connection between two regions. */
export interface LinkSettings {
  readonly delayMs: number;
  /** Packets lost of a million. */
  readonly lossPpm: number;
  /** 0: no limit. */
  readonly bytesPerSecond: number;
  readonly cut: boolean;
}

export interface LinkCounts {
  readonly passed: number;
  readonly bytes: number;
  readonly lost: number;
  readonly cut: number;
  readonly full: number;
}

/** One-way delays: round trips of 10 ms between eu and us, of 40 ms to ap. */
const delaysMs: Readonly<Record<string, number>> = { "eu us": 5, "eu ap": 20, "us ap": 20 };
const delayBetween = (from: Region, to: Region): number =>
  delaysMs[`${from} ${to}`] ?? delaysMs[`${to} ${from}`] ?? 0;

/** The network between the regions, as its controller sees it. Only inside. */
export class WideArea {
  readonly #control: Socket;
  readonly #holders: ReadonlyMap<string, number>;
  readonly #links = new Map<string, LinkSettings>();
  readonly #waiting: ((line: string) => void)[] = [];
  #unread = "";

  constructor() {
    const told = process.env[insideVariable] ?? "";
    this.#holders = new Map(
      told.split(",").map((part): [string, number] => {
        const [name = "", pid = ""] = part.split("=");
        return [name, Number(pid)];
      }),
    );
    this.#control = new Socket({ fd: 3, readable: true, writable: true });
    this.#control.on("data", (chunk) => this.#read(chunk.toString()));
  }

  /** A command line that runs a program in a region's namespaces. */
  inside(region: Region, program: string, args: readonly string[]): readonly string[] {
    const pid = String(this.#holders.get(region));
    return ["/usr/bin/nsenter", "-t", pid, "-n", "-m", "--", program, ...args];
  }

  /** Every link as it is on a good day. */
  async calm(): Promise<void> {
    for (const from of regions) {
      for (const to of regions) {
        if (from === to) continue;
        const delayMs = delayBetween(from, to);
        await this.set(from, to, { delayMs, lossPpm: 0, bytesPerSecond: 0, cut: false });
      }
    }
  }

  async set(from: Region, to: Region, settings: LinkSettings): Promise<void> {
    const { delayMs, lossPpm, bytesPerSecond, cut } = settings;
    this.#links.set(`${from} ${to}`, settings);
    const words = [from, to, Math.round(delayMs * 1_000), lossPpm, bytesPerSecond, cut ? 1 : 0];
    const reply = await this.#ask(`link ${words.join(" ")}`);
    if (reply !== "ok") throw new Error(reply);
  }

  async change(from: Region, to: Region, changes: Partial<LinkSettings>): Promise<void> {
    const held = this.#links.get(`${from} ${to}`);
    if (held === undefined) throw new Error(`the link from ${from} to ${to} was never set`);
    await this.set(from, to, { ...held, ...changes });
  }

  /** Cuts or joins a region and all others: what it sends, what it receives, or both. */
  async cut(region: Region, direction: "out" | "in" | "both", cut: boolean): Promise<void> {
    for (const other of regions.filter((each) => each !== region)) {
      if (direction !== "in") await this.change(region, other, { cut });
      if (direction !== "out") await this.change(other, region, { cut });
    }
  }

  /** Cuts or joins two regions; both reach all others. */
  async cutLink(one: Region, other: Region, cut: boolean): Promise<void> {
    await this.change(one, other, { cut });
    await this.change(other, one, { cut });
  }

  /** Changes both directions between a region and all others. */
  async worsen(region: Region, changes: Partial<LinkSettings>): Promise<void> {
    for (const other of regions.filter((each) => each !== region)) {
      await this.change(region, other, changes);
      await this.change(other, region, changes);
    }
  }

  async counts(from: Region, to: Region): Promise<LinkCounts> {
    const reply = await this.#ask(`counts ${from} ${to}`);
    const [, passed = 0, bytes = 0, lost = 0, cut = 0, full = 0] = reply.split(" ").map(Number);
    return { passed, bytes, lost, cut, full };
  }

  /** The router goes on; the program can end. */
  close(): void {
    this.#control.destroy();
  }

  #ask(line: string): Promise<string> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#control.write(`${line}\n`);
    });
  }

  #read(text: string): void {
    this.#unread += text;
    for (let end = this.#unread.indexOf("\n"); end >= 0; end = this.#unread.indexOf("\n")) {
      this.#waiting.shift()?.(this.#unread.slice(0, end));
      this.#unread = this.#unread.slice(end + 1);
    }
  }
}
