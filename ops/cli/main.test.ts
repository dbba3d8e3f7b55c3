import { spawnSync } from "node:child_process";
import { join } from "node:path";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { repository } from "./data-folder.ts";

const test = suite("the command line as a process");

/** Runs a line of shell in which $MERIDIAN starts the command line. */
function shell(line: string): { readonly status: number | null; readonly errors: string } {
  const { status, stderr } = spawnSync("/bin/sh", ["-c", line], {
    encoding: "utf8",
    env: { ...process.env, MERIDIAN: join(repository, "ops", "cli", "meridian.mjs") },
  });
  return { status, errors: stderr };
}

test("a reader that has had enough is no fault", () => {
  // The command's own status, as a pipe only tells the last one's.
  const { status, errors } = shell(`{ "$MERIDIAN" completion; echo "status $?" >&2; } | true`);
  assert.is(status, 0);
  assert.is(errors, "status 0\n");
});

test("an output that cannot be written is one line and exit code 1", () => {
  const { status, errors } = shell(`"$MERIDIAN" completion > /dev/full`);
  assert.is(status, 1);
  assert.match(errors, /^meridian: unexpected fault: .*no space left/i);
  assert.not.match(errors, /\n\s+at /);
});

test("usage faults exit 2 and name what was meant", () => {
  const { status, errors } = shell(`"$MERIDIAN" statu`);
  assert.is(status, 2);
  assert.match(errors, "Did you mean status?");
});

test("what one command has compiled is read by the next, whoever set nothing", () => {
  const asked = "unset NODE_COMPILE_CACHE;";
  assert.is(shell(`${asked} "$MERIDIAN" --version > /dev/null`).status, 0);
  const told = `NODE_DEBUG_NATIVE=COMPILE_CACHE "$MERIDIAN" --version > /dev/null`;
  const { errors } = shell(`${asked} ${told}`);
  assert.match(errors, /transpile cache for \S+ \S+\/ops\/cli\/main\.ts\.\.\.success/);
});

test.run();
