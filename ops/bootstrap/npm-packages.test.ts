import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { repository } from "../../test/support/shared-data.ts";
import { missingPackages } from "./npm-packages.mjs";

interface Entry {
  readonly version: string;
  readonly integrity: string;
  readonly optional?: boolean;
}

const test = suite("npm packages");

const plain: Entry = { version: "1.0.0", integrity: "sha512-a" };

/** A checkout with a lock file, npm's record of what is installed, and the folders in `present`. */
function checkout(
  wanted: Readonly<Record<string, Entry>>,
  installed: Readonly<Record<string, Entry>> | null,
  present: readonly string[],
): { readonly reason: string | null } {
  const root = mkdtempSync(join(tmpdir(), "meridian-npm-"));
  try {
    writeFileSync(
      join(root, "package-lock.json"),
      JSON.stringify({ packages: { "": {}, ...wanted } }),
    );
    for (const path of present) mkdirSync(join(root, path), { recursive: true });
    if (installed !== null) {
      mkdirSync(join(root, "node_modules"), { recursive: true });
      writeFileSync(
        join(root, "node_modules", ".package-lock.json"),
        JSON.stringify({ packages: installed }),
      );
    }
    return { reason: missingPackages(root) };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

test("a fresh clone needs its packages", () => {
  assert.is(checkout({ "node_modules/a": plain }, null, []).reason, "node_modules is missing");
});

test("installed packages are left alone", () => {
  const { reason } = checkout({ "node_modules/a": plain }, { "node_modules/a": plain }, [
    "node_modules/a",
  ]);
  assert.is(reason, null);
});

test("an optional package of another platform may be absent", () => {
  const wanted = { "node_modules/a": plain, "node_modules/b": { ...plain, optional: true } };
  assert.is(checkout(wanted, { "node_modules/a": plain }, ["node_modules/a"]).reason, null);
});

test("a package of another version is named with both versions", () => {
  const { reason } = checkout(
    { "node_modules/a": { ...plain, version: "1.1.0" } },
    { "node_modules/a": plain },
    ["node_modules/a"],
  );
  assert.is(reason, "node_modules/a is 1.0.0, package-lock.json wants 1.1.0");
});

test("a package whose folder was deleted is missing", () => {
  const { reason } = checkout({ "node_modules/a": plain }, { "node_modules/a": plain }, []);
  assert.is(reason, "node_modules/a is missing");
});

test("the lock file knows every optional package that its packages name", () => {
  // npm ci refuses a lock file without them, also where their platform is another one.
  const lock = JSON.parse(readFileSync(join(repository, "package-lock.json"), "utf8")) as {
    readonly packages: Readonly<
      Record<string, { readonly optionalDependencies?: Readonly<Record<string, string>> }>
    >;
  };
  const unknown = Object.entries(lock.packages).flatMap(([path, entry]) =>
    Object.keys(entry.optionalDependencies ?? {}).filter(
      (name) =>
        lock.packages[`node_modules/${name}`] === undefined &&
        lock.packages[`${path}/node_modules/${name}`] === undefined,
    ),
  );
  assert.equal(unknown, []);
});

test.run();
