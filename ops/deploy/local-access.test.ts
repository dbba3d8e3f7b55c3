import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { clientGrantsSchema, edgeAccessSchema } from "../../schemas/configuration.ts";
import { ensureEdges, ensureLocalAccess, localAccount } from "./local-access.ts";
import { defaultCredentials } from "./production.ts";

const test = suite("access of the one who starts a cluster");

test("B2.1 secrets are made once, differ between clusters, and are their owner's to read", () => {
  const folders = ["a", "b"].map((name) => mkdtempSync(join(tmpdir(), `access-${name}-`)));
  try {
    const secrets = folders.map((folder) => {
      const clients = ensureLocalAccess(folder, "home", "demo");
      const { accessFile } = ensureEdges(folder, "127.0.0.1", "demo");
      const files = [clients?.grantsFile ?? "", accessFile];
      const texts = files.map((file) => readFileSync(file, "utf8"));
      for (const file of files) assert.is(statSync(file).mode & 0o777, 0o600);
      ensureLocalAccess(folder, "home", "demo");
      ensureEdges(folder, "127.0.0.1", "demo");
      assert.equal(
        files.map((file) => readFileSync(file, "utf8")),
        texts,
      );
      const [grant] = clientGrantsSchema.parse(JSON.parse(texts[0] ?? "")).grants;
      const [member] = edgeAccessSchema.parse(JSON.parse(texts[1] ?? "")).members;
      assert.equal([grant?.account, grant?.permissions], [localAccount, []]);
      return [grant?.token, member?.password, member?.session];
    });
    for (const index of [0, 1, 2]) assert.is.not(secrets[0]?.[index], secrets[1]?.[index]);
  } finally {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  }
});

test("B2.1 in production nobody is let in by default", () => {
  const folder = mkdtempSync(join(tmpdir(), "access-"));
  const clients = ensureLocalAccess(folder, "home", "production");
  const { accessFile } = ensureEdges(folder, "127.0.0.1", "production");
  const read = (file: string): unknown => JSON.parse(readFileSync(file, "utf8"));
  assert.equal(clientGrantsSchema.parse(read(clients?.grantsFile ?? "")).grants, []);
  assert.equal(edgeAccessSchema.parse(read(accessFile)), { members: [], subscribers: [] });
  assert.equal(defaultCredentials(folder), []);
  rmSync(folder, { recursive: true, force: true });
});

test("a data folder too deep for a socket has no shared memory", () => {
  const folder = mkdtempSync(join(tmpdir(), "access-"));
  const deep = join(folder, "x".repeat(80));
  mkdirSync(deep);
  assert.is(ensureLocalAccess(deep, "home", "demo"), null);
  rmSync(folder, { recursive: true, force: true });
});

test.run();
