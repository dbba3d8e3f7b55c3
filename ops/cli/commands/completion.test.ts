import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { testUnless } from "../../../test/support/skip.ts";
import { createProgram } from "../program.ts";
import { completionScript } from "./completion.ts";

const test = suite("completion");
const missing = existsSync("/bin/bash") ? null : "bash is not installed";

/** What bash offers at the end of these words. */
function offered(...words: readonly string[]): readonly string[] {
  const quoted = words.map((word) => `'${word}'`).join(" ");
  const script = `${completionScript(createProgram(), "bash")}
COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _meridian; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync("bash", ["-c", script], { encoding: "utf8" });
  assert.is(stderr, "");
  return stdout.split("\n").filter((line) => line !== "");
}

testUnless(test, missing, "commands, subcommands, options and their choices are completed", () => {
  assert.equal(offered("meridian", "sta"), ["status"]);
  assert.equal(offered("meridian", "market", "cr"), ["create"]);
  assert.equal(offered("npx", "meridian", "market", "cr"), ["create"]);
  assert.equal(offered("meridian", "order", "place", "--ti"), ["--tif"]);
  assert.equal(offered("meridian", "order", "place", "--tif", "f"), ["fok"]);
  assert.equal(offered("meridian", "status", "-o", ""), ["table", "json", "jsonl", "csv"]);
});

testUnless(test, missing, "arguments and values before do not change what a command takes", () => {
  assert.equal(offered("meridian", "order", "place", "BTC-EUR", "buy", "--ti"), ["--tif"]);
  assert.equal(offered("meridian", "status", "--data", "/data", "--o"), ["--output"]);
});

testUnless(test, missing, "other programs of npx are left alone", () => {
  assert.equal(offered("npx", "other", "st"), []);
  assert.equal(offered("npx", "mer"), []);
});

test("fish is offered each command below those it belongs to, options and their choices", () => {
  const lines = completionScript(createProgram(), "fish").split("\n");
  const has = (...parts: readonly string[]): boolean =>
    lines.some((line) => parts.every((part) => line.includes(part)));
  assert.ok(has('__meridian_at ""', "-a 'status'"), "commands stand at the start");
  assert.ok(has('__meridian_at "market"', "-a 'create'"));
  assert.not.ok(has('__meridian_at ""', "-a 'create'"), "a subcommand does not");
  assert.ok(has('__meridian_at "order place"', "-l tif", "-x -a 'day ioc fok'"));
  assert.ok(has('__meridian_at "status"', "-s o", "-l output", "table json jsonl csv"));
});

const noFish = existsSync("/usr/bin/fish") ? null : "fish is not installed";
testUnless(test, noFish, "the script is fish that fish reads, and completes by it", () => {
  const script = completionScript(createProgram(), "fish");
  const { stdout, stderr, status } = spawnSync(
    "fish",
    ["--no-config", "-c", `${script}\ncomplete -C 'meridian market cr'`],
    { encoding: "utf8" },
  );
  assert.is(status, 0, stderr);
  assert.match(stdout, /^create/m);
});

test.run();
