import { existsSync, globSync, readFileSync } from "node:fs";
import { basename, dirname, join, normalize } from "node:path";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { type Folder, cppFolders, folderOf, typescriptFolders } from "./support/import-table.ts";
import { repository } from "./support/shared-data.ts";

const test = suite("tidy");

const typescriptFiles = globSync("{actors,native,ops,schemas,test,bench}/**/*.{ts,mjs}", {
  cwd: repository,
});
const cppFiles = globSync("{native,bench,test}/**/*.{hpp,cpp,h,c}", { cwd: repository });
const read = (file: string): string => readFileSync(join(repository, file), "utf8");

interface Import {
  readonly line: number;
  readonly target: string;
}

function importsOf(text: string, pattern: RegExp): Import[] {
  return text.split("\n").flatMap((line, index) => {
    const found = pattern
      .exec(line)
      ?.slice(1)
      .find((group) => group !== undefined);
    return found === undefined ? [] : [{ line: index + 1, target: found }];
  });
}

const typescriptImport =
  /^\s*(?:import|export)\b.*?from\s+["'](\.[^"']+)["']|^\s*\}\s*from\s+["'](\.[^"']+)["']|\bimport\(\s*["'](\.[^"']+)["']|^\s*import\s+["'](\.[^"']+)["']/;
const cppInclude = /^\s*#\s*include\s+"([^"]+)"/;

function brokenRule(table: readonly Folder[], file: string, target: string): string | null {
  const from = folderOf(table, file);
  if (from === null) return `${file} lies in no folder of the table`;
  if (from.imports === "anything" || target.startsWith("build/")) return null;
  const to = folderOf(table, target);
  if (to === null) return `${target} lies in no folder of the table`;
  if (to === from || from.imports.some((allowed) => target === allowed || to.path === allowed))
    return null;
  return `${from.path} may import ${from.imports.join(", ") || "nothing"}`;
}

test("every TypeScript import follows the one-way table", () => {
  const faults: string[] = [];
  for (const file of typescriptFiles.filter((one) => !one.endsWith(".test.ts"))) {
    for (const { line, target } of importsOf(read(file), typescriptImport)) {
      const broken = brokenRule(typescriptFolders, file, normalize(join(dirname(file), target)));
      if (broken !== null) faults.push(`${file}:${line} imports ${target}: ${broken}`);
    }
  }
  assert.equal(faults, []);
});

test("every C++ include follows the one-way table", () => {
  const faults: string[] = [];
  for (const file of cppFiles.filter(
    (one) => one.startsWith("native/") && !one.endsWith("_test.cpp"),
  )) {
    for (const { line, target } of importsOf(read(file), cppInclude)) {
      const broken = brokenRule(cppFolders, file, join("native", target));
      if (broken !== null) faults.push(`${file}:${line} includes ${target}: ${broken}`);
    }
  }
  assert.equal(faults, []);
});

test("the table itself refuses an import against the direction", () => {
  assert.ok(brokenRule(typescriptFolders, "actors/kernel/a.ts", "actors/market/b.ts"));
  assert.ok(brokenRule(typescriptFolders, "actors/market/a.ts", "actors/risk-limit/b.ts"));
  assert.ok(brokenRule(typescriptFolders, "ops/cli/a.ts", "actors/market/b.ts"));
  assert.ok(brokenRule(cppFolders, "native/engine/a.cpp", "native/journal/b.hpp"));
  assert.ok(brokenRule(cppFolders, "native/engine/a.cpp", "native/engine/abi/b.hpp"));
  assert.is(brokenRule(typescriptFolders, "actors/market/a.ts", "actors/kernel/b.ts"), null);
});

test("relative TypeScript imports name the file with its ending", () => {
  const faults = typescriptFiles.flatMap((file) =>
    importsOf(read(file), typescriptImport)
      .filter(({ target }) => !/\.(ts|tsx|mjs|js|json)$/.test(target))
      .map(({ line, target }) => `${file}:${line} ${target}`),
  );
  assert.equal(faults, []);
});

test("TypeScript files are kebab-case and C++ files snake_case", () => {
  const bad = [
    ...typescriptFiles.filter(
      (file) =>
        !/^[a-z0-9]+(-[a-z0-9]+)*(\.test|\.soak|\.oracles|\.config|\.d)?\.(ts|tsx|mjs)$/.test(
          basename(file),
        ),
    ),
    ...cppFiles.filter((file) => !/^[a-z0-9]+(_[a-z0-9]+)*\.(hpp|cpp|h|c)$/.test(basename(file))),
  ];
  assert.equal(bad, []);
});

test("every actor folder has the same files", () => {
  const faults = typescriptFolders
    .filter((folder) => folder.actor && existsSync(join(repository, folder.path)))
    .flatMap((folder) =>
      [
        "README.md",
        "messages.ts",
        "actor.ts",
        ...["codec", "decide", "machine"].flatMap((name) => [`${name}.ts`, `${name}.test.ts`]),
      ]
        .filter((file) => !existsSync(join(repository, folder.path, file)))
        .map((file) => `${folder.path}/${file} is missing`),
    );
  assert.equal(faults, []);
});

test("codec.ts, or a codec with a name before it, is all of an actor that sees the wire messages", () => {
  const faults = typescriptFolders
    .filter((folder) => folder.actor)
    .flatMap((folder) => globSync(`${folder.path}/**/*.ts`, { cwd: repository }))
    .filter(
      (file) => !/^(?:[a-z-]+-)?codec\.ts$/.test(basename(file)) && !file.endsWith(".test.ts"),
    )
    .filter((file) =>
      importsOf(read(file), typescriptImport).some(({ target }) =>
        target.endsWith("schemas/messages.ts"),
      ),
    );
  assert.equal(faults, []);
});

test("nothing unfinished is left in the sources", () => {
  // Written with classes so that this file does not find itself.
  const unfinished = /\bTO[D]O\b|\bFIX[M]E\b|\bXX[X]\b|\bHAC[K]\b|\bnot (yet )?implemente[d]\b/;
  const faults = [...typescriptFiles, ...cppFiles].flatMap((file) =>
    read(file)
      .split("\n")
      .flatMap((line, index) =>
        unfinished.test(line) ? [`${file}:${index + 1} ${line.trim()}`] : [],
      ),
  );
  assert.equal(faults, []);
});

test("no bare Date.now, new Date or Math.random decides anything in actors", () => {
  const faults = globSync("actors/**/*.ts", { cwd: repository })
    .filter(
      (file) =>
        !file.endsWith(".test.ts") &&
        !file.startsWith("actors/root/") &&
        !basename(file).startsWith("system-"),
    )
    .flatMap((file) =>
      read(file)
        .split("\n")
        .flatMap((line, index) =>
          /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(/.test(line)
            ? [`${file}:${index + 1} ${line.trim()}`]
            : [],
        ),
    );
  assert.equal(faults, []);
});

test.run();
