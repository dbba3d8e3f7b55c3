import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { type RequestListener, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  type NatsServerOptions,
  floorReplicated,
  gradeVersion,
  locateNatsServer,
  newestTried,
  pinnedVersion,
  platformName,
  releaseChecksums,
  releaseToTry,
  resolveNatsServer,
  serverVersion,
  wheelChecksums,
} from "./nats-server.mjs";

const test = suite<{ folder: string }>("nats-server resolver", { folder: "" });
const platform = "linux-amd64";

test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), "meridian-nats-"));
});
test.after.each((context) => {
  rmSync(context.folder, { recursive: true, force: true });
});

/** A program that answers --version as a nats-server of that version does. */
function imitation(path: string, version: string): string {
  writeFileSync(path, `#!/bin/sh\necho "nats-server: v${version}"\n`);
  chmodSync(path, 0o755);
  return path;
}

/** The release archive of a version, as the project lays it out, with its checksum. */
function archive(folder: string, version: string): { body: Buffer; checksum: string } {
  const name = `nats-server-v${pinnedVersion}-${platform}`;
  const inner = join(folder, "release", name);
  mkdirSync(inner, { recursive: true });
  imitation(join(inner, "nats-server"), version);
  const file = join(folder, "release.tar.gz");
  execFileSync("tar", ["-czf", file, "-C", join(folder, "release"), name]);
  const body = readFileSync(file);
  return { body, checksum: createHash("sha256").update(body).digest("hex") };
}

interface Attempted {
  readonly resolved: Awaited<ReturnType<typeof resolveNatsServer>>;
  readonly paths: readonly string[];
}

