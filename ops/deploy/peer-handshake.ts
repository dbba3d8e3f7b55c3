import { connect } from "node:tls";
import { loopback } from "./topology.ts";

const answersWithinMs = 5_000;

/** What somebody proves itself with, PEM, and whom it trusts. */
export interface PeerIdentity {
  readonly certificate: string;
  readonly key: string;
  readonly authorities: string;
}

/**
 * Whether a nats-server lets a peer in that proves itself by this certificate: null, or its reason. It is
 * asked at its port for routes, where it speaks once it has accepted the certificate.
 */
export function peerRefusal(port: number, identity: PeerIdentity): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({
      host: loopback,
      port,
      cert: identity.certificate,
      key: identity.key,
      ca: identity.authorities,
      servername: "localhost",
    });
    const end = (answer: string | null): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(answersWithinMs, () => end("no answer"));
    socket.once("error", (error) => end(error.message));
    socket.once("close", () => end("it closed the connection"));
    socket.once("data", () => end(null));
  });
}
