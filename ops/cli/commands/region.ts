import type { Command } from "commander";

import { extendWithMembers } from "./region-members.ts";

/** Every file that has commands of the group `meridian region` adds them here, in the order of the help. */
const extensions: readonly ((region: Command) => void)[] = [extendWithMembers];

/** `meridian region …`: regions as a whole. */
export function register(program: Command): void {
  const region = program.command("region").description("look after whole regions of a cluster");
  for (const extend of extensions) extend(region);
}
