import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { ok, type Result, refuse } from "../../actors/kernel/result.ts";
import { type ClusterFile, clusterFileSchema } from "../../schemas/configuration.ts";

/** Root of the checkout the command belongs to. */
export const repository = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

/** True when the bin (ops/cli/meridian.mjs) is this process's parent. */
export const isWrapped = (): boolean => process.env["MERIDIAN_BIN_PID"] === String(process.ppid);

/** A setting with where it came from, for `meridian config print`. */
export interface Setting {
  readonly value: string;
  readonly origin: string;
}

/** The data folder of the cluster: --data, then $MERIDIAN_DATA, then <checkout>/.meridian. */
export function dataFolder(given: string | undefined): Setting {
  if (given !== undefined) return { value: resolve(given), origin: "--data" };
  const environment = process.env["MERIDIAN_DATA"];
  if (environment !== undefined && environment !== "") {
    return { value: resolve(environment), origin: "$MERIDIAN_DATA" };
  }
  return { value: join(repository, ".meridian"), origin: "default" };
}

/** Failure codes: cluster_missing, cluster_file_invalid. */
export function readCluster(folder: string): Result<ClusterFile> {
  const path = join(folder, "cluster.json");
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    return code === "ENOENT"
      ? refuse("cluster_missing", `no cluster is known in ${folder}`, "npm start")
      : refuse("cluster_missing", `${path} cannot be read (${code})`, "check its owner and mode");
  }
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    return refuse("cluster_file_invalid", `${path} is not JSON`, "npm start writes it anew");
  }
  const parsed = clusterFileSchema.safeParse(content);
  if (parsed.success) return ok(parsed.data);
  const issue = parsed.error.issues[0];
  return refuse(
    "cluster_file_invalid",
    `${path}: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "invalid"}`,
    "it was written by another version: npm start writes it anew",
  );
}

const loginFile = (folder: string): string => join(folder, "login");

/** The user that commands act as: --as, then the one of `meridian login`, then observer. */
export function actingUser(folder: string, given: string | undefined): Setting {
  if (given !== undefined) return { value: given, origin: "--as" };
  try {
    const user = readFileSync(loginFile(folder), "utf8").trim();
    if (user !== "") return { value: user, origin: "meridian login" };
  } catch {
    // Nobody has logged in yet.
  }
  return { value: "observer", origin: "default" };
}

/** Remembers the user for the commands that follow. Failure code: login_not_stored. */
export function storeLogin(folder: string, user: string): Result<void> {
  const path = loginFile(folder);
  const draft = `${path}.${process.pid}`;
  try {
    writeFileSync(draft, `${user}\n`, { mode: 0o600 });
    renameSync(draft, path);
    return ok(undefined);
  } catch (error) {
    return refuse(
      "login_not_stored",
      `${path} cannot be written: ${(error as Error).message}`,
      "check the owner and mode of the data folder, or use --as",
    );
  }
}
