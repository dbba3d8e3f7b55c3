import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

import { repository } from "./shared-data.ts";

/** Container profiles and what runs under them here, without a container. */

const profileFile = join(repository, "ops", "deploy", "container", "seccomp.json");

/** The part of the runtimes' format (OCI runtime specification, "seccomp") that the profile uses. */
const profileSchema = z.strictObject({
  defaultAction: z.literal("SCMP_ACT_ERRNO"),
  defaultErrnoRet: z.number().int().positive(),
  archMap: z.array(
    z.strictObject({
      architecture: z.string().regex(/^SCMP_ARCH_/),
      subArchitectures: z.array(z.string()),
    }),
  ),
  syscalls: z.array(
    z.strictObject({
      names: z.array(z.string()).nonempty(),
      action: z.enum(["SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO"]),
      errnoRet: z.number().int().positive().optional(),
      args: z
        .array(
          z.strictObject({
            index: z.number().int(),
            value: z.number().int(),
            valueTwo: z.number().int(),
            op: z.literal("SCMP_CMP_MASKED_EQ"),
          }),
        )
        .length(1)
        .optional(),
      comment: z.string(),
    }),
  ),
});
export type Profile = z.infer<typeof profileSchema>;

export const readProfile = (): Profile =>
  profileSchema.parse(JSON.parse(readFileSync(profileFile, "utf8")));

/** Numbers of system calls by name, as the compiler's headers have them. */
export function callNumbers(): ReadonlyMap<string, number> {
  const source = "#include <sys/syscall.h>\n";
  const text = execFileSync("g++", ["-E", "-dM", "-x", "c++", "-"], {
    input: source,
    encoding: "utf8",
  });
  return new Map(
    [...text.matchAll(/^#define __NR_(\w+) (\d+)$/gm)].map(([, name = "", number = ""]) => [
      name,
      Number(number),
    ]),
  );
}

/** Builds the program that sets a filter and runs another one under it. */
export function buildRunner(folder: string): string {
  const program = join(folder, "seccomp_run");
  const source = join(repository, "test", "support", "seccomp_run.cpp");
  execFileSync("g++", ["-std=c++20", "-O1", "-Wall", "-Wextra", "-Werror", "-o", program, source]);
  return program;
}

/** The profile as rules for the runner, without the calls in `denied`. */
export function writeRules(
  file: string,
  profile: Profile,
  numbers: ReadonlyMap<string, number>,
  denied: readonly string[] = [],
): void {
  const lines = [`default ${profile.defaultErrnoRet}`];
  for (const { names, action, errnoRet, args } of profile.syscalls) {
    for (const name of names) {
      const number = numbers.get(name);
      if (number === undefined || denied.includes(name)) continue;
      const [test] = args ?? [];
      if (action === "SCMP_ACT_ERRNO") lines.push(`errno ${number} ${errnoRet ?? 1}`);
      else if (test === undefined) lines.push(`allow ${number}`);
      else lines.push(`masked ${number} ${test.index} ${test.value} ${test.valueTwo}`);
    }
  }
  writeFileSync(file, `${lines.join("\n")}\n`);
}
