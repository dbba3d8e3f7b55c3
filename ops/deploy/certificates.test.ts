import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { checkCertificates, ensureCertificates, renewCertificate } from "./certificates.ts";

const test = suite<{ folder: string }>("certificates", { folder: "" });
const day = 86_400_000;
const now = Date.now();

test.before.each((context) => {
  context.folder = join(mkdtempSync(join(tmpdir(), "meridian-tls-")), "tls");
});
test.after.each((context) => {
  rmSync(join(context.folder, ".."), { recursive: true, force: true });
});

const parse = (path: string): X509Certificate => new X509Certificate(readFileSync(path));

test("a server's certificate is signed by the cluster's authority and names loopback", async ({
  folder,
}) => {
  const made = await ensureCertificates(folder, ["north"], now);
  const authority = parse(made.authorityFile);
  const server = parse(made.servers["north"]?.certificateFile ?? "");
  assert.ok(authority.ca);
  assert.not.ok(server.ca);
  assert.ok(server.verify(authority.publicKey));
  assert.ok(server.checkIssued(authority));
  assert.is(server.checkIP("127.0.0.1"), "127.0.0.1");
  assert.is(server.checkHost("localhost"), "localhost");
  assert.is(server.checkHost("example.org"), undefined);
});

test("only the owner can read keys", async ({ folder }) => {
  await ensureCertificates(folder, ["north", "south"], now);
  assert.is(statSync(folder).mode & 0o777, 0o700);
  const keys = readdirSync(folder).filter((name) => name.endsWith("-key.pem"));
  assert.is(keys.length, 3);
  for (const name of keys) assert.is(statSync(join(folder, name)).mode & 0o777, 0o600);
});

test("a second start keeps the certificates, a new region gets one of the same authority", async ({
  folder,
}) => {
  const first = await ensureCertificates(folder, ["north"], now);
  const before = readFileSync(first.servers["north"]?.certificateFile ?? "", "utf8");
  const second = await ensureCertificates(folder, ["north", "south"], now);
  assert.is(readFileSync(second.servers["north"]?.certificateFile ?? "", "utf8"), before);
  const south = parse(second.servers["south"]?.certificateFile ?? "");
  assert.ok(south.verify(parse(second.authorityFile).publicKey));
});

test("a certificate about to expire is made anew, the authority stays", async ({ folder }) => {
  const first = await ensureCertificates(folder, ["north"], now);
  const file = first.servers["north"]?.certificateFile ?? "";
  const authority = readFileSync(first.authorityFile, "utf8");
  const before = readFileSync(file, "utf8");
  await ensureCertificates(folder, ["north"], now + 300 * day);
  assert.is(readFileSync(file, "utf8"), before);
  await ensureCertificates(folder, ["north"], now + 340 * day);
  assert.is.not(readFileSync(file, "utf8"), before);
  assert.is(readFileSync(first.authorityFile, "utf8"), authority);
});

test("a damaged authority is replaced together with what it signed", async ({ folder }) => {
  const first = await ensureCertificates(folder, ["north"], now);
  writeFileSync(first.authorityFile, "garbage");
  const second = await ensureCertificates(folder, ["north"], now);
  const server = parse(second.servers["north"]?.certificateFile ?? "");
  assert.ok(server.verify(parse(second.authorityFile).publicKey));
});

/** Why the servers would not be started. */
const faultOf = (
  certificates: Awaited<ReturnType<typeof ensureCertificates>>,
  at = now,
): string => {
  const checked = checkCertificates(certificates, at);
  return checked.ok ? "" : `${checked.failure.code}: ${checked.failure.reason}`;
};

test("an expired certificate and one that is not valid yet are refused with the reason", async ({
  folder,
}) => {
  const made = await ensureCertificates(folder, ["north"], now);
  assert.is(faultOf(made), "");
  assert.match(
    faultOf(made, now + 366 * day),
    /certificate_invalid: .*north\.pem: it has expired on/,
  );
  assert.match(faultOf(made, now - 2 * day), /north\.pem: it is not valid before/);
});

test("a certificate of another authority, and a key of another certificate, are refused", async ({
  folder,
}) => {
  const made = await ensureCertificates(folder, ["north", "south"], now);
  const other = await ensureCertificates(join(folder, "other"), ["north"], now);
  const { north, south } = made.servers;
  if (north === undefined || south === undefined) throw new Error("no certificates");
  const own = readFileSync(north.certificateFile);
  writeFileSync(north.certificateFile, readFileSync(other.servers["north"]?.certificateFile ?? ""));
  assert.match(faultOf(made), /north\.pem: it is not signed by the authority/);
  writeFileSync(north.certificateFile, own);
  writeFileSync(south.keyFile, readFileSync(north.keyFile));
  assert.match(faultOf(made), /south-key\.pem: it is not the key of .*south\.pem/);
});

test("certificates of somebody else are taken as they are, and never made anew", async ({
  folder,
}) => {
  const made = await ensureCertificates(folder, ["north"], now);
  rmSync(join(folder, "ca-key.pem"));
  const before = readFileSync(made.servers["north"]?.certificateFile ?? "");
  const later = await ensureCertificates(folder, ["north", "south"], now + 366 * day);
  assert.equal(readFileSync(made.servers["north"]?.certificateFile ?? ""), before);
  assert.match(faultOf(later), /south\.pem: it is missing/);
  const renewed = await renewCertificate(folder, "north", now);
  assert.is(!renewed.ok && renewed.failure.code, "certificate_foreign");
});

test("a certificate is made anew on request, by the same authority", async ({ folder }) => {
  const made = await ensureCertificates(folder, ["north"], now);
  const file = made.servers["north"]?.certificateFile ?? "";
  const before = parse(file).fingerprint256;
  assert.ok((await renewCertificate(folder, "north", now)).ok);
  assert.is.not(parse(file).fingerprint256, before);
  assert.is(faultOf(made), "");
});

test.run();
