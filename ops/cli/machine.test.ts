import { suite } from "uvu";
import * as assert from "uvu/assert";

import { examineMachine, type NativeProbe } from "./machine.ts";

const test = suite("what a machine offers");

const limits = (locked: string, realTime: string): string =>
  [
    "Limit                     Soft Limit           Hard Limit           Units     ",
    `Max locked memory         ${locked.padEnd(20)} ${locked.padEnd(20)} bytes     `,
    `Max realtime priority     ${realTime.padEnd(20)} ${realTime.padEnd(20)} `,
  ].join("\n");

/** As a virtual machine shows itself to root. */
const server: Readonly<Record<string, string>> = {
  "/proc/sys/kernel/io_uring_disabled": "0\n",
  "/sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
  "/proc/meminfo": "MemTotal:  24681234 kB\nHugePages_Total:       0\nHugePages_Free:        0\n",
  "/proc/self/status":
    "Name:\tnode\nCapEff:\t000001fffeffffff\nCpus_allowed_list:\t0-1\nSeccomp:\t0\n",
  "/proc/self/limits": limits("8388608", "0"),
  "/sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc\n",
  "/sys/devices/system/cpu/isolated": "\n",
};
const full: NativeProbe = {
  uring: { available: true, reason: "", setupFlags: ["cqsize", "defer_taskrun"] },
  processor: { steadyCounter: true, usable: 2 },
};

const examined = (
  changes: Readonly<Record<string, string | null>> = {},
  probe: NativeProbe | null = full,
) => {
  const files: Readonly<Record<string, string | null>> = { ...server, ...changes };
  return examineMachine((path) => files[path] ?? null, probe);
};
const status = (capabilities: string, processors: string): Record<string, string> => ({
  "/proc/self/status": `CapEff:\t${capabilities}\nCpus_allowed_list:\t${processors}\n`,
});
const noCapability = "00000000a80425fb";

test("A4.1 A5.1 a machine that has everything is told so, check by check", () => {
  const findings = examined();
  assert.equal(
    findings.map(({ check, verdict, cost, next }) => [check, verdict, cost, next]),
    [
      "io_uring",
      "large pages",
      "locked memory",
      "clock source",
      "scaling governor",
      "processors",
      "real-time policy",
    ].map((check) => [check, "ok", "", ""]),
  );
});

/** What is taken away, the one check that notices, and what must be said. */
const lacks: readonly (readonly [
  string,
  string,
  Readonly<Record<string, string | null>>,
  NativeProbe | null,
  RegExp,
])[] = [
  [
    "io_uring",
    "denied by a container",
    {},
    { ...full, uring: { available: false, reason: "a seccomp filter denies it", setupFlags: [] } },
    /seccomp filter denies it.*epoll.*system calls.*seccomp\.json/,
  ],
  [
    "io_uring",
    "switched off",
    { "/proc/sys/kernel/io_uring_disabled": "2\n" },
    { ...full, uring: { available: false, reason: "disabled is 2", setupFlags: [] } },
    /disabled is 2.*sysctl -w kernel\.io_uring_disabled=0/,
  ],
  [
    "io_uring",
    "of an old kernel",
    {},
    { ...full, uring: { available: true, reason: "", setupFlags: ["cqsize"] } },
    /DEFER_TASKRUN.*Linux 6\.1/,
  ],
  ["io_uring", "not asked for", {}, null, /not built.*portable engine/],
  [
    "large pages",
    "off",
    { "/sys/kernel/mm/transparent_hugepage/enabled": "always madvise [never]\n" },
    full,
    /never.*74 ns instead of 65.*echo madvise/,
  ],
  [
    "large pages",
    "not there",
    { "/sys/kernel/mm/transparent_hugepage/enabled": null },
    full,
    /no transparent ones/,
  ],
  [
    "clock source",
    "another one",
    { "/sys/devices/system/clocksource/clocksource0/current_clocksource": "hpet\n" },
    full,
    /hpet.*system call.*echo tsc/,
  ],
  [
    "clock source",
    "with a counter that is not steady",
    {},
    { ...full, processor: { steadyCounter: false, usable: 2 } },
    /not steady.*each stamp/,
  ],
  [
    "scaling governor",
    "of one processor",
    {
      "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "performance\n",
      "/sys/devices/system/cpu/cpu1/cpufreq/scaling_governor": "powersave\n",
    },
    full,
    /performance, powersave.*not measured.*cpupower/,
  ],
  ["processors", "one alone", status("000001fffeffffff", "3"), full, /67 µs.*12 µs.*cpuset/],
];
for (const [check, what, changes, probe, expected] of lacks) {
  test(`A4.1 A5.1 ${check}, ${what}: that is said, what it costs, and what to do`, () => {
    const others = new Set(examined(changes, probe).filter(({ verdict }) => verdict !== "ok"));
    // Without the addon the clock is judged by the kernel's own choice.
    assert.equal(
      [...others].map((finding) => finding.check),
      [check],
    );
    const [finding] = others;
    assert.ok(finding);
    assert.ok(finding.cost !== "" && finding.next !== "");
    assert.match([finding.detail, finding.cost, finding.next].join("; "), expected);
  });
}

test("A3.2 A4.1 without capabilities the limits of the user decide about memory and policy", () => {
  const limited = (locked: string, realTime: string): Readonly<Record<string, string>> => ({
    ...status(noCapability, "0-1"),
    "/proc/self/limits": limits(locked, realTime),
  });
  const of = (locked: string, realTime: string): string[] =>
    examined(limited(locked, realTime)).flatMap(({ check, verdict }) =>
      verdict === "ok" ? [] : [check],
    );
  assert.equal(of("8388608", "0"), ["locked memory", "real-time policy"]);
  assert.equal(of("67108864", "0"), ["real-time policy"]);
  assert.equal(of("67108863", "1"), ["locked memory"]);
  assert.equal(of("unlimited", "50"), []);
  const memory = examined(limited("8388608", "0")).find(({ check }) => check === "locked memory");
  assert.match(memory?.detail ?? "", /up to 8 MiB/);
});

test("A4.1 isolated processors are named when they are ours", () => {
  const isolated = { "/sys/devices/system/cpu/isolated": "1,4-5\n" };
  const of = (list: string): string =>
    examined({ ...isolated, ...status("000001fffeffffff", list) }).find(
      ({ check }) => check === "processors",
    )?.detail ?? "";
  assert.match(of("0-5"), /^6, of them isolated: 1, 4, 5$/);
  assert.match(of("2-3"), /^2, none isolated/);
});

test("a machine that shows nothing of itself is no fault of the program", () => {
  const findings = examineMachine(() => null, null);
  assert.is(findings.length, 7);
  assert.ok(findings.every(({ verdict }) => verdict !== "failed"));
});

test.run();
