import "reflect-metadata";

import { createPrivateKey, X509Certificate as NodeCertificate, type webcrypto } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";

import { writeWhole } from "./whole-file.ts";

/** Of every key of ours. */
export const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
export const dayMs = 86_400_000;
const authorityLife = 3_650 * dayMs;
/** A certificate with less time left than this is made anew at the next start. */
export const renewBefore = 30 * dayMs;

/** What signs the certificates of a cluster. */
export interface Authority {
  readonly certificate: X509Certificate;
  readonly privateKey: webcrypto.CryptoKey;
}

/** Authorities that servers and clients trust: more than one while it is being replaced. */
export const authorityFile = (folder: string): string => join(folder, "ca.pem");
/** The key of one of them: the one that signs. */
const authorityKeyFile = (folder: string): string => join(folder, "ca-key.pem");

export async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}

export async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  return PemConverter.encode(await crypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY");
}

export function serialNumber(): string {
  // Positive, as RFC 5280 asks: the first bit is 0.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = (bytes[0] ?? 0) & 0x7f;
  return Buffer.from(bytes).toString("hex");
}

/** The authorities that the folder trusts; none when the file is missing or cannot be read. */
export function trustedAuthorities(folder: string): readonly string[] {
  const file = authorityFile(folder);
  if (!existsSync(file)) return [];
  try {
    return PemConverter.decode(readFileSync(file, "utf8")).map((der) =>
      new X509Certificate(der).toString("pem"),
    );
  } catch {
    // A damaged file is as good as none: it is made anew.
    return [];
  }
}

/** Somebody else's authority: its key is not here, and what it has signed is not ours to make. */
export const isForeign = (folder: string): boolean =>
  trustedAuthorities(folder).length > 0 && !existsSync(authorityKeyFile(folder));

/** The authority whose key the folder has, or null. */
export async function signingAuthority(folder: string): Promise<Authority | null> {
  if (!existsSync(authorityKeyFile(folder))) return null;
  const pem = readFileSync(authorityKeyFile(folder), "utf8");
  const own = trustedAuthorities(folder).find((certificate) => isKeyOf(pem, certificate));
  if (own === undefined) return null;
  const privateKey = await crypto.subtle.importKey(
    "pkcs8",
    PemConverter.decodeFirst(pem),
    algorithm,
    false,
    ["sign"],
  );
  return { certificate: new X509Certificate(own), privateKey };
}

function isKeyOf(key: string, certificate: string): boolean {
  try {
    return new NodeCertificate(certificate).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}

/** An authority that nobody trusts yet, and the text of its key. */
export async function newAuthority(
  now: number,
): Promise<{ readonly authority: Authority; readonly key: string }> {
  const keys = await newKeys();
  const serial = serialNumber();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serial,
    // OpenSSL looks for an issuer by its name: of two that share one it tries the first only.
    name: `CN=Meridian cluster authority ${serial.slice(0, 8)}`,
    notBefore: new Date(now - dayMs),
    notAfter: new Date(now + authorityLife),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    authority: { certificate, privateKey: keys.privateKey },
    key: await privateKeyPem(keys.privateKey),
  };
}

/** From now on these are trusted by whoever reads the folder. */
export function trust(folder: string, certificates: readonly string[]): void {
  writeWhole(authorityFile(folder), `${certificates.join("\n")}\n`);
}

/** From now on this key signs; its authority has to be trusted already. */
export function signWith(folder: string, key: string): void {
  writeWhole(authorityKeyFile(folder), key);
}

/**
 * Takes back the trust in all authorities but the one that signs: what an interrupted replacement has left.
 * Servers of the folder must not run. True when there was something to take back.
 */
export async function distrustOthers(folder: string): Promise<boolean> {
  const signing = await signingAuthority(folder);
  if (signing === null || trustedAuthorities(folder).length < 2) return false;
  trust(folder, [signing.certificate.toString("pem")]);
  return true;
}
