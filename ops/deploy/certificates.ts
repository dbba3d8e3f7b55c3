import "reflect-metadata";

import { createPrivateKey, X509Certificate as NodeCertificate } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";

import { type CertificateFiles, certificateFilesOf } from "../../actors/bus/login-files.ts";
import { type Result, ok, refuse } from "../../actors/kernel/result.ts";
import {
  type Authority,
  algorithm,
  authorityFile,
  dayMs,
  isForeign,
  newAuthority,
  newKeys,
  privateKeyPem,
  renewBefore,
  serialNumber,
  signWith,
  signingAuthority,
  trust,
  trustedAuthorities,
} from "./authority.ts";
import type { Credentials } from "./seeds.ts";
import { writeWhole } from "./whole-file.ts";

const certificateLife = 365 * dayMs;

/** Certificates of a cluster's servers, and the authority of its own. */
export interface Certificates {
  readonly authorityFile: string;
  /** By server name. */
  readonly servers: Readonly<Record<string, CertificateFiles>>;
}

function expiresSoon(certificate: X509Certificate, now: number): boolean {
  return certificate.notAfter.getTime() < now + renewBefore;
}

function readCertificate(path: string): X509Certificate | null {
  if (!existsSync(path)) return null;
  try {
    return new X509Certificate(readFileSync(path, "utf8"));
  } catch {
    // An unreadable certificate is as good as none: it is made anew.
    return null;
  }
}

/**
 * The authority that signs. One that ends soon is replaced only where no server runs: those that do would be
 * left with certificates that their peers do not know.
 */
async function authority(
  folder: string,
  now: number,
  running: boolean,
): Promise<Authority & { readonly fresh: boolean }> {
  const stored = await signingAuthority(folder);
  if (stored !== null && (running || !expiresSoon(stored.certificate, now))) {
    return { ...stored, fresh: false };
  }
  const made = await newAuthority(now);
  signWith(folder, made.key);
  trust(folder, [made.authority.certificate.toString("pem")]);
  return { ...made.authority, fresh: true };
}

const filesOf = (folder: string, name: string): CertificateFiles => ({
  certificateFile: join(folder, `${name}.pem`),
  keyFile: join(folder, `${name}-key.pem`),
});

/** Whether a certificate need not be made: it lasts, this authority has signed it, and its key is there. */
async function isSound(files: CertificateFiles, issuer: Authority, now: number): Promise<boolean> {
  const stored = readCertificate(files.certificateFile);
  return (
    stored !== null &&
    !expiresSoon(stored, now) &&
    (await stored.verify({ publicKey: issuer.certificate, signatureOnly: true })) &&
    // An interrupted renewal leaves the new key beside the old certificate.
    hasKey(new NodeCertificate(stored.toString("pem")), files.keyFile)
  );
}

/** Makes a certificate of some name and its key, PEM. */
type Make = (
  name: string,
  issuer: Authority,
  now: number,
) => Promise<{ readonly certificate: string; readonly key: string }>;

async function write(
  make: Make,
  files: CertificateFiles,
  ...of: Parameters<Make>
): Promise<CertificateFiles> {
  const made = await make(...of);
  writeWhole(files.keyFile, made.key);
  writeWhole(files.certificateFile, made.certificate);
  return files;
}

/** A certificate of a server and its key, PEM; both ends of a route show it. */
export const makeServerCertificate: Make = (name, issuer, now) =>
  sign(name, issuer, now, [
    // Servers are clients of each other on routes.
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
    new SubjectAlternativeNameExtension([
      { type: "dns", value: name },
      { type: "dns", value: "localhost" },
      { type: "ip", value: "127.0.0.1" },
    ]),
  ]);

const makeClientCertificate: Make = (name, issuer, now) =>
  sign(name, issuer, now, [new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth])]);

async function sign(
  name: string,
  issuer: Authority,
  now: number,
  usage: readonly Extension[],
): ReturnType<Make> {
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: `CN=${name}`,
    issuer: issuer.certificate.subject,
    notBefore: new Date(now - dayMs),
    notAfter: new Date(now + certificateLife),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey: issuer.privateKey,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      ...usage,
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    certificate: `${certificate.toString("pem")}\n`,
    key: await privateKeyPem(keys.privateKey),
  };
}

/**
 * The certificates in `folder`, made at the first call and again when 30 days or less are left. Keys
 * are files of mode 0600. `now` is in Unix milliseconds; `running`: servers use the folder. Where the key of
 * the authority is missing the certificates are somebody else's: they are taken as they are.
 */
