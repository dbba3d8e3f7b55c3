import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import type { MachineProbe } from "../../native/addon.ts";
import { missingCompiler } from "../differential/comparison.ts";
import { buildRunner, callNumbers, readProfile, writeRules } from "../support/seccomp.ts";
import { repository } from "../support/shared-data.ts";
import { missingAddon, testUnless } from "../support/skip.ts";

/** The container profile, put on real processes by the kernel: no container runtime is needed. */

const test = suite("the container's seccomp profile");
const missing = missingCompiler ?? missingAddon;
const uring = ["io_uring_setup", "io_uring_enter", "io_uring_register"];
/** Ways out of a container, or into its neighbours. */
const dangerous =
  "mount umount2 pivot_root chroot unshare setns open_tree move_mount ptrace process_vm_readv process_vm_writev kcmp perf_event_open bpf init_module finit_module delete_module kexec_load reboot swapon add_key keyctl request_key userfaultfd settimeofday clock_settime open_by_handle_at iopl ioperm acct quotactl personality".split(
    " ",
  );

const folder = mkdtempSync(join(tmpdir(), "meridian-seccomp-"));
let runner: string | null = null;
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** Runs node under the profile without `denied`. */
function confined(denied: readonly string[], ...words: readonly string[]) {
  const rules = join(folder, "rules");
  writeRules(rules, readProfile(), callNumbers(), denied);
  runner ??= buildRunner(folder);
  const run = spawnSync(runner, [rules, process.execPath, ...words], {
    cwd: repository,
    encoding: "utf8",
    timeout: 60_000,
  });
  return { output: run.stdout, errors: run.stderr, code: run.status };
}
function probed(denied: readonly string[]): MachineProbe {
  const { output, errors } = confined(denied, "actors/root/machine-tool.ts");
  assert.ok(output !== "", errors);
  return (JSON.parse(output) as { readonly value: MachineProbe }).value;
}

test("A5.1 the profile refuses by default, allows io_uring, and names no way out of a container", () => {
  const profile = readProfile();
  const allowed = profile.syscalls.flatMap(({ action, names }) =>
    action === "SCMP_ACT_ALLOW" ? names : [],
  );
  for (const name of uring) assert.ok(allowed.includes(name), name);
  assert.equal(
    allowed.filter((name) => dangerous.includes(name)),
    [],
  );
  const named = profile.syscalls.flatMap(({ names }) => names);
  assert.is(new Set(named).size, named.length, "each call is named once");
});

testUnless(test, missing, "A5.1 every call that the profile names is one of this kernel", () => {
  if (process.arch !== "x64") return;
  const numbers = callNumbers();
  const unknown = readProfile().syscalls.flatMap(({ names }) =>
    names.filter((name) => !numbers.has(name)),
  );
  // Newer than some headers.
  assert.equal(
    unknown.filter((name) => name !== "futex_waitv" && name !== "epoll_pwait2"),
    [],
  );
});

testUnless(
  test,
  missing,
  "A5.1 under the profile io_uring is as it is without, and without its three calls that is said",
  () => {
    const bare = execFileSync(process.execPath, ["actors/root/machine-tool.ts"], {
      cwd: repository,
      encoding: "utf8",
    });
    const { value } = JSON.parse(bare) as { readonly value: MachineProbe };
    assert.equal(probed([]).uring, value.uring);
    const denied = probed(uring).uring;
    assert.is(denied.available, false);
    assert.match(denied.reason, /seccomp filter denies io_uring/);
  },
);

testUnless(test, missing, "A4.1 A5.1 a cell on the native engine runs and trades under it", () => {
  const { output, errors, code } = confined([], "test/support/confined-cell.ts");
  assert.equal([code, output.trim()], [0, "executed 10"], errors);
});

testUnless(
  test,
  missing,
  "A5.1 what the profile does not name is refused to whoever runs under it",
  () => {
    const source =
      "try { require('child_process').execFileSync('unshare', ['--user', 'true'], { stdio: 'pipe' }); console.log('let out') } catch (error) { console.log(String(error.stderr)) }";
    const { output } = confined([], "-e", source);
    assert.match(output, /unshare failed: Operation not permitted/);
  },
);

test.run();
