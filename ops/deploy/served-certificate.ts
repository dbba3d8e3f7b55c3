import { readFileSync } from "node:fs";
import { connect as connectPlain } from "node:net";
import { connect as connectTls } from "node:tls";
import { loopback } from "./topology.ts";

const answersWithinMs = 5_000;

/**
 * SHA-256 fingerprint of the certificate that a nats-server shows to its clients, or why there is none. A
 * server says what it is in plain text first, and both sides turn to TLS then.
 */
export function servedFingerprint(
  port: number,
  authorityFile: string,
): Promise<{ readonly fingerprint: string } | { readonly fault: string }> {
  return new Promise((resolve) => {
    const plain = connectPlain({ host: loopback, port });
    const end = (answer: { readonly fingerprint: string } | { readonly fault: string }): void => {
      plain.destroy();
      resolve(answer);
    };
    plain.setTimeout(answersWithinMs, () => end({ fault: "no answer" }));
    plain.once("error", (error) => end({ fault: error.message }));
    plain.once("data", () => {
      const secure = connectTls({
        socket: plain,
        ca: readFileSync(authorityFile),
        servername: "localhost",
      });
      secure.once("error", (error) => end({ fault: error.message }));
      secure.once("secureConnect", () =>
        end({ fingerprint: secure.getPeerCertificate().fingerprint256 }),
      );
    });
  });
}
