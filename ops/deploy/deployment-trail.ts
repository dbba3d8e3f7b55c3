import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { NatsConnection } from "nats";
import { wire } from "../../schemas/messages.ts";
import { auditSubject } from "../../schemas/subjects.ts";

const { AuditEntry } = wire.audit.v1;
const { DeploymentReply } = wire.region.v1;

/** A change that somebody has asked the launcher for, and its reply. */
export interface AskedChange {
  readonly verb: string;
  readonly region: string;
  readonly user: string;
  readonly atUnixMs: number;
  readonly reply: Uint8Array;
}

const attempts = 10;
const pauseMs = 1_000;
const keptWithinMs = 5_000;

/** Changes of the cluster in the audit trail, beside what cells were told. */
export class DeploymentTrail {
  readonly #connection: NatsConnection;
  readonly #region: () => string;
  readonly #say: (line: string) => void;

  /** `region`: whose trail it is; that of a region which has left would be read by nobody. */
  constructor(connection: NatsConnection, region: () => string, say: (line: string) => void) {
    this.#connection = connection;
    this.#region = region;
    this.#say = say;
  }

  write({ verb, region: target, user, atUnixMs, reply }: AskedChange): void {
    const { refusal } = DeploymentReply.decode(reply);
    const region = this.#region();
    const entry = AuditEntry.encode({
      id: randomBytes(9).toString("base64url"),
      region,
      cell: "launcher",
      kind: "operation",
      action: verb,
      target,
      user,
      parameters: JSON.stringify({ region: target }),
      outcome: refusal?.code ?? "done",
      detail: (refusal?.reason ?? "").slice(0, 512),
      atUnixMs,
      tookUs: (Date.now() - atUnixMs) * 1_000,
    }).finish();
    void this.#keep(auditSubject(region, "operation"), entry, verb);
  }

  /** A stream that has just lost a server may take a moment. */
  async #keep(subject: string, entry: Uint8Array, verb: string): Promise<void> {
    let reason = "";
    for (let attempt = 0; attempt < attempts && !this.#connection.isClosed(); attempt += 1) {
      try {
        const ack = await this.#connection.request(subject, entry, { timeout: keptWithinMs });
        if (ack.json<{ readonly seq?: number }>().seq !== undefined) return;
        reason = ack.string();
      } catch (error) {
        reason = (error as Error).message;
      }
      await delay(pauseMs);
    }
    this.#say(`the audit trail did not take ${verb}: ${reason}`);
  }
}
