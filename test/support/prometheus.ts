import { spawnSync } from "node:child_process";

const installLine = "sudo apt-get install -y --no-install-recommends prometheus";

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
    timeout: 60_000,
  });
  return { status, output: `${stdout}${stderr}` };
}
