import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { launcherOptions } from "../../test/support/launched-cluster.ts";
import { regionOf } from "../../test/support/regions.ts";
import { profileToStart } from "./cluster-record.ts";
import { Launcher } from "./launcher.ts";
import { ensureEdges, ensureLocalAccess } from "./local-access.ts";
import { type ProductionStart, checkProduction } from "./production.ts";

const test = suite<{ folder: string }>("the production profile", { folder: "" });

test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), "meridian-production-"));
});
test.after.each((context) => {
  rmSync(context.folder, { recursive: true, force: true });
});

const declared = ["north", "south", "west"].map((name) =>
  regionOf(name, {
    profile: "eu-mifir",
    residency: { events: [name], positions: ["north", "south", "west"] },
  }),
);

const start = (folder: string, changes: Partial<ProductionStart> = {}): ProductionStart => ({
  dataDirectory: folder,
  regions: declared,
  engine: "native",
  flow: false,
  strongestMode: "replicated",
  serverVersion: "2.15.0",
  ...changes,
});

/** What is wrong, and what to do. */
function objections(asked: ProductionStart): readonly [string, string] {
  const checked = checkProduction(asked);
  if (checked.ok) return ["", ""];
  assert.is(checked.failure.code, "not_for_production");
  return [checked.failure.reason, checked.failure.next];
}

test("B9.2 it starts with nothing that development is started with, and says so all at once", ({
  folder,
}) => {
  assert.equal(objections(start(folder)), ["", ""]);
  const [what, next] = objections(
    start(folder, {
      flow: true,
      engine: "portable",
      strongestMode: "durable",
      serverVersion: "2.11.9",
      regions: declared.slice(1),
    }),
  );
  assert.match(what, /background flow trades by itself; the portable engine is a slow twin/);
  assert.match(what, /2 regions keep fewer copies of a journal than 3/);
  assert.match(what, /nats-server 2\.11\.9 allows no replicated market/);
  assert.match(next, /leave out --flow on; leave out --engine portable; start 3 regions/);
});

test("B9.2 a region has to name its regulatory profile and where its data may be kept", ({
  folder,
}) => {
  const [what, next] = objections(
    start(folder, { regions: [...declared.slice(1), regionOf("north")] }),
  );
  assert.match(what, /north has no regulatory profile; north does not say where/);
  assert.match(next, /profile in regions\/north\/region\.toml/);
});

test("B2.1 keys, tokens and configurations that others may read are refused by name", ({
  folder,
}) => {
  for (const [name, file] of [
    ["users", "operator.nk"],
    ["tls", "ca-key.pem"],
    ["nats", "encryption.json"],
  ] as const) {
    mkdirSync(join(folder, name), { mode: 0o700 });
    writeFileSync(join(folder, name, file), "secret", { mode: 0o600 });
  }
  assert.equal(objections(start(folder)), ["", ""]);
  const key = join(folder, "tls", "ca-key.pem");
  chmodSync(key, 0o640);
  assert.equal(objections(start(folder)), [
    `${key} is open to other users (mode 640)`,
    `chmod go= ${key}`,
  ]);
  chmodSync(key, 0o600);
  chmodSync(folder, 0o755);
  assert.match(objections(start(folder))[0], /is open to other users \(mode 755\)/);
});

test("B2.1 access that the demo profile gives by default is refused", ({ folder }) => {
  ensureLocalAccess(folder, "north", "demo");
  ensureEdges(folder, "127.0.0.1", "demo");
  const [what] = objections(start(folder));
  assert.match(what, /local is a default member/);
  assert.match(what, /account 1001 is granted by default/);
});

test("a data folder keeps its profile", () => {
  const recorded = { topology: "compact", regions: ["north"] } as const;
  const choose = (wish: "demo" | "production" | null, profile?: "production") =>
    profileToStart(wish, {
      ...recorded,
      regions: [...recorded.regions],
      ...(profile === undefined ? {} : { profile }),
    });
  assert.equal(profileToStart(null, null), { ok: true, value: "demo" });
  assert.equal(choose(null, "production"), { ok: true, value: "production" });
  for (const refused of [choose("production"), choose("demo", "production")]) {
    assert.is(!refused.ok && refused.failure.code, "profile_differs");
  }
});

test("B9.2 the launcher refuses before it starts or writes anything", async ({ folder }) => {
  const data = join(folder, "data");
  const options = { profile: "production", flow: { enabled: true, seed: 1, rate: 1 } } as const;
  const started = await new Launcher(launcherOptions(data, options)).start();
  assert.is(!started.ok && started.failure.code, "not_for_production");
  assert.not.ok(existsSync(data), "there is no data folder");
});

test.run();
