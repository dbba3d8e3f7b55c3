import { join } from "node:path";

import { openCellDirectory } from "../../actors/root/cell-directory.ts";
import type { Launcher } from "../../ops/deploy/launcher.ts";

/** A cell that is down for as long as its folder is held. */
export interface HeldCell {
  /** The launcher gets it started again. */
  release(): void;
}

/**
 * Kills a cell and has its folder before it can be started again: it stays away until that is released. The
 * launcher has to be of this process, for it does not get to start another one before this returns.
 */
export function killAndHold(
  launcher: Launcher | null,
  dataDirectory: string,
  region: string,
): HeldCell {
  const pid = launcher?.processId(region, "cell") ?? 0;
  if (pid === 0) throw new Error(`no cell of ${region} runs`);
  process.kill(pid, "SIGKILL");
  for (;;) {
    const folder = openCellDirectory(join(dataDirectory, "cells", region));
    if (folder.ok) return folder.value;
  }
}
