import { spawnSync } from "node:child_process";
import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { check, runProcess } from "../stages/process.ts";
import { initramfs } from "../support/initramfs.ts";
import { repository } from "../support/shared-data.ts";

const BUILD_LIMIT_MS = 900_000;
const RUN_LIMIT_MS = 600_000;
const folder = join(repository, "build", "numa");
const emulator = "qemu-system-x86_64";

/**
 * A guest with two memory nodes and four processors, emulated, in which a reactor with a market is the
 * only process (native/reactor/numa_probe.cpp): are its threads and pages where the plan says?
 */
export async function soak(): Promise<void> {
  if (spawnSync(emulator, ["--version"]).status !== 0) {
    console.log(`SKIP numa: ${emulator} missing; apt-get install -y qemu-system-x86`);
    return;
  }
  const kernel = findKernel();
  if (kernel === null) {
    console.log("SKIP numa: no kernel image; apt-get install -y linux-image-cloud-amd64");
    return;
  }
  const archive = join(folder, "initramfs");
  writeFileSync(archive, initramfs([{ path: "init", content: readFileSync(await build()) }]));
  const run = await runProcess(emulator, guest(kernel, archive), RUN_LIMIT_MS);
  const lines = run.output.split(/\r?\n/).filter((line) => !/^\[ *\d/.test(line));
  console.log(lines.join("\n"));
  if (!lines.includes("passed: 0 faults")) {
    throw new Error(run.timedOut ? "the guest did not end in time" : "the guest found faults");
  }
}

async function build(): Promise<string> {
  const tree = join(repository, "build", "native", "test");
  const options = ["-DCMAKE_BUILD_TYPE=Release", "-DMERIDIAN_TESTS=ON", "-DMERIDIAN_ADDON=OFF"];
  for (const line of [
    ["-S", join(repository, "native"), "-B", tree, "-G", "Ninja", ...options],
    ["--build", tree, "--target", "numa_probe"],
  ]) {
    if ((await check(`cmake ${line[0]}`, "cmake", line, BUILD_LIMIT_MS)).failed > 0) {
      throw new Error("the program of the guest cannot be built");
    }
  }
  return join(tree, "reactor", "numa_probe");
}

/** A Debian kernel of this machine, or one downloaded for this; null when there is none. */
function findKernel(): string | null {
  const images = (): readonly string[] => [
    ...globSync("/boot/vmlinuz-*-amd64"),
    ...globSync(join(folder, "kernel", "boot", "vmlinuz-*")),
  ];
  mkdirSync(folder, { recursive: true });
  const [there] = images();
  if (there !== undefined) return there;
  const meta = spawnSync("apt-cache", ["depends", "linux-image-cloud-amd64"], { encoding: "utf8" });
  const name = /Depends: (linux-image-\S+)/.exec(meta.stdout ?? "")?.[1];
  if (name === undefined) return null;
  if (spawnSync("apt-get", ["download", name], { cwd: folder }).status !== 0) return null;
  const [file] = globSync(join(folder, "linux-image-*.deb"));
  if (file === undefined) return null;
  spawnSync("dpkg-deb", ["-x", file, join(folder, "kernel")]);
  return images()[0] ?? null;
}

function guest(kernel: string, archive: string): string[] {
  const lines = [
    "-accel tcg,thread=multi -machine q35 -cpu max",
    "-m 2G -smp 4,sockets=2,cores=2,threads=1",
    "-object memory-backend-ram,id=m0,size=1G",
    "-object memory-backend-ram,id=m1,size=1G",
    "-numa node,nodeid=0,cpus=0-1,memdev=m0",
    "-numa node,nodeid=1,cpus=2-3,memdev=m1",
    "-numa dist,src=0,dst=1,val=21",
    "-display none -serial stdio -monitor none",
    "-no-reboot -nic none -nodefaults",
  ];
  const start = ["-kernel", kernel, "-initrd", archive, "-append", "console=ttyS0 panic=-1 quiet"];
  return [...lines.flatMap((line) => line.split(" ")), ...start];
}
