import { X509Certificate } from "node:crypto";
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { certificateFilesOf } from "../../actors/bus/login-files.ts";
import {
  checkCertificates,
  ensureCertificates,
  ensureUserCertificates,
  renewCertificate,
  renewUserCertificates,
} from "./certificates.ts";
import { people } from "./roles.ts";
import { type Credentials, ensureSeeds } from "./seeds.ts";

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
  users: readonly Credentials[] = [],
): string => {
  const checked = checkCertificates(certificates, at, users);
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

/** The people of a cluster with certificates, and the authority that has signed them. */
async function usersIn(folder: string): Promise<{
  readonly users: readonly Credentials[];
  readonly made: Awaited<ReturnType<typeof ensureCertificates>>;
}> {
  const made = await ensureCertificates(folder, [], now);
  const users = ensureSeeds(join(folder, "..", "users"), people);
  await ensureUserCertificates(folder, users, now);
  return { users, made };
}

const certificateOf = ({ seedFile }: Credentials): X509Certificate =>
  parse(certificateFilesOf(seedFile).certificateFile);
const fingerprints = (users: readonly Credentials[]): readonly string[] =>
  users.map((user) => certificateOf(user).fingerprint256);

test("B9.2 a user's certificate says who it is, is good for a client only, and its key is the owner's to read", async ({
  folder,
}) => {
  const { users, made } = await usersIn(folder);
  for (const credentials of users) {
    const certificate = certificateOf(credentials);
    assert.is(certificate.subject, `CN=${credentials.user.name}`);
    assert.ok(certificate.checkIssued(parse(made.authorityFile)));
    assert.ok(certificate.verify(parse(made.authorityFile).publicKey));
    assert.not.ok(certificate.ca);
    assert.equal(certificate.keyUsage, ["1.3.6.1.5.5.7.3.2"], "clientAuth");
    for (const file of Object.values(certificateFilesOf(credentials.seedFile))) {
      assert.is(statSync(file).mode & 0o777, 0o600);
    }
  }
  assert.is(faultOf(made, now, users), "");
});

test("B9.2 users' certificates are kept, and made anew when 30 days are left, the key is lost, or the authority is another", async ({
  folder,
}) => {
  const { users } = await usersIn(folder);
  const [observer] = users;
  if (observer === undefined) throw new Error("no user");
  const first = fingerprints(users);
  await ensureUserCertificates(folder, users, now + 300 * day);
  assert.equal(fingerprints(users), first);
  rmSync(certificateFilesOf(observer.seedFile).keyFile);
  await ensureUserCertificates(folder, users, now);
  assert.is.not(fingerprints(users)[0], first[0]);
  assert.equal(fingerprints(users).slice(1), first.slice(1));
  const later = now + 340 * day;
  await ensureUserCertificates(folder, users, later);
  assert.is(fingerprints(users).filter((one) => first.includes(one)).length, 0);
  rmSync(join(folder, "ca.pem"));
  const made = await ensureCertificates(folder, [], later);
  assert.match(faultOf(made, later, users), /observer\.pem: it is not signed by the authority/);
  await ensureUserCertificates(folder, users, later);
  assert.is(faultOf(made, later, users), "");
});

test("a renewal that was interrupted is done again", async ({ folder }) => {
  const { users, made } = await usersIn(folder);
  const [observer, operator] = users.map(({ seedFile }) => certificateFilesOf(seedFile).keyFile);
  writeFileSync(observer ?? "", readFileSync(operator ?? ""));
  assert.match(faultOf(made, now, users), /observer-key\.pem: it is not the key of/);
  await ensureUserCertificates(folder, users, now);
  assert.is(faultOf(made, now, users), "");
});

test("B9.2 all users get new certificates on request, by the same authority", async ({
  folder,
}) => {
  const { users, made } = await usersIn(folder);
  const before = fingerprints(users);
  assert.ok((await renewUserCertificates(folder, users, now)).ok);
  assert.is(fingerprints(users).filter((one) => before.includes(one)).length, 0);
  assert.is(faultOf(made, now, users), "");
});

test("B9.2 users' certificates of somebody else are taken as they are; none is made", async ({
  folder,
}) => {
  const { users, made } = await usersIn(folder);
  const [observer, operator] = users.map(({ seedFile }) => certificateFilesOf(seedFile));
  if (observer === undefined || operator === undefined) throw new Error("no users");
  rmSync(join(folder, "ca-key.pem"));
  rmSync(operator.certificateFile);
  const before = readFileSync(observer.certificateFile);
  await ensureUserCertificates(folder, users, now + 366 * day);
  assert.equal(readFileSync(observer.certificateFile), before);
  assert.not.ok(existsSync(operator.certificateFile));
  assert.match(faultOf(made, now, users), /users\/operator\.pem: it is missing/);
  const renewed = await renewUserCertificates(folder, users, now);
  assert.is(!renewed.ok && renewed.failure.code, "certificate_foreign");
});

test.run();
