import { X509Certificate } from "node:crypto";
import { execFile } from "node:child_process";
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

import type { Command } from "commander";
import colors from "picocolors";

import { ok, type Result } from "../../../actors/kernel/result.ts";
import { locateNatsServer, pinnedVersion } from "../../bootstrap/nats-server.mjs";
import { exitCodes, perform } from "../action.ts";
import { type Cluster, connectTo, findTarget, type Target } from "../cluster.ts";
import { dataFolder, repository } from "../data-folder.ts";
import { examineDeployment } from "../deployment-checks.ts";
import { askLauncher } from "../deployment.ts";
import type { Finding } from "../finding.ts";
import { examineMachine, type NativeProbe } from "../machine.ts";
import { clusterStatus } from "../markets.ts";
import { calmOption, type OutputFormat, outputOption, printed } from "../output.ts";
import { type ClusterOptions, print, withClusterOptions } from "../terminal.ts";

const WANTED_NODE = 24;

/** `meridian doctor`: what a user needs, from the machine up to the regions. */
export function register(program: Command): void {
  withClusterOptions(program.command("doctor"))
    .description("check what the exchange needs, from this machine up to every region")
    .option("--machine", "this machine only: no cluster has to run")
    .addOption(outputOption())
    .addOption(calmOption())
    .addHelpText(
      "after",
      "\nA warning says what works less well, and what that costs. Exit codes: 0 nothing failed, 1 something did.",
    )
    .action((options: DoctorOptions) =>
      perform(async () => {
        const findings = await examine(options);
        if (!printed(options, { value: { findings }, rows: findings })) {
          for (const finding of findings) print(line(finding));
        }
        return ok(
          findings.some((finding) => finding.verdict === "failed")
            ? exitCodes.failed
            : exitCodes.ok,
        );
      }),
    );
}

interface DoctorOptions extends ClusterOptions {
  readonly output: OutputFormat;
  readonly machine?: true;
}

async function examine(options: DoctorOptions): Promise<readonly Finding[]> {
  const findings: Finding[] = [
    nodeVersion(),
    addon(),
    await natsServer(),
    ...examineMachine(readFile, await nativeProbe()),
  ];
  if (options.machine) return findings;
  const target = findTarget(options);
  if (!target.ok) {
    const { reason, next } = target.failure;
    findings.push({ check: "cluster", verdict: "failed", detail: reason, cost: "", next });
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
    ...examineDeployment(target.value),
    ...(await regions(target.value)),
  );
  return findings;
}

const good = (check: string, detail: string): Finding => ({
  check,
  verdict: "ok",
  detail,
  cost: "",
  next: "",
});

function nodeVersion(): Finding {
  const [major = 0] = process.versions.node.split(".").map(Number);
  if (major >= WANTED_NODE) return good("node", process.version);
  return {
    check: "node",
    verdict: "failed",
    detail: `${process.version} is older than ${WANTED_NODE}`,
    cost: "",
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
    cost: "",
    next: "npm start builds it where g++ and cmake are installed",
  };
}

function readFile(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

/** Asked in a process of its own: this folder speaks to the product in messages only. */
async function nativeProbe(): Promise<NativeProbe | null> {
  const program = join(repository, "actors", "root", "machine-tool.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [program]);
  const probed = JSON.parse(stdout) as Result<NativeProbe>;
  return probed.ok ? probed.value : null;
}

async function natsServer(): Promise<Finding> {
  const { server } = await locateNatsServer();
  if (server === null) {
    return {
      check: "nats-server",
      verdict: "failed",
      detail: `none that is good enough; ${pinnedVersion} is wanted`,
      cost: "",
      next: "npm start gets it, or set NATS_SERVER",
    };
  }
  const detail = `${server.version} at ${server.path}`;
  if (server.grade === "replicated") return good("nats-server", detail);
  return {
    check: "nats-server",
    verdict: "warning",
    detail: `${detail}: markets run \`durable\` at most`,
    cost: "",
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
      cost: "",
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
      cost: "",
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
      cost: "",
      next: "set the clock, or remove the tls folder of the data folder and start again",
    };
  } catch (error) {
    return {
      check: "clock",
      verdict: "failed",
      detail: `the cluster's certificate cannot be read: ${(error as Error).message}`,
      cost: "",
      next: "npm start makes it anew when it is missing",
    };
  }
}

async function regions(target: Target): Promise<readonly Finding[]> {
  const cluster = await connectTo(target);
  if (!cluster.ok) {
    const { reason, next } = cluster.failure;
    return [{ check: "connection", verdict: "failed", detail: reason, cost: "", next }];
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
        cost: "",
        next: `look into ${join(target.folder.value, "log", `cell-${region.name}.log`)}`,
      };
    });
    return [
      good("connection", `as ${target.user.value} (role ${target.role})`),
      ...views,
      await residency(cluster.value),
    ];
  } finally {
    await cluster.value.close();
  }
}

/** Where data really is, against where it may be. */
async function residency(cluster: Cluster): Promise<Finding> {
  const looked = await askLauncher(cluster, "residency");
  if (!looked.ok) {
    const { reason, next } = looked.failure;
    return { check: "residency", verdict: "warning", detail: reason, cost: "not checked", next };
  }
  const { streams = 0, faults = [] } = looked.value.residency ?? {};
  const [first] = faults ?? [];
  if (first === undefined) return good("residency", `${streams} streams, all where they may be`);
  return {
    check: "residency",
    verdict: "failed",
    detail: `${(faults ?? []).length} replicas where they may not be: ${first.stream} on ${first.server}`,
    cost: "",
    next: "npx meridian region residency",
  };
}

const marks = {
  ok: colors.green("ok     "),
  warning: colors.yellow("warning"),
  failed: colors.red("failed "),
};

function line({ check, verdict, detail, cost, next }: Finding): string {
  const price = cost === "" ? "" : `\n         costs: ${cost}`;
  const advice = next === "" ? "" : `\n         next: ${next}`;
  return `${marks[verdict]}  ${check}: ${detail}${price}${advice}`;
}
