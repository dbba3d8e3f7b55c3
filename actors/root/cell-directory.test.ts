import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { openCellDirectory } from "./cell-directory.ts";

const test = suite("cell directory");
const module = new URL("./cell-directory.ts", import.meta.url).href;
let folder = "";

test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "meridian-cell-"));
});
test.after.each(() => rmSync(folder, { recursive: true, force: true }));

function opened() {
  const directory = openCellDirectory(folder);
  if (!directory.ok) throw new Error(directory.failure.reason);
  return directory.value;
}

const open = `const d = (await import(${JSON.stringify(module)})).openCellDirectory(process.argv[1]);`;

test("identity and incarnation are found again", () => {
  const first = opened();
  assert.is(first.recordedIncarnation(), 0);
  first.persistIncarnation(7);
  first.release();
  const second = opened();
  assert.is(second.node, first.node);
  assert.is(second.recordedIncarnation(), 7);
  second.release();
});

test("a second process is refused while the first one lives", () => {
  const first = opened();
  const said = execFileSync(
    process.execPath,
    ["-e", `${open} console.log(d.ok, d.failure?.code)`, folder],
    { encoding: "utf8" },
  );
  assert.is(said.trim(), "false locked");
  first.release();
});

test("a killed process leaves no lock behind", async () => {
  const child = spawn(
    process.execPath,
    ["-e", `${open} console.log(d.ok); setInterval(() => {}, 1000)`, folder],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const [said] = await once(child.stdout, "data");
  assert.is(String(said).trim(), "true");
  assert.is(openCellDirectory(folder).ok, false);
  child.kill("SIGKILL");
  await once(child, "exit");
  opened().release();
});

test("a file that holds something else is refused, not overwritten", () => {
  opened().release();
  writeFileSync(join(folder, "incarnation"), "seven");
  const found = openCellDirectory(folder);
  assert.is(found.ok ? "" : found.failure.code, "damaged");
  assert.match(found.ok ? "" : found.failure.reason, /incarnation/);
  assert.is(readFileSync(join(folder, "incarnation"), "utf8"), "seven");
});

test.run();
