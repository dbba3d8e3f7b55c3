import { X509Certificate } from "node:crypto";
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import type { Command } from "commander";
import colors from "picocolors";

import { ok } from "../../../actors/kernel/result.ts";
import { locateNatsServer, pinnedVersion } from "../../bootstrap/nats-server.mjs";
import { exitCodes, perform } from "../action.ts";
import { connectTo, findTarget, type Target } from "../cluster.ts";
import { dataFolder, repository } from "../data-folder.ts";
import { clusterStatus } from "../markets.ts";
import {
  type ClusterOptions,
  type OutputFormat,
  outputOption,
  print,
  printJson,
  withClusterOptions,
} from "../terminal.ts";

/** One thing a user needs; `next` is what to do when it is not well. */
interface Finding {
  readonly check: string;
  readonly verdict: "ok" | "warning" | "failed";
  readonly detail: string;
  readonly next: string;
}

const WANTED_NODE = 24;

/** `meridian doctor`: what a user needs, from the machine up to the regions. */
export function register(program: Command): void {
  withClusterOptions(program.command("doctor"))
    .description("check what the exchange needs, from this machine up to every region")
    .addOption(outputOption())
    .action((options: ClusterOptions & { readonly output: OutputFormat }) =>
      perform(async () => {
        const findings = await examine(options);
        if (options.output === "json") printJson({ findings });
        else for (const finding of findings) print(line(finding));
        return ok(
          findings.some((finding) => finding.verdict === "failed")
            ? exitCodes.failed
            : exitCodes.ok,
        );
      }),
    );
}

async function examine(options: ClusterOptions): Promise<readonly Finding[]> {
  const findings: Finding[] = [nodeVersion(), addon(), await natsServer()];
  const target = findTarget(options);
  if (!target.ok) {
    const { reason, next } = target.failure;
    findings.push({ check: "cluster", verdict: "failed", detail: reason, next });
    return findings;
  }
  findings.push(
    good(
      "cluster",
      `${target.value.cluster.regions.length} regions in ${target.value.folder.value}`,
    ),
    folderWritable(dataFolder(options.data).value),
    launcher(target.value),
    clock(target.value),
    ...(await regions(target.value)),
  );
  return findings;
}

const good = (check: string, detail: string): Finding => ({
  check,
  verdict: "ok",
  detail,
  next: "",
});

function nodeVersion(): Finding {
  const [major = 0] = process.versions.node.split(".").map(Number);
  if (major >= WANTED_NODE) return good("node", process.version);
  return {
    check: "node",
    verdict: "failed",
    detail: `${process.version} is older than ${WANTED_NODE}`,
    next: "npm ci brings the right one; start commands with npx meridian",
  };
}

function addon(): Finding {
  const path = join(repository, "build", "native", "release", "addon", "meridian.node");
  if (existsSync(path)) return good("native engine", path);
  return {
    check: "native engine",
    verdict: "warning",
    detail: "the addon is not built; cells run the portable engine, which is slow",
    next: "npm start builds it where g++ and cmake are installed",
  };
}

async function natsServer(): Promise<Finding> {
  const { server } = await locateNatsServer();
  if (server === null) {
    return {
      check: "nats-server",
      verdict: "failed",
      detail: `none that is good enough; ${pinnedVersion} is wanted`,
      next: "npm start gets it, or set NATS_SERVER",
    };
  }
  const detail = `${server.version} at ${server.path}`;
  if (server.grade === "replicated") return good("nats-server", detail);
  return {
    check: "nats-server",
    verdict: "warning",
    detail: `${detail}: markets run \`durable\` at most`,
    next: `install ${pinnedVersion}`,
  };
}

function folderWritable(folder: string): Finding {
  try {
    accessSync(folder, constants.W_OK);
    return good("data folder", folder);
  } catch {
    return {
      check: "data folder",
      verdict: "failed",
      detail: `${folder} is not writable`,
      next: "run as the user that started the cluster",
    };
  }
}

function launcher(target: Target): Finding {
  const pid = target.cluster.launcherPid;
  try {
    process.kill(pid, 0);
    return good("launcher", `runs as process ${pid} since ${target.cluster.startedAt}`);
  } catch (error) {
    // A process of another user is alive all the same.
    if ((error as NodeJS.ErrnoException).code === "EPERM") {
      return good("launcher", `runs as process ${pid} of another user`);
    }
    return {
      check: "launcher",
      verdict: "failed",
      detail: `process ${pid} is gone: the cluster is down`,
      next: "npm start",
    };
  }
}

/** A clock outside the certificates' time refuses every connection with an obscure error. */
function clock(target: Target): Finding {
  try {
    const authority = new X509Certificate(readFileSync(target.cluster.caFile));
    const now = Date.now();
    const from = Date.parse(authority.validFrom);
    const to = Date.parse(authority.validTo);
    if (now >= from && now <= to) return good("clock", new Date(now).toISOString());
    return {
      check: "clock",
      verdict: "failed",
      detail: `${new Date(now).toISOString()} is outside the certificates' time, ${authority.validFrom} to ${authority.validTo}`,
      next: "set the clock, or remove the tls folder of the data folder and start again",
    };
  } catch (error) {
    return {
      check: "clock",
      verdict: "failed",
      detail: `the cluster's certificate cannot be read: ${(error as Error).message}`,
      next: "npm start makes it anew when it is missing",
    };
  }
}

async function regions(target: Target): Promise<readonly Finding[]> {
  const cluster = await connectTo(target);
  if (!cluster.ok) {
    const { reason, next } = cluster.failure;
    return [{ check: "connection", verdict: "failed", detail: reason, next }];
  }
  try {
    const status = await clusterStatus(cluster.value);
    const views = status.regions.map((region): Finding => {
      const check = `region ${region.name}`;
      if (region.ready) return good(check, `${region.engine ?? ""} engine, ${region.http ?? ""}`);
      return {
        check,
        verdict: "failed",
        detail: region.reason ?? "not ready",
        next: `look into ${join(target.folder.value, "log", `cell-${region.name}.log`)}`,
      };
    });
    return [good("connection", `as ${target.user.value} (role ${target.role})`), ...views];
  } finally {
    await cluster.value.close();
  }
}

const marks = {
  ok: colors.green("ok     "),
  warning: colors.yellow("warning"),
  failed: colors.red("failed "),
};

function line({ check, verdict, detail, next }: Finding): string {
  const advice = next === "" ? "" : `\n         next: ${next}`;
  return `${marks[verdict]}  ${check}: ${detail}${advice}`;
}
