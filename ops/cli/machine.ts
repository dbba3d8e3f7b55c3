import type { Finding } from "./finding.ts";

/**
 * What a machine has of the things that make the native engine fast, and what it costs to be without
 * each. Costs are measurements of ours (bench/README.md, ops/decisions), on one kind of machine; where
 * there is none, that is said.
 */

/** Text of a file of /proc or /sys; null when it is not there or cannot be read. */
export type ReadFile = (path: string) => string | null;

/** What the addon says of io_uring and the processor; null where it is not built. */
export interface NativeProbe {
  readonly uring: {
    readonly available: boolean;
    readonly reason: string;
    readonly setupFlags: readonly string[];
  };
  readonly processor: { readonly steadyCounter: boolean; readonly usable: number };
}

/** Memory of a market from the start (ops/decisions/0014). */
const LOCKED_BYTES_WANTED = 64 * 2 ** 20;
const capabilities = { lockMemory: 14, schedule: 23 } as const;

export function examineMachine(read: ReadFile, probe: NativeProbe | null): readonly Finding[] {
  return [
    uring(read, probe),
    largePages(read),
    lockedMemory(read),
    clockSource(read, probe),
    governor(read),
    processors(read),
    realTime(read),
  ];
}

const good = (check: string, detail: string): Finding => ({
  check,
  verdict: "ok",
  detail,
  cost: "",
  next: "",
});

function lacking(check: string, detail: string, cost: string, next: string): Finding {
  return { check, verdict: "warning", detail, cost, next };
}

const epollCost =
  "order entry over TCP runs on epoll: 2.1 to 2.3 system calls a message with 64 clients instead of 0.14 to 0.29";

function uring(read: ReadFile, probe: NativeProbe | null): Finding {
  const check = "io_uring";
  const disabled = read("/proc/sys/kernel/io_uring_disabled")?.trim() ?? "0";
  if (probe === null) {
    return lacking(
      check,
      "not asked: the native engine is not built",
      "everything runs on the portable engine, which is slow",
      "npm start builds it where g++ and cmake are installed",
    );
  }
  if (!probe.uring.available) {
    const next =
      disabled !== "0" && disabled !== ""
        ? "sysctl -w kernel.io_uring_disabled=0"
        : "in a container: --security-opt seccomp=ops/deploy/container/seccomp.json";
    return lacking(check, probe.uring.reason, epollCost, next);
  }
  if (!probe.uring.setupFlags.includes("defer_taskrun")) {
    return lacking(
      check,
      "without completions that run when asked for (DEFER_TASKRUN)",
      epollCost,
      "Linux 6.1 or newer",
    );
  }
  return good(check, "with DEFER_TASKRUN");
}

function largePages(read: ReadFile): Finding {
  const check = "large pages";
  const text = read("/sys/kernel/mm/transparent_hugepage/enabled") ?? "";
  const chosen = /\[(\w+)\]/.exec(text)?.[1] ?? "";
  const reserved = Number(/^HugePages_Total:\s+(\d+)/m.exec(read("/proc/meminfo") ?? "")?.[1] ?? 0);
  if (chosen === "always" || chosen === "madvise") {
    return good(check, `transparent ones: ${chosen}; ${reserved} reserved`);
  }
  return lacking(
    check,
    chosen === "" ? "this kernel has no transparent ones" : `transparent ones: ${chosen}`,
    "an order in a book of a million takes 74 ns instead of 65; small books the same",
    "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled",
  );
}

function lockedMemory(read: ReadFile): Finding {
  const check = "locked memory";
  if (isCapable(read, capabilities.lockMemory)) return good(check, "without limit (CAP_IPC_LOCK)");
  const limit = limitOf(read, "Max locked memory");
  if (limit >= LOCKED_BYTES_WANTED) return good(check, `up to ${shownBytes(limit)}`);
  return lacking(
    check,
    `up to ${shownBytes(limit)}; a market has 45 MB from the start`,
    "short of memory the kernel takes a market's pages away, and matching waits half a microsecond and more for each",
    "ulimit -l unlimited, or LimitMEMLOCK=infinity, or --ulimit memlock=-1 for a container",
  );
}

