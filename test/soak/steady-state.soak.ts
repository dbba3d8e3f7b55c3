import { join } from "node:path";

import type { SoakOptions } from "../soak.ts";
import { check } from "../stages/process.ts";
import { repository } from "../support/shared-data.ts";

const BUILD_LIMIT_MS = 900_000;
const DEFAULT_SECONDS = 60;

/** Counts page faults and calls for memory of a market at work for `count` seconds (default 60). */
export async function soak({ count }: SoakOptions): Promise<void> {
  const seconds = count ?? DEFAULT_SECONDS;
  const tree = "build/native/test";
  const options = ["-DCMAKE_BUILD_TYPE=Release", "-DMERIDIAN_TESTS=ON", "-DMERIDIAN_ADDON=OFF"];
  const steps: readonly (readonly [string, readonly string[]])[] = [
    ["cmake", ["-S", "native", "-B", tree, "-G", "Ninja", ...options]],
    ["cmake", ["--build", tree, "--target", "steady_state"]],
    [join(repository, tree, "memory", "steady_state"), [String(seconds)]],
  ];
  for (const [program, words] of steps) {
    const limit = BUILD_LIMIT_MS + seconds * 1_000;
    if ((await check(`${program} ${words[0]}`, program, words, limit)).failed > 0)
      throw new Error("the matching thread asked the machine for something, or nothing was seen");
  }
}