/** Resolves against a local server; only the release source is allowed. */
async function resolveFrom(
  folder: string,
  listener: RequestListener,
  options: NatsServerOptions,
): Promise<Attempted> {
  const paths: string[] = [];
  const server = createServer((request, response) => {
    paths.push(request.url ?? "");
    listener(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  try {
    const resolved = await resolveNatsServer({
      env: { PATH: process.env["PATH"] },
      searchPath: "",
      cacheDirectory: join(folder, "cache"),
      platform,
      releaseUrl: `http://127.0.0.1:${port}/releases/download`,
      sources: ["release"],
      connectTimeoutMs: 300,
      stallTimeoutMs: 300,
      say: () => undefined,
      ...options,
    });
    return { resolved, paths };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

function whyNot(attempted: Attempted): string {
  return attempted.resolved.attempts.map((attempt) => attempt.why).join("; ");
}

function assertNothingLanded(folder: string): void {
  const cache = join(folder, "cache", pinnedVersion);
  assert.equal(existsSync(cache) ? readdirSync(cache) : [], []);
}

test("a good release archive lands in the cache, and the next search finds it there", async ({
  folder,
}) => {
  const { body, checksum } = archive(folder, pinnedVersion);
  const attempted = await resolveFrom(folder, (_request, response) => response.end(body), {
    releaseChecksums: { [platform]: checksum },
  });
  assert.equal(attempted.paths, [
    `/releases/download/v${pinnedVersion}/nats-server-v${pinnedVersion}-${platform}.tar.gz`,
  ]);
  assert.ok(attempted.resolved.ok, whyNot(attempted));
  const path = join(folder, "cache", pinnedVersion, "nats-server");
  assert.is(attempted.resolved.ok && attempted.resolved.server.path, path);
  assert.is(statSync(path).mode & 0o777, 0o755);
  assert.equal(readdirSync(join(folder, "cache", pinnedVersion)), ["nats-server"]);
  const again = await locateNatsServer({
    env: {},
    searchPath: "",
    cacheDirectory: join(folder, "cache"),
  });
  assert.is(again.server?.source, "cache");
  assert.is(again.server?.grade, "replicated");
});

test("a redirect of the release server is followed", async ({ folder }) => {
  const { body, checksum } = archive(folder, pinnedVersion);
  const attempted = await resolveFrom(
    folder,
    (request, response) => {
      if (request.url === "/stored") response.end(body);
      else response.writeHead(302, { location: "/stored" }).end();
    },
    { releaseChecksums: { [platform]: checksum } },
  );
  assert.ok(attempted.resolved.ok, whyNot(attempted));
});

test("an archive with a wrong checksum is refused, with both sums and the next step", async ({
  folder,
}) => {
  const { body, checksum } = archive(folder, pinnedVersion);
  const attempted = await resolveFrom(folder, (_request, response) => response.end(body), {});
  assert.not.ok(attempted.resolved.ok);
  assert.match(whyNot(attempted), checksum);
  assert.match(whyNot(attempted), releaseChecksums[platform] ?? "absent");
  assert.match(attempted.resolved.attempts[0]?.next ?? "", "MERIDIAN_NATS_RELEASE_URL");
  assertNothingLanded(folder);
});

test("an archive that ends early is refused", async ({ folder }) => {
  const { body, checksum } = archive(folder, pinnedVersion);
  const attempted = await resolveFrom(
    folder,
    (_request, response) => {
      response.writeHead(200, { "content-length": body.length });
      response.write(body.subarray(0, body.length >> 1), () => response.destroy());
    },
    { releaseChecksums: { [platform]: checksum } },
  );
  assert.not.ok(attempted.resolved.ok);
  assertNothingLanded(folder);
});

test("a status other than 200 is named", async ({ folder }) => {
  const attempted = await resolveFrom(
    folder,
    (_request, response) => response.writeHead(404).end("not here"),
    {},
  );
  assert.not.ok(attempted.resolved.ok);
  assert.match(whyNot(attempted), "HTTP status 404");
  assertNothingLanded(folder);
});

test("a server that never answers is given up", async ({ folder }) => {
  const attempted = await resolveFrom(folder, () => undefined, {});
  assert.not.ok(attempted.resolved.ok);
  assert.match(whyNot(attempted), "no answer within 0.3 s");
});

test("a server that stops in the middle is given up", async ({ folder }) => {
  const { body, checksum } = archive(folder, pinnedVersion);
  const attempted = await resolveFrom(
    folder,
    (_request, response) => {
      response.writeHead(200, { "content-length": body.length });
      response.write(body.subarray(0, 10));
    },
    { releaseChecksums: { [platform]: checksum } },
  );
  assert.not.ok(attempted.resolved.ok);
  assert.match(whyNot(attempted), "nothing came for 0.3 s");
  assertNothingLanded(folder);
});

test("an archive whose program reports another version is refused", async ({ folder }) => {
  const { body, checksum } = archive(folder, "2.9.10");
  const attempted = await resolveFrom(folder, (_request, response) => response.end(body), {
    releaseChecksums: { [platform]: checksum },
  });
  assert.not.ok(attempted.resolved.ok);
  assert.match(whyNot(attempted), "reports version 2.9.10");
  assertNothingLanded(folder);
});

test("a platform without a pinned archive is named and nothing is asked for", async ({
  folder,
}) => {
  const attempted = await resolveFrom(folder, (_request, response) => response.end(), {
    platform: "linux-s390x",
  });
  assert.equal(attempted.paths, []);
  assert.match(whyNot(attempted), "no pinned archive for linux-s390x");
});

test("a $NATS_SERVER that is too old is refused with the reason and the next step", async ({
  folder,
}) => {
  const old = imitation(join(folder, "old"), "2.9.10");
  const attempted = await resolveFrom(
    folder,
    (_request, response) => response.writeHead(404).end(),
    { env: { NATS_SERVER: old, PATH: process.env["PATH"] } },
  );
  const [refusal] = attempted.resolved.attempts;
  assert.is(refusal?.source, "$NATS_SERVER");
  assert.match(refusal?.why ?? "", "version 2.9.10 is older than 2.10.23");
  assert.match(refusal?.next ?? "", "nats-server >= 2.12.3");
  assert.is(attempted.paths.length, 1, "the next source is tried");
});

test("a $NATS_SERVER that is no nats-server is refused", async ({ folder }) => {
  const attempted = await resolveFrom(
    folder,
    (_request, response) => response.writeHead(404).end(),
    { env: { NATS_SERVER: "/bin/true", PATH: process.env["PATH"] } },
  );
  assert.match(attempted.resolved.attempts[0]?.why ?? "", "does not answer --version");
});

test("a $NATS_SERVER that serves up to durable is used, as the user asked", async ({ folder }) => {
  const middle = imitation(join(folder, "middle"), "2.10.29");
  const attempted = await resolveFrom(folder, (_request, response) => response.end(), {
    env: { NATS_SERVER: middle },
  });
  assert.ok(attempted.resolved.ok);
  assert.is(attempted.resolved.ok && attempted.resolved.server.grade, "durable");
  assert.equal(attempted.paths, []);
});

test("a server on PATH that serves up to durable gives way to the pinned one", async ({
  folder,
}) => {
  const { body, checksum } = archive(folder, pinnedVersion);
  mkdirSync(join(folder, "bin"));
  const middle = imitation(join(folder, "bin", "nats-server"), "2.10.29");
  const options = { searchPath: join(folder, "bin"), releaseChecksums: { [platform]: checksum } };
  const missing = await resolveFrom(
    folder,
    (_request, response) => response.writeHead(404).end(),
    options,
  );
  assert.is(missing.resolved.ok && missing.resolved.server.path, middle);
  const fetched = await resolveFrom(folder, (_request, response) => response.end(body), options);
  assert.is(fetched.resolved.ok && fetched.resolved.server.version, pinnedVersion);
});

test("a release to try is the one in the cache, or the reason and the place where to put it", async ({
  folder,
}) => {
  const cacheDirectory = join(folder, "cache");
  const placed = (release: string, version: string): string => {
    mkdirSync(join(cacheDirectory, release), { recursive: true });
    return imitation(join(cacheDirectory, release, "nats-server"), version);
  };
  const path = placed(floorReplicated, floorReplicated);
  assert.equal(await releaseToTry(floorReplicated, { cacheDirectory }), { path });
  placed(newestTried, "2.9.10");
  const other = await releaseToTry(newestTried, { cacheDirectory });
  assert.match(other.path === undefined ? other.why : "", "nats-server is 2.9.10");
  const absent = await releaseToTry("2.99.0", { cacheDirectory, env: { PATH: folder } });
  assert.equal(absent, {
    why: "Go is not installed",
    next: `put nats-server 2.99.0 at ${join(cacheDirectory, "2.99.0", "nats-server")}`,
  });
});

test("versions are graded at the two floors", () => {
  assert.is(gradeVersion("2.9.10"), "refused");
  assert.is(gradeVersion("2.10.22"), "refused");
  assert.is(gradeVersion("2.10.23"), "durable");
  assert.is(gradeVersion("2.12.2"), "durable");
  assert.is(gradeVersion("2.12.3"), "replicated");
  assert.is(gradeVersion("2.15.0"), "replicated");
  assert.is(gradeVersion("3.0.0"), "replicated");
});

test("every pinned checksum is a SHA-256", () => {
  const sums = [...Object.values(releaseChecksums), ...Object.values(wheelChecksums)];
  assert.is(sums.length, 4);
  for (const sum of sums) assert.match(sum, /^[0-9a-f]{64}$/);
});

test("this machine has a good nats-server after set-up", async () => {
  const { server } = await locateNatsServer();
  assert.ok(server, "run: node ops/bootstrap.mjs");
  assert.is(await serverVersion(server?.path ?? ""), server?.version);
  assert.match(platformName(), /^linux-/);
});

test.run();