function clockSource(read: ReadFile, probe: NativeProbe | null): Finding {
  const check = "clock source";
  const folder = "/sys/devices/system/clocksource/clocksource0";
  const current = read(`${folder}/current_clocksource`)?.trim() ?? "";
  const isSteady = probe?.processor.steadyCounter ?? current === "tsc";
  const counter = isSteady ? "steady" : "not steady";
  if (isSteady && (current === "tsc" || current === "arch_sys_counter")) {
    return good(check, `${current}, the processor's counter is steady`);
  }
  return lacking(
    check,
    `${current === "" ? "unknown" : current}, the processor's counter is ${counter}`,
    isSteady
      ? "what asks the kernel for the time makes a system call; the match thread does not (not measured)"
      : "each stamp of the match thread asks the kernel: 23 ns instead of 10 where that takes no system call",
    `echo tsc > ${folder}/current_clocksource, where it is offered`,
  );
}

function governor(read: ReadFile): Finding {
  const check = "scaling governor";
  const found = usable(read).map((processor) =>
    read(`/sys/devices/system/cpu/cpu${processor}/cpufreq/scaling_governor`)?.trim(),
  );
  const kinds = [...new Set(found.filter((kind) => kind !== undefined))];
  if (kinds.length === 0) return good(check, "none: the frequency is not ours to choose");
  if (kinds.every((kind) => kind === "performance")) return good(check, "performance");
  return lacking(
    check,
    kinds.join(", "),
    "an idle processor runs slowly when an order comes (not measured: no such machine was there)",
    "cpupower frequency-set -g performance",
  );
}

function processors(read: ReadFile): Finding {
  const check = "processors";
  const mine = usable(read);
  const isolated = listed(read("/sys/devices/system/cpu/isolated"));
  if (mine.length < 2) {
    return lacking(
      check,
      `${mine.length} for this process: match, journal and edge share a thread that sleeps between orders`,
      "an order through the bridge takes 67 µs with the reactor asleep, 12 µs with it awake (medians)",
      "give the cell two processors or more (cpuset, --cpus)",
    );
  }
  const own = mine.filter((one) => isolated.includes(one));
  if (own.length > 0) {
    return good(check, `${mine.length}, of them isolated: ${own.join(", ")}`);
  }
  return good(
    check,
    `${mine.length}, none isolated: ticks and others take 1 to 1.5 % of a pinned thread (isolcpus=, nohz_full= at boot)`,
  );
}

function realTime(read: ReadFile): Finding {
  const check = "real-time policy";
  const limit = limitOf(read, "Max realtime priority");
  if (isCapable(read, capabilities.schedule)) return good(check, "allowed (CAP_SYS_NICE); opt-in");
  if (limit > 0) return good(check, `allowed up to priority ${limit}; opt-in`);
  return lacking(
    check,
    "SCHED_FIFO is refused to this user",
    "while others work, a message through a ring: p99.9 2.1 µs instead of 0.23, and 20 million a second instead of 90",
    "LimitRTPRIO=50, or --cap-add SYS_NICE for a container",
  );
}

const status = (read: ReadFile, field: string): string =>
  new RegExp(`^${field}:\\s*(.*)$`, "m").exec(read("/proc/self/status") ?? "")?.[1]?.trim() ?? "";

function isCapable(read: ReadFile, capability: number): boolean {
  const mask = status(read, "CapEff");
  return mask !== "" && ((BigInt(`0x${mask}`) >> BigInt(capability)) & 1n) === 1n;
}

/** The soft limit; infinity when there is none, 0 when it is not known. */
function limitOf(read: ReadFile, name: string): number {
  const line = (read("/proc/self/limits") ?? "").split("\n").find((one) => one.startsWith(name));
  const [soft = "0"] = line?.slice(name.length).trim().split(/\s+/) ?? [];
  return soft === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft);
}

const usable = (read: ReadFile): readonly number[] => listed(status(read, "Cpus_allowed_list"));

/** "0-2,5" as numbers. */
function listed(text: string | null): readonly number[] {
  return (text ?? "")
    .trim()
    .split(",")
    .filter((part) => part !== "")
    .flatMap((part) => {
      const [first = 0, last = first] = part.split("-").map(Number);
      return Array.from({ length: last - first + 1 }, (_, index) => first + index);
    });
}

const shownBytes = (bytes: number): string =>
  bytes === Number.POSITIVE_INFINITY ? "any amount" : `${Math.floor(bytes / 2 ** 20)} MiB`;
