import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type ProcessStart, SupervisedProcess, backoffMs } from "./supervised-process.ts";

const test = suite<{ folder: string }>("supervised process", { folder: "" });

test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), "meridian-process-"));
});
test.after.each((context) => {
  rmSync(context.folder, { recursive: true, force: true });
});

/** Runs a shell script; `nth(n)` waits for its n-th start, `failure` for its end for good. */
function supervise(
  folder: string,
  script: string,
): {
  readonly child: SupervisedProcess;
  readonly log: string;
  readonly nth: (n: number) => Promise<ProcessStart>;
  readonly failure: Promise<string>;
} {
  const log = join(folder, "child.log");
  const starts: ProcessStart[] = [];
  const waiting: { readonly n: number; readonly resolve: (start: ProcessStart) => void }[] = [];
  let fail = (_reason: string): void => undefined;
  const failure = new Promise<string>((resolve) => {
    fail = resolve;
  });
  const child = new SupervisedProcess(
    {
      name: "test",
      command: "/bin/sh",
      args: ["-c", script],
      logFile: log,
      permanentExitCode: 2,
    },
    {
      started: (start) => {
        starts.push(start);
        for (const each of waiting) if (each.n === starts.length) each.resolve(start);
      },
      failed: (reason) => fail(reason),
    },
  );
  const nth = (n: number): Promise<ProcessStart> =>
    new Promise((resolve) => {
      const start = starts[n - 1];
      if (start === undefined) waiting.push({ n, resolve });
      else resolve(start);
    });
  child.start();
  return { child, log, nth, failure };
}

test("a process that ends unasked is started again, counted, with the reason", async ({
  folder,
}) => {
  const { child, log, nth } = supervise(folder, "echo hello; exit 7");
  const third = await nth(3);
  assert.is(third.restarts, 2);
  assert.is(third.failuresInRow, 2);
  assert.is(third.previousEnd, "exit code 7");
  assert.ok(await child.stop(5_000));
  assert.ok(readFileSync(log, "utf8").startsWith("hello\nhello\n"));
});

test("a killed process is started again as another one", async ({ folder }) => {
  const { child, nth } = supervise(folder, "exec sleep 1000");
  const first = await nth(1);
  process.kill(first.pid, "SIGKILL");
  const second = await nth(2);
  assert.is(second.previousEnd, "SIGKILL");
  assert.is.not(second.pid, first.pid);
  assert.is(child.pid, second.pid);
  await child.stop(5_000);
  assert.throws(() => process.kill(second.pid, 0), /ESRCH/);
});

test("an exit code that says it is hopeless ends the restarts", async ({ folder }) => {
  const { child, failure } = supervise(folder, "exit 2");
  assert.is(await failure, "exit code 2");
  assert.is(child.restarts, 0);
  assert.is(child.pid, null);
  await child.stop(5_000);
});

test("a process that ignores SIGTERM is killed after its grace", async ({ folder }) => {
  const { child, nth } = supervise(
    folder,
    "trap '' TERM; echo ready; while :; do sleep 0.05; done",
  );
  const { pid } = await nth(1);
  const log = join(folder, "child.log");
  while (!readFileSync(log, "utf8").includes("ready")) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.not.ok(await child.stop(100));
  assert.throws(() => process.kill(pid, 0), /ESRCH/);
});

test("a process that is waiting for its restart can be stopped", async ({ folder }) => {
  const { child, nth } = supervise(folder, "exit 1");
  await nth(2);
  assert.ok(await child.stop(5_000));
});

test("the back-off doubles up to ten seconds", () => {
  assert.equal(
    [1, 2, 3, 6, 7, 50].map((restart) => backoffMs(restart)),
    [200, 400, 800, 6_400, 10_000, 10_000],
  );
});

test.run();
