import type { SoakOptions } from "../soak.ts";
import { engineFuzzers } from "../stages/fuzz.ts";
import { soakFuzzers } from "../support/fuzz-soak.ts";

/** Runs the fuzzers of the engine for `count` seconds each (default ten minutes). */
export const soak = (options: SoakOptions): Promise<void> => soakFuzzers(engineFuzzers, options);
