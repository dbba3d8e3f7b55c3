import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { existsSync, readFileSync, readdirSync, readlinkSync } from "node:fs";
import { delimiter, join } from "node:path";

/** What TCP connections of loopback carry, and between which processes. */

/** Why nothing can be captured, with the line that enables it; null where it can. */
export const missingCapture =
  process.getuid?.() !== 0
    ? "capturing packets needs root"
    : (process.env["PATH"] ?? "")
          .split(delimiter)
          .some((folder) => existsSync(join(folder, "dumpcap")))
      ? null
      : "no dumpcap; apt-get install -y --no-install-recommends wireshark-common";

/** What one end of a connection has sent, in order. */
export interface Stream {
  readonly fromPort: number;
  readonly toPort: number;
  readonly bytes: Buffer;
}

const headerBytes = 24;
const recordBytes = 16;
const ethernetBytes = 14;

export class LoopbackCapture {
  readonly #child: ChildProcess;
  readonly #file: string;

  private constructor(child: ChildProcess, file: string) {
    this.#child = child;
    this.#file = file;
  }

  /** Captures TCP to and from these ports into a file; resolves when packets are being taken. */
  static async start(ports: readonly number[], file: string): Promise<LoopbackCapture> {
    const filter = ports.map((port) => `tcp port ${port}`).join(" or ");
    const child = spawn("dumpcap", ["-i", "lo", "-q", "-P", "-B", "64", "-f", filter, "-w", file], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    await new Promise<void>((resolve, reject) => {
      child.once("exit", () => reject(new Error(`dumpcap: ${said.slice(0, 300)}`)));
      child.stderr.on("data", (chunk: Buffer) => {
        said += chunk.toString();
        if (said.includes("File: ")) resolve();
      });
    });
    return new LoopbackCapture(child, file);
  }

  /**
   * Waits until what was sent before is captured: bytes that go to one of the ports now, in the clear, are in the
   * file. Rejects when they never are.
   */
  async caughtUp(port: number): Promise<void> {
    const marker = `the end of the capture ${process.hrtime.bigint()}`;
    const socket = connect(port, "127.0.0.1");
    // Whoever listens there has no use for it.
    socket.on("error", () => undefined);
    socket.write(marker);
    try {
      for (let tries = 0; tries < 300; tries += 1) {
        if (readFileSync(this.#file).includes(marker)) return;
        await sleep(100);
      }
      throw new Error("the capture has not seen what was sent");
    } finally {
      socket.destroy();
    }
  }

  /** Ends it; what each end of each connection sent. */
  async end(): Promise<readonly Stream[]> {
    this.#child.kill("SIGINT");
    if (this.#child.exitCode === null) await once(this.#child, "exit");
    return streamsOf(readFileSync(this.#file));
  }
}

function streamsOf(file: Buffer): readonly Stream[] {
  const parts = new Map<string, { fromPort: number; toPort: number; chunks: Buffer[] }>();
  for (let at = headerBytes; at + recordBytes <= file.length; ) {
    const length = file.readUInt32LE(at + 8);
    const ip = file.subarray(at + recordBytes + ethernetBytes, at + recordBytes + length);
    at += recordBytes + length;
    const tcp = ip.subarray(((ip[0] ?? 0) & 0x0f) * 4, ip.readUInt16BE(2));
    const payload = tcp.subarray(((tcp[12] ?? 0) >> 4) * 4);
    const [fromPort, toPort] = [tcp.readUInt16BE(0), tcp.readUInt16BE(2)];
    const key = `${fromPort} ${toPort}`;
    const stream = parts.get(key) ?? { fromPort, toPort, chunks: [] };
    stream.chunks.push(payload);
    parts.set(key, stream);
  }
  return [...parts.values()].map(({ fromPort, toPort, chunks }) => ({
    fromPort,
    toPort,
    bytes: Buffer.concat(chunks),
  }));
}

/** The process at each local TCP port pair `<own> <other>` of loopback, of these processes. */
export function processesOfConnections(pids: readonly number[]): ReadonlyMap<string, number> {
  const byInode = new Map<string, number>();
  for (const pid of pids) {
    for (const descriptor of readdirSync(`/proc/${pid}/fd`)) {
      const target = linkOf(`/proc/${pid}/fd/${descriptor}`);
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
      if (inode !== undefined) byInode.set(inode, pid);
    }
  }
  const found = new Map<string, number>();
  for (const line of readFileSync("/proc/net/tcp", "utf8").split("\n").slice(1)) {
    const fields = line.trim().split(/\s+/);
    const pid = byInode.get(fields[9] ?? "");
    if (pid === undefined) continue;
    const port = (address: string | undefined): number =>
      Number.parseInt(address?.split(":")[1] ?? "0", 16);
    found.set(`${port(fields[1])} ${port(fields[2])}`, pid);
  }
  return found;
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    // Closed since it was listed.
    return "";
  }
}
