import type { Command } from "commander";

import { ok, refuse } from "../../../actors/kernel/result.ts";
import { exitCodes, perform } from "../action.ts";
import { dataFolder, readCluster, storeLogin } from "../data-folder.ts";
import { print } from "../terminal.ts";

/** `meridian login USER`: the user that the next commands act as, and where that user's key lies. */
export function register(program: Command): void {
  program
    .command("login")
    .description("choose the user that the next commands act as, and see where its key lies")
    .argument("<user>", "observer, operator, approver, or another user of the cluster")
    .option("--data <folder>", "data folder of the cluster ($MERIDIAN_DATA; default: .meridian)")
    .action((user: string, options: { readonly data?: string }) =>
      perform(async () => {
        const folder = dataFolder(options.data).value;
        const cluster = readCluster(folder);
        if (!cluster.ok) return cluster;
        const entry = cluster.value.users[user];
        if (entry === undefined) {
          const known = Object.keys(cluster.value.users).join(", ");
          return refuse("user_unknown", `the cluster has no user ${user}`, `one of: ${known}`);
        }
        const stored = storeLogin(folder, user);
        if (!stored.ok) return stored;
        print(`logged in as ${user} (role ${entry.role})`);
        print(`the console asks for the nkey seed in ${entry.seedFile}`);
        return ok(exitCodes.ok);
      }),
    );
}
