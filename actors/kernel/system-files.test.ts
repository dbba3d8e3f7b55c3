import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { SystemFiles } from "./system-files.ts";

const test = suite("system files");

test("of many who replace one file at once the last one's content stays, and nobody fails", async () => {
  const folder = mkdtempSync(join(tmpdir(), "meridian-files-"));
  try {
    const files = new SystemFiles();
    const path = join(folder, "below", "accepted.json");
    const contents = Array.from({ length: 20 }, (_, at) => `content ${at}`);
    await Promise.all(contents.map((text) => files.replace(path, Buffer.from(text))));
    assert.is(readFileSync(path, "utf8"), "content 19");
    assert.equal(readdirSync(join(folder, "below")), ["accepted.json"]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a replacement that fails does not keep the next one from the file", async () => {
  const folder = mkdtempSync(join(tmpdir(), "meridian-files-"));
  try {
    const files = new SystemFiles();
    const path = join(folder, "root");
    await files.replace(join(path, "is-a-folder"), Buffer.from("x"));
    const failed = files.replace(path, Buffer.from("never")).then(
      () => "",
      (cause: unknown) => String(cause),
    );
    const again = files.replace(join(path, "other"), Buffer.from("fine"));
    assert.match(await failed, /EISDIR|ENOTEMPTY|EEXIST/);
    await again;
    assert.is(readFileSync(join(path, "other"), "utf8"), "fine");
    const second = files.replace(path, Buffer.from("never")).catch(() => "refused");
    assert.is(await second, "refused");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test.run();
