import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { locateNatsServer } from "../../ops/bootstrap/nats-server.mjs";
import { repository } from "../support/shared-data.ts";
import { testUnless } from "../support/skip.ts";

const test = suite<{ folder: string }>("set-up", { folder: "" });

const copying = { recursive: true, preserveTimestamps: true };

/** A checkout with what set-up reads, and a PATH on which there are no build tools and no apt. */
test.before.each((context) => {
  const folder = mkdtempSync(join(tmpdir(), "meridian-set-up-"));
  context.folder = folder;
  const needed = ["actors/kernel", "ops", "schemas", "native", "package.json", "package-lock.json"];
  for (const name of needed) {
    cpSync(join(repository, name), join(folder, name), copying);
  }
  // As it was built here: building it again is not what these tests are about.
  const page = join("build", "console");
  if (existsSync(join(repository, page))) {
    cpSync(join(repository, page), join(folder, page), copying);
  }
  symlinkSync(join(repository, "node_modules"), join(folder, "node_modules"));
  mkdirSync(join(folder, "bin"));
  symlinkSync(process.execPath, join(folder, "bin", "node"));
});
test.after.each((context) => {
  rmSync(context.folder, { recursive: true, force: true });
});

interface Outcome {
  readonly status: number | null;
  readonly text: string;
}

async function setUp(
  folder: string,
  env: NodeJS.ProcessEnv,
  args: readonly string[] = [],
): Promise<Outcome> {
  const child = spawn(process.execPath, [join(folder, "ops", "bootstrap.mjs"), ...args], {
    cwd: folder,
    env: { PATH: join(folder, "bin"), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      text += chunk.toString("utf8");
    });
  }
  await once(child, "close");
  return { status: child.exitCode, text };
}

async function natsServer(): Promise<string> {
  const { server } = await locateNatsServer();
  assert.ok(server, "run: node ops/bootstrap.mjs");
  return server?.path ?? "";
}

test("without a compiler set-up prints the line to type and goes on with the portable engine", async ({
  folder,
}) => {
  const env = { NATS_SERVER: await natsServer() };
  const first = await setUp(folder, env);
  assert.is(first.status, 0, first.text);
  assert.match(
    first.text,
    /sudo apt-get install -y --no-install-recommends g\+\+ cmake ninja-build/,
  );
  assert.match(first.text, "portable engine");
  assert.match(first.text, "schemas: generated");
  assert.ok(existsSync(join(folder, "build", "schemas", "messages.js")));

  const second = await setUp(folder, env);
  assert.is(second.status, 0, second.text);
  assert.not.match(second.text, "schemas: generated");
  assert.not.match(second.text, "npm ci");
  assert.not.ok(existsSync(join(folder, "build", "set-up.lock")));
});

const builtAddon = join("build", "native", "release", "addon", "meridian.node");
const builtStamp = join("build", "native", "release", "sources.sha256");
const missingAddon = existsSync(join(repository, builtAddon))
  ? null
  : "the addon is not built: node ops/bootstrap.mjs";

testUnless(
  test,
  missingAddon,
  "an addon that is built runs without a compiler, and only while it is of these sources",
  async ({ folder }) => {
    for (const name of [builtAddon, builtStamp]) {
      cpSync(join(repository, name), join(folder, name), copying);
    }
    const env = { NATS_SERVER: await natsServer() };
    const built = await setUp(folder, env);
    assert.is(built.status, 0, built.text);
    assert.not.match(built.text, /portable engine|apt/);

    appendFileSync(join(folder, "native", "engine", "market.hpp"), "// another release\n");
    const changed = await setUp(folder, env);
    assert.is(changed.status, 0, changed.text);
    assert.match(changed.text, "portable engine");
    assert.not.ok(existsSync(join(folder, builtAddon)), "the old one is not run by mistake");
  },
);

test("a second set-up takes seconds", async ({ folder }) => {
  const env = { NATS_SERVER: await natsServer() };
  await setUp(folder, env);
  const start = performance.now();
  assert.is((await setUp(folder, env)).status, 0);
  const took = performance.now() - start;
  assert.ok(took < 10_000, `${Math.round(took)} ms`);
});

test("a set-up that was killed does not keep the next one waiting", async ({ folder }) => {
  mkdirSync(join(folder, "build"), { recursive: true });
  writeFileSync(join(folder, "build", "set-up.lock"), "999999999");
  const result = await setUp(folder, { NATS_SERVER: await natsServer() });
  assert.is(result.status, 0, result.text);
});

test("a machine that reaches no nats-server learns what was tried and what to type", async ({
  folder,
}) => {
  const server = createServer((_request, response) => response.writeHead(404).end());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  try {
    const result = await setUp(folder, { MERIDIAN_NATS_RELEASE_URL: `http://127.0.0.1:${port}` });
    // A nats-server of the system may be found beside PATH; then there is nothing to learn.
    if (result.text.includes("no nats-server could be found or fetched")) {
      assert.is(result.status, 1);
      for (const expected of ["HTTP status 404", "Go is not installed", "pip is not installed"]) {
        assert.match(result.text, expected);
      }
      assert.match(result.text, /next: NATS_SERVER=/);
    } else {
      assert.is(result.status, 0, result.text);
    }
  } finally {
    server.close();
  }
});

test("an unknown purpose is a usage fault", async ({ folder }) => {
  const result = await setUp(folder, {}, ["--for=fun"]);
  assert.is(result.status, 2);
  assert.match(result.text, /^usage: /);
});

test.run();
