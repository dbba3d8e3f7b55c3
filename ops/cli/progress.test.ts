import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { testUnless } from "../../test/support/skip.ts";
import { repository } from "./data-folder.ts";
import { activity, during, progressBar, type Screen } from "./progress.ts";

const test = suite("the progress of long work");

class Recorded implements Screen {
  readonly isTTY: boolean;
  readonly written: string[] = [];

  constructor(isTTY: boolean) {
    this.isTTY = isTTY;
  }

  write(text: string): void {
    this.written.push(text);
  }

  /** What a person sees in the end. */
  get left(): string {
    return this.written.join("").split("\u001b[K").at(-1) ?? "";
  }
}

test("work of unknown length shows what it is at, and leaves nothing", async () => {
  const screen = new Recorded(true);
  const value = await during(
    "verifying",
    async (line) => {
      line.step("a step");
      return await Promise.resolve(7);
    },
    screen,
  );
  assert.is(value, 7);
  assert.match(screen.written[0] ?? "", /verifying … 0 s$/);
  assert.match(screen.written[1] ?? "", /verifying … 0 s {2}a step$/);
  assert.is(screen.left, "");
});

test("the line is gone when the work fails", async () => {
  const screen = new Recorded(true);
  let said = "";
  try {
    await during("failing", () => Promise.reject(new Error("so it is")), screen);
  } catch (error) {
    said = (error as Error).message;
  }
  assert.is(said, "so it is");
  assert.is(screen.left, "");
});

test("a bar shows the part that is done", () => {
  const screen = new Recorded(true);
  const bar = progressBar("rows", 200, screen);
  bar.rows(100);
  assert.match(screen.written.join(""), /rows \[#{15}\.{15}\] {2}50 % {2}100\/200 rows/);
  bar.end();
  assert.is(screen.left, "");
});

test("a line never wraps, whatever it is at", () => {
  const screen = new Recorded(true);
  const line = activity("long", screen);
  line.step("x".repeat(500));
  line.end();
  for (const text of screen.written) assert.ok(text.replace("\r\u001b[K", "").length <= 79);
});

test("nothing is drawn where the output is no terminal", () => {
  const screen = new Recorded(false);
  const line = activity("piped", screen);
  line.step("a step");
  line.end();
  const bar = progressBar("piped", 10, screen);
  bar.rows(5);
  bar.end();
  assert.equal(screen.written, []);
});

const pseudoTerminal = "/usr/bin/script";
const missing = existsSync(pseudoTerminal)
  ? null
  : "script is missing; apt-get install -y bsdutils";

/** What `meridian journal verify` of a folder without a log draws, on a terminal or into a pipe. */
async function verifying(on: "terminal" | "pipe", ...more: readonly string[]): Promise<string> {
  const main = join(repository, "ops", "cli", "main.ts");
  const words = [process.execPath, main, "journal", "verify", join(repository, "schemas"), ...more];
  const quoted = words.map((word) => `'${word}'`).join(" ");
  const child =
    on === "terminal"
      ? spawn(pseudoTerminal, ["-qec", quoted, "/dev/null"], { stdio: ["ignore", "pipe", "pipe"] })
      : spawn("/bin/sh", ["-c", quoted], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  await once(child, "close");
  assert.match(output, /journal_missing/);
  return output;
}

testUnless(
  test,
  missing,
  "a command draws on a terminal, not into a pipe, and not with -q",
  async () => {
    const [drawn, piped, quiet] = await Promise.all([
      verifying("terminal"),
      verifying("pipe"),
      verifying("terminal", "-q"),
    ]);
    assert.ok(drawn.includes("\u001b[Kjournal verify … 0 s"), drawn);
    assert.not.ok(piped.includes("\u001b[K"), piped);
    assert.not.ok(quiet.includes("\u001b[K"), quiet);
  },
);

test.run();
