import { existsSync, readFileSync } from "node:fs";

import type { ClientCertificate, NatsOptions } from "./nats.ts";

/** Where a certificate lies, and its key; both PEM. */
export interface CertificateFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** Those of a user: beside its seed, `<user>.pem` and `<user>-key.pem` beside `<user>.nk`. */
export function certificateFilesOf(seedFile: string): CertificateFiles {
  const stem = seedFile.replace(/\.nk$/, "");
  return { certificateFile: `${stem}.pem`, keyFile: `${stem}-key.pem` };
}

/** The certificate of the user of a seed; null where it has none. Throws when a file cannot be read. */
export function certificateBeside(seedFile: string): ClientCertificate | null {
  const { certificateFile, keyFile } = certificateFilesOf(seedFile);
  if (!existsSync(certificateFile)) return null;
  return {
    certificate: readFileSync(certificateFile, "utf8"),
    key: readFileSync(keyFile, "utf8"),
  };
}

/**
 * What a user logs in with, read again at every connect: one that falls between the two files of a renewal fails, and
 * is tried again as any other. Throws when a file cannot be read now.
 */
export function loginFrom(
  seedFile: string,
  authorityFile: string,
): Pick<NatsOptions, "seed" | "authority" | "certificate"> {
  const seed = (): Uint8Array => new TextEncoder().encode(readFileSync(seedFile, "utf8").trim());
  const authority = (): string => readFileSync(authorityFile, "utf8");
  const certificate = (): ClientCertificate | null => certificateBeside(seedFile);
  // What cannot be read at the start will not be read at a reconnect either.
  seed();
  authority();
  certificate();
  return { seed, authority, certificate };
}
