import type { SoakOptions } from "../soak.ts";
import { edgeFuzzers } from "../stages/fuzz.ts";
import { soakFuzzers } from "../support/fuzz-soak.ts";

/** Runs the fuzzers of what arrives at an edge for `count` seconds each (default ten minutes). */
export const soak = (options: SoakOptions): Promise<void> => soakFuzzers(edgeFuzzers, options);
