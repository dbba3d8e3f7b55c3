import type { Command } from "commander";

import { extend as extendDrill } from "./region-drill.ts";
import { extend as extendDrain } from "./region-drain.ts";
import { extend as extendFailover } from "./region-failover.ts";
import { extendWithMembers } from "./region-members.ts";
import { extendWithNearest } from "./region-nearest.ts";
import { register as extendWithRecovery } from "./region-recover.ts";
import { extend as extendStatus } from "./region-status.ts";

/** Every file that has commands of the group `meridian region` adds them here, in the order of the help. */
const extensions: readonly ((region: Command) => void)[] = [
  extendStatus,
  extendWithMembers,
  extendFailover,
  extendDrill,
  extendDrain,
  extendWithRecovery,
  extendWithNearest,
];

/** `meridian region …`: regions as a whole. */
export function register(program: Command): void {
  const region = program.command("region").description("look after whole regions of a cluster");
  for (const extend of extensions) extend(region);
}
