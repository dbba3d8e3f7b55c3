import "reflect-metadata";

import { createPrivateKey, X509Certificate as NodeCertificate } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";

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
import { writeWhole } from "./whole-file.ts";

const serverLife = 365 * dayMs;

/** The files a nats-server is told of. */
export interface ServerCertificate {
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** Certificates of a cluster: an authority of its own, and one certificate per server. */
export interface Certificates {
  readonly authorityFile: string;
  /** By server name. */
  readonly servers: Readonly<Record<string, ServerCertificate>>;
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

const filesOf = (folder: string, name: string): ServerCertificate => ({
  certificateFile: join(folder, `${name}.pem`),
  keyFile: join(folder, `${name}-key.pem`),
});

async function serverCertificate(
  folder: string,
  name: string,
  issuer: Authority,
  now: number,
): Promise<ServerCertificate> {
  const files = filesOf(folder, name);
  const stored = readCertificate(files.certificateFile);
  const isSound =
    stored !== null &&
    existsSync(files.keyFile) &&
    !expiresSoon(stored, now) &&
    (await stored.verify({ publicKey: issuer.certificate, signatureOnly: true }));
  if (!isSound) await writeServerCertificate(files, name, issuer, now);
  return files;
}

async function writeServerCertificate(
  files: ServerCertificate,
  name: string,
  issuer: Authority,
  now: number,
): Promise<void> {
  const made = await makeServerCertificate(name, issuer, now);
  writeWhole(files.keyFile, made.key);
  writeWhole(files.certificateFile, made.certificate);
}

/** A certificate of a server and its key, PEM. */
export async function makeServerCertificate(
  name: string,
  issuer: Authority,
  now: number,
): Promise<{ readonly certificate: string; readonly key: string }> {
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: `CN=${name}`,
    issuer: issuer.certificate.subject,
    notBefore: new Date(now - dayMs),
    notAfter: new Date(now + serverLife),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey: issuer.privateKey,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      // Servers are clients of each other on routes.
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
      new SubjectAlternativeNameExtension([
        { type: "dns", value: name },
        { type: "dns", value: "localhost" },
        { type: "ip", value: "127.0.0.1" },
      ]),
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
  const servers: Record<string, ServerCertificate> = {};
  for (const name of serverNames) {
    servers[name] = await serverCertificate(folder, name, issuer, now);
  }
  return { authorityFile: trusted, servers };
}

/**
 * A new certificate and key for one server, of the same authority. Failure code: certificate_foreign
 * (the authority's key is not here).
 */
export async function renewCertificate(
  folder: string,
  serverName: string,
  now: number,
): Promise<Result<ServerCertificate>> {
  if (isForeign(folder)) {
    return refuse(
      "certificate_foreign",
      `${folder} has no ca-key.pem: the certificates were made elsewhere`,
      "put new ones in place of the old, and send each server SIGHUP",
    );
  }
  const files = filesOf(folder, serverName);
  await writeServerCertificate(files, serverName, await authority(folder, now, true), now);
  return ok(files);
}

/**
 * Checks what servers would be started with: nats-server says of a bad certificate only that it does not
 * start. Failure code: certificate_invalid, with the file and what is wrong with it.
 */
export function checkCertificates(certificates: Certificates, now: number): Result<void> {
  const faulty = (file: string, what: string): Result<never> =>
    refuse(
      "certificate_invalid",
      `${file}: ${what}`,
      "put a good one in its place, or remove the tls folder of the data folder: a new authority is made then",
    );
  const issuers = trustedAuthorities(dirname(certificates.authorityFile));
  if (issuers.length === 0) return faulty(certificates.authorityFile, "it cannot be read");
  for (const { certificateFile, keyFile } of Object.values(certificates.servers)) {
    const certificate = readNodeCertificate(certificateFile);
    if (certificate === null) return faulty(certificateFile, "it is missing or cannot be read");
    const fault = faultOf(certificate, issuers, now);
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
): string | null {
  if (Date.parse(certificate.validTo) <= now) return `it has expired on ${certificate.validTo}`;
  if (Date.parse(certificate.validFrom) > now) {
    return `it is not valid before ${certificate.validFrom}`;
  }
  if (!issuers.some((issuer) => certificate.verify(new NodeCertificate(issuer).publicKey))) {
    return "it is not signed by the authority in ca.pem";
  }
  if (certificate.checkIP("127.0.0.1") === undefined) return "it does not name 127.0.0.1";
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