export async function ensureCertificates(
  folder: string,
  serverNames: readonly string[],
  now: number,
  running = false,
): Promise<Certificates> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const trusted = authorityFile(folder);
  if (isForeign(folder)) {
    const files = serverNames.map((name) => [name, filesOf(folder, name)] as const);
    return { authorityFile: trusted, servers: Object.fromEntries(files) };
  }
  const issuer = await authority(folder, now, running);
  const servers: Record<string, CertificateFiles> = {};
  for (const name of serverNames) {
    const files = filesOf(folder, name);
    if (!(await isSound(files, issuer, now))) {
      await write(makeServerCertificate, files, name, issuer, now);
    }
    servers[name] = files;
  }
  return { authorityFile: trusted, servers };
}

/**
 * The certificates of users, beside their seeds: made and renewed as servers' are, by the authority in `folder`,
 * which must be there.
 */
export async function ensureUserCertificates(
  folder: string,
  users: readonly Credentials[],
  now: number,
): Promise<void> {
  if (isForeign(folder)) return;
  const issuer = await authority(folder, now, true);
  for (const { user, seedFile } of users) {
    const files = certificateFilesOf(seedFile);
    if (!(await isSound(files, issuer, now))) {
      await write(makeClientCertificate, files, user.name, issuer, now);
    }
  }
}

/**
 * A new certificate and key for one server, of the same authority. Failure code: certificate_foreign
 * (the authority's key is not here).
 */
export async function renewCertificate(
  folder: string,
  serverName: string,
  now: number,
): Promise<Result<CertificateFiles>> {
  if (isForeign(folder)) return foreign(folder);
  const issuer = await authority(folder, now, true);
  const files = filesOf(folder, serverName);
  return ok(await write(makeServerCertificate, files, serverName, issuer, now));
}

/** New certificates and keys for users, as renewCertificate. */
export async function renewUserCertificates(
  folder: string,
  users: readonly Credentials[],
  now: number,
): Promise<Result<void>> {
  if (isForeign(folder)) return foreign(folder);
  const issuer = await authority(folder, now, true);
  for (const { user, seedFile } of users) {
    await write(makeClientCertificate, certificateFilesOf(seedFile), user.name, issuer, now);
  }
  return ok(undefined);
}

const foreign = (folder: string): Result<never> =>
  refuse(
    "certificate_foreign",
    `${folder} has no ca-key.pem: the certificates were made elsewhere`,
    "put new ones in place of the old, and send each server SIGHUP",
  );

/** Files of certificates in a folder, without those of keys. Throws when there is no such folder. */
export const certificatesIn = (folder: string): readonly string[] =>
  readdirSync(folder).filter((name) => name.endsWith(".pem") && !name.endsWith("-key.pem"));

/**
 * Checks what servers would be started with, and what `users` would show them: nats-server says of a bad
 * certificate only that it does not start, and of a client's only that it is bad. Failure code:
 * certificate_invalid, with the file and what is wrong with it.
 */
export function checkCertificates(
  certificates: Certificates,
  now: number,
  users: readonly Credentials[] = [],
): Result<void> {
  const faulty = (file: string, what: string): Result<never> =>
    refuse(
      "certificate_invalid",
      `${file}: ${what}`,
      "put a good one in its place, or remove the tls folder of the data folder: a new authority is made then",
    );
  const issuers = trustedAuthorities(dirname(certificates.authorityFile));
  if (issuers.length === 0) return faulty(certificates.authorityFile, "it cannot be read");
  const servers = Object.values(certificates.servers).map((files) => ({ ...files, listens: true }));
  const clients = users.map(({ seedFile }) => ({
    ...certificateFilesOf(seedFile),
    listens: false,
  }));
  for (const { certificateFile, keyFile, listens } of [...servers, ...clients]) {
    const certificate = readNodeCertificate(certificateFile);
    if (certificate === null) return faulty(certificateFile, "it is missing or cannot be read");
    const fault = faultOf(certificate, issuers, now, listens);
    if (fault !== null) return faulty(certificateFile, fault);
    if (!hasKey(certificate, keyFile)) {
      return faulty(keyFile, `it is not the key of ${certificateFile}`);
    }
  }
  return ok(undefined);
}

function faultOf(
  certificate: NodeCertificate,
  issuers: readonly string[],
  now: number,
  listens: boolean,
): string | null {
  if (Date.parse(certificate.validTo) <= now) return `it has expired on ${certificate.validTo}`;
  if (Date.parse(certificate.validFrom) > now) {
    return `it is not valid before ${certificate.validFrom}`;
  }
  if (!issuers.some((issuer) => certificate.verify(new NodeCertificate(issuer).publicKey))) {
    return "it is not signed by the authority in ca.pem";
  }
  if (listens && certificate.checkIP("127.0.0.1") === undefined) {
    return "it does not name 127.0.0.1";
  }
  return null;
}

function hasKey(certificate: NodeCertificate, keyFile: string): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(readFileSync(keyFile)));
  } catch {
    return false;
  }
}

function readNodeCertificate(file: string): NodeCertificate | null {
  try {
    return new NodeCertificate(readFileSync(file));
  } catch {
    return null;
  }
}
