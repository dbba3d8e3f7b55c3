import { statSync } from "node:fs";
import { join } from "node:path";

import type { SiteFile } from "../../schemas/edge-site.ts";
import { SupervisedProcess } from "../deploy/supervised-process.ts";

const graceMs = 5_000;
/** How often the certificates are looked at: a rotation writes new ones into the folder. */
const lookMs = 1_000;
const watched = ["ca.pem", "server.pem", "server-key.pem"] as const;
/** A cache that refuses its folder says so by this exit code. */
const folderRefused = 2;

/** The two processes of an edge site, kept running. */
export class RunningSite {
  readonly #server: SupervisedProcess;
  readonly #cache: SupervisedProcess;
  readonly #folder: string;
  #certificates = "";
  #timer: NodeJS.Timeout | null = null;

  /** `natsServer`: path of nats-server; `say` takes a line for whoever watches. */
  constructor(site: SiteFile, folder: string, natsServer: string, say: (line: string) => void) {
    const listener = (what: string) => ({
      started: ({
        pid,
        failuresInRow,
        previousEnd,
      }: {
        readonly pid: number;
        readonly failuresInRow: number;
        readonly previousEnd: string;
      }): void => {
        const again = failuresInRow === 0 ? "" : ` again: it had ended (${previousEnd})`;
        say(`${what} runs as process ${pid}${again}`);
      },
      failed: (reason: string): void => say(`${what} ended for good (${reason})`),
    });
    this.#folder = folder;
    this.#server = new SupervisedProcess(
      {
        name: `site ${site.name} server`,
        command: natsServer,
        args: ["--config", site.serverFile],
        logFile: join(folder, "server.log"),
        permanentExitCode: null,
      },
      listener("the server"),
    );
    this.#cache = new SupervisedProcess(
      {
        name: `site ${site.name} cache`,
        command: process.execPath,
        args: [
          "--disable-warning=ExperimentalWarning",
          join(import.meta.dirname, "main.ts"),
          folder,
        ],
        logFile: join(folder, "cache.log"),
        permanentExitCode: folderRefused,
      },
      listener("the cache"),
    );
  }

  get serverPid(): number {
    return this.#server.pid ?? 0;
  }

  start(): void {
    this.#certificates = this.#read();
    this.#timer = setInterval(() => this.#look(), lookMs);
    this.#server.start();
    this.#cache.start();
  }

  #read(): string {
    return watched
      .map((name) => statSync(join(this.#folder, name), { throwIfNoEntry: false })?.mtimeMs ?? 0)
      .join();
  }

  /** A server reads its certificates again when it is told to, and takes them only when they fit each other. */
  #look(): void {
    const found = this.#read();
    if (found === this.#certificates) return;
    this.#certificates = found;
    this.#server.signal("SIGHUP");
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#cache.stop(graceMs);
    await this.#server.stop(graceMs);
  }
}
