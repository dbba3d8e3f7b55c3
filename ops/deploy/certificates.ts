import "reflect-metadata";

import { createPrivateKey, X509Certificate as NodeCertificate, type webcrypto } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";

import { type Result, ok, refuse } from "../../actors/kernel/result.ts";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const day = 86_400_000;
const authorityLife = 3_650 * day;
const serverLife = 365 * day;
/** A certificate with less time left than this is made anew at the next start. */
const renewBefore = 30 * day;

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

interface Authority {
  readonly certificate: X509Certificate;
  readonly privateKey: webcrypto.CryptoKey;
}

function write(path: string, text: string): void {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, text, { mode: 0o600 });
  renameSync(draft, path);
}

async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  return PemConverter.encode(await crypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY");
}

function serialNumber(): string {
  // Positive, as RFC 5280 asks: the first bit is 0.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = (bytes[0] ?? 0) & 0x7f;
  return Buffer.from(bytes).toString("hex");
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

/** Somebody else's authority: its key is not here, and what it has signed is not ours to make. */
const isForeign = (folder: string): boolean =>
  readCertificate(join(folder, "ca.pem")) !== null && !existsSync(join(folder, "ca-key.pem"));

async function authority(folder: string, now: number): Promise<Authority & { fresh: boolean }> {
  const certificateFile = join(folder, "ca.pem");
  const keyFile = join(folder, "ca-key.pem");
  const stored = readCertificate(certificateFile);
  if (stored !== null && existsSync(keyFile) && !expiresSoon(stored, now)) {
    const der = PemConverter.decodeFirst(readFileSync(keyFile, "utf8"));
    const privateKey = await crypto.subtle.importKey("pkcs8", der, algorithm, false, ["sign"]);
    return { certificate: stored, privateKey, fresh: false };
  }
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: "CN=Meridian cluster authority",
    notBefore: new Date(now - day),
    notAfter: new Date(now + authorityLife),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  write(keyFile, await privateKeyPem(keys.privateKey));
  write(certificateFile, `${certificate.toString("pem")}\n`);
  return { certificate, privateKey: keys.privateKey, fresh: true };
}

const filesOf = (folder: string, name: string): ServerCertificate => ({
  certificateFile: join(folder, `${name}.pem`),
  keyFile: join(folder, `${name}-key.pem`),
});

async function serverCertificate(
  folder: string,
  name: string,
  issuer: Authority & { readonly fresh: boolean },
  now: number,
): Promise<ServerCertificate> {
  const files = filesOf(folder, name);
  const stored = readCertificate(files.certificateFile);
  if (!issuer.fresh && stored !== null && existsSync(files.keyFile) && !expiresSoon(stored, now)) {
    return files;
  }
  await makeServerCertificate(files, name, issuer, now);
  return files;
}

async function makeServerCertificate(
  files: ServerCertificate,
  name: string,
  issuer: Authority,
  now: number,
): Promise<void> {
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: `CN=${name}`,
    issuer: issuer.certificate.subject,
    notBefore: new Date(now - day),
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
  write(files.keyFile, await privateKeyPem(keys.privateKey));
  write(files.certificateFile, `${certificate.toString("pem")}\n`);
}

/**
 * The certificates in `folder`, made at the first call and again when 30 days or less are left. Keys
 * are files of mode 0600. `now` is in Unix milliseconds. Where the key of the authority is missing the
 * certificates are somebody else's: they are taken as they are.
 */
export async function ensureCertificates(
  folder: string,
  serverNames: readonly string[],
  now: number,
): Promise<Certificates> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const authorityFile = join(folder, "ca.pem");
  if (isForeign(folder)) {
    const files = serverNames.map((name) => [name, filesOf(folder, name)] as const);
    return { authorityFile, servers: Object.fromEntries(files) };
  }
  const issuer = await authority(folder, now);
  const servers: Record<string, ServerCertificate> = {};
  for (const name of serverNames) {
    servers[name] = await serverCertificate(folder, name, issuer, now);
  }
  return { authorityFile, servers };
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
  await makeServerCertificate(files, serverName, await authority(folder, now), now);
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
  const issuer = readNodeCertificate(certificates.authorityFile);
  if (issuer === null) return faulty(certificates.authorityFile, "it cannot be read");
  for (const { certificateFile, keyFile } of Object.values(certificates.servers)) {
    const certificate = readNodeCertificate(certificateFile);
    if (certificate === null) return faulty(certificateFile, "it is missing or cannot be read");
    const fault = faultOf(certificate, issuer, now);
    if (fault !== null) return faulty(certificateFile, fault);
    if (!hasKey(certificate, keyFile)) {
      return faulty(keyFile, `it is not the key of ${certificateFile}`);
    }
  }
  return ok(undefined);
}

function faultOf(
  certificate: NodeCertificate,
  issuer: NodeCertificate,
  now: number,
): string | null {
  if (Date.parse(certificate.validTo) <= now) return `it has expired on ${certificate.validTo}`;
  if (Date.parse(certificate.validFrom) > now) {
    return `it is not valid before ${certificate.validFrom}`;
  }
  if (!certificate.verify(issuer.publicKey)) return "it is not signed by the authority in ca.pem";
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
