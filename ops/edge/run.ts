import { join } from "node:path";

import type { SiteFile } from "../../schemas/edge-site.ts";
import { SupervisedProcess } from "../deploy/supervised-process.ts";

const graceMs = 5_000;
/** A cache that refuses its folder says so by this exit code. */
const folderRefused = 2;

/** The two processes of an edge site, kept running. */
export class RunningSite {
  readonly #server: SupervisedProcess;
  readonly #cache: SupervisedProcess;

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
    this.#server.start();
    this.#cache.start();
  }

  async stop(): Promise<void> {
    await this.#cache.stop(graceMs);
    await this.#server.stop(graceMs);
  }
}
