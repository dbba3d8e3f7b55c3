import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, openSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const installLine = "sudo apt-get install -y --no-install-recommends prometheus";
const promtoolLimitMs = 60_000;

/** Why a test of rules or scrapes cannot run; null when it can. */
export function missingPrometheus(): string | null {
  const found = ["prometheus", "promtool"].every(
    (tool) => spawnSync(tool, ["--version"], { stdio: "ignore" }).status === 0,
  );
  return found ? null : `no Prometheus: ${installLine}`;
}

/** Runs promtool; `input` is what it reads. */
export function promtool(
  args: readonly string[],
  input = "",
): { readonly status: number | null; readonly output: string } {
  const { status, stdout, stderr } = spawnSync("promtool", args, {
    input,
    encoding: "utf8",
    timeout: promtoolLimitMs,
  });
  return { status, output: `${stdout}${stderr}` };
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

export interface Found {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A real Prometheus for a test. */
export class Prometheus {
  readonly url: string;
  readonly #process: ChildProcess;

  private constructor(url: string, process: ChildProcess) {
    this.url = url;
    this.#process = process;
  }

  /** `configuration`: its file; what it stores goes beside it. */
  static async start(
    configuration: string,
    name: string,
    more: readonly string[] = [],
  ): Promise<Prometheus> {
    const port = await freePort();
    const directory = join(configuration, "..", name);
    mkdirSync(directory, { recursive: true });
    const log = openSync(join(directory, "log"), "a");
    const process = spawn(
      "prometheus",
      [
        `--config.file=${configuration}`,
        `--storage.tsdb.path=${directory}`,
        `--web.listen-address=127.0.0.1:${port}`,
        ...more,
      ],
      { stdio: ["ignore", log, log] },
    );
    const started = new Prometheus(`http://127.0.0.1:${port}`, process);
    for (let tries = 0; tries < 300; tries += 1) {
      if (process.exitCode !== null) throw new Error(`Prometheus ended: ${process.exitCode}`);
      const ready = await fetch(`${started.url}/-/ready`).catch(() => null);
      if (ready?.status === 200) return started;
      await delay(100);
    }
    await started.stop();
    throw new Error("Prometheus does not become ready");
  }

  async get(path: string): Promise<unknown> {
    const answer = (await (await fetch(`${this.url}/api/v1/${path}`)).json()) as {
      readonly status: string;
      readonly data: unknown;
      readonly error?: string;
    };
    if (answer.status !== "success") throw new Error(`${path}: ${answer.error}`);
    return answer.data;
  }

  /** `at`: Unix time in seconds; absent: now. */
  async query(expr: string, at?: number): Promise<readonly Found[]> {
    const time = at === undefined ? "" : `&time=${at}`;
    const data = (await this.get(`query?query=${encodeURIComponent(expr)}${time}`)) as {
      readonly result: readonly {
        readonly metric: Readonly<Record<string, string>>;
        readonly value: readonly [number, string];
      }[];
    };
    return data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill("SIGTERM");
    await ended;
  }
}

/** A way between two processes that can be cut and healed. */
export class CuttableWay {
  readonly #server;
  readonly #sockets = new Set<Socket>();
  #isCut = false;

  private constructor(port: number) {
    this.#server = createServer((from) => {
      if (this.#isCut) {
        from.destroy();
        return;
      }
      const to = connect(port, "127.0.0.1");
      for (const [one, other] of [
        [from, to],
        [to, from],
      ] as const) {
        this.#sockets.add(one);
        one.on("error", () => other.destroy());
        one.on("close", () => {
          this.#sockets.delete(one);
          other.destroy();
        });
        one.pipe(other);
      }
    });
  }

  static async to(url: string): Promise<CuttableWay> {
    const way = new CuttableWay(Number(new URL(url).port));
    await new Promise<void>((resolve) => way.#server.listen(0, "127.0.0.1", resolve));
    return way;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  heal(): void {
    this.#isCut = false;
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
