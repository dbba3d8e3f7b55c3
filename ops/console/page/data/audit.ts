import { ok, type Result } from "../../../../actors/kernel/result.ts";
import { wire } from "../../../../schemas/messages.ts";
import { decodeRefusal } from "../../../../schemas/sdk/codec.ts";
import { operationsSubject } from "../../../../schemas/subjects.ts";
import { ask } from "../live/link.ts";

/** Windows on the audit trail of a region, the newest first. */

export type AuditEntry = wire.audit.v1.IAuditEntry;

export interface AuditFilter {
  readonly user: string;
  readonly target: string;
  readonly kind: string;
  readonly action: string;
  readonly id: string;
}

export interface AuditWindow {
  readonly entries: readonly AuditEntry[];
  /** `before` of the next window; 0: there is no more. */
  readonly next: number;
  readonly dropped: number;
}

const { AuditRequest, AuditReply } = wire.audit.v1;
export const auditWindow = 100;
const timeoutMs = 5_000;

export function readAudit(
  region: string,
  filter: AuditFilter,
  before: number,
): Promise<Result<AuditWindow>> {
  const request = AuditRequest.encode({ ...filter, before, limit: auditWindow }).finish();
  return ask(
    operationsSubject(region, "audit"),
    request,
    (payload) => {
      const { refusal, entries, next, dropped } = AuditReply.decode(payload);
      const failure = decodeRefusal(refusal);
      return failure === null
        ? ok({ entries: entries ?? [], next, dropped })
        : { ok: false, failure };
    },
    timeoutMs,
  );
}
