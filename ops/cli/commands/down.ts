import { setTimeout as delay } from "node:timers/promises";
import type { Command } from "commander";
import { ok, refuse } from "../../../actors/kernel/result.ts";
import { liveLauncher } from "../../deploy/data-lock.ts";
import { exitCodes, perform } from "../action.ts";
import { dataFolder } from "../data-folder.ts";
import { calmOption } from "../output.ts";
import { during } from "../progress.ts";
import { print } from "../terminal.ts";

/** Cells have 12 s, servers 5 s; the rest is for asking for totals. */
const endsWithinMs = 30_000;

/** `meridian down`: ends the cluster of a data folder as Ctrl-C in its terminal does. */
export function register(program: Command): void {
  program
    .command("down")
    .description("drain and stop the cluster of this data folder")
    .option("--data <folder>", "data folder of the cluster ($MERIDIAN_DATA; default: .meridian)")
    .addOption(calmOption())
    .action((options: { readonly data?: string }) =>
      perform(async () => {
        const folder = dataFolder(options.data).value;
        const pid = liveLauncher(folder);
        if (pid === null) {
          print(`no cluster runs on ${folder}`);
          return ok(exitCodes.ok);
        }
        try {
          process.kill(pid, "SIGTERM");
        } catch (error) {
          return refuse(
            "down_not_permitted",
            `process ${pid} cannot be signalled: ${(error as Error).message}`,
            "run it as the user who started the cluster",
          );
        }
        const deadline = performance.now() + endsWithinMs;
        const isDown = await during("draining", async () => {
          while (liveLauncher(folder) === pid) {
            if (performance.now() >= deadline) return false;
            await delay(100);
          }
          return true;
        });
        if (!isDown) {
          return refuse(
            "down_timeout",
            `the cluster has not ended within ${endsWithinMs / 1000} s (process ${pid})`,
            `look at its terminal, or kill -9 ${pid}`,
          );
        }
        print("stopped");
        return ok(exitCodes.ok);
      }),
    );
}
