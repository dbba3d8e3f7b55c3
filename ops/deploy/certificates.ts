import "reflect-metadata";

import type { webcrypto } from "node:crypto";
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

async function serverCertificate(
  folder: string,
  name: string,
  issuer: Authority & { readonly fresh: boolean },
  now: number,
): Promise<ServerCertificate> {
  const files = {
    certificateFile: join(folder, `${name}.pem`),
    keyFile: join(folder, `${name}-key.pem`),
  };
  const stored = readCertificate(files.certificateFile);
  if (!issuer.fresh && stored !== null && existsSync(files.keyFile) && !expiresSoon(stored, now)) {
    return files;
  }
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
  return files;
}

/**
 * The certificates in `folder`, made at the first call and again when 30 days or less are left. Keys
 * are files of mode 0600. `now` is in Unix milliseconds.
 */
export async function ensureCertificates(
  folder: string,
  serverNames: readonly string[],
  now: number,
): Promise<Certificates> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const issuer = await authority(folder, now);
  const servers: Record<string, ServerCertificate> = {};
  for (const name of serverNames) {
    servers[name] = await serverCertificate(folder, name, issuer, now);
  }
  return { authorityFile: join(folder, "ca.pem"), servers };
}
