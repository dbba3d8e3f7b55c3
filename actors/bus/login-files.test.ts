import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { certificateBeside, certificateFilesOf, loginFrom } from "./login-files.ts";
import { connectionOptions } from "./nats.ts";

const test = suite<{ folder: string }>("files that a user logs in with", { folder: "" });

test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), "meridian-login-"));
});
test.after.each(({ folder }) => {
  rmSync(folder, { recursive: true, force: true });
});

/** The options of a user's connection, whose files say `generation`. */
function write(folder: string, generation: string): void {
  for (const name of ["ca.pem", "operator.nk", "operator.pem", "operator-key.pem"]) {
    writeFileSync(join(folder, name), `${name} ${generation}`);
  }
}
const optionsFrom = (folder: string): ReturnType<typeof connectionOptions> =>
  connectionOptions({
    servers: [],
    user: "operator",
    ...loginFrom(join(folder, "operator.nk"), join(folder, "ca.pem")),
  });

test("certificate and key lie beside the seed", () => {
  assert.equal(certificateFilesOf("/data/users/cell-nk.nk"), {
    certificateFile: "/data/users/cell-nk.pem",
    keyFile: "/data/users/cell-nk-key.pem",
  });
});

test("B9.2 a client shows its certificate, and reads files anew at every handshake", ({
  folder,
}) => {
  write(folder, "1");
  const { tls } = optionsFrom(folder);
  for (const generation of ["1", "2"]) {
    write(folder, generation);
    assert.equal(
      { ...tls },
      {
        ca: `ca.pem ${generation}`,
        cert: `operator.pem ${generation}`,
        key: `operator-key.pem ${generation}`,
      },
    );
  }
});

test("a user without a certificate shows none, and shows one that comes later", ({ folder }) => {
  write(folder, "1");
  rmSync(join(folder, "operator.pem"));
  const { tls } = optionsFrom(folder);
  assert.is(certificateBeside(join(folder, "operator.nk")), null);
  assert.equal({ ...tls }, { ca: "ca.pem 1", cert: "", key: "" });
  write(folder, "2");
  assert.is(tls?.cert, "operator.pem 2");
});

test("a file that cannot be read is told at once, not at the first connect", ({ folder }) => {
  for (const name of ["ca.pem", "operator.nk", "operator-key.pem"]) {
    write(folder, "1");
    rmSync(join(folder, name));
    assert.throws(() => optionsFrom(folder), new RegExp(`ENOENT.*${name}`));
  }
});

test.run();
