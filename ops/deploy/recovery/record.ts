import { createHash } from "node:crypto";
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { fromPublic, fromSeed } from "@nats-io/nkeys";
import { z } from "zod";

import { type Result, ok, refuse } from "../../../actors/kernel/result.ts";
import type { Credentials } from "../seeds.ts";
import { writeWhole } from "../whole-file.ts";

/**
 * What two people have to agree on before a minority is made a cluster of its own. Kept in the data
 * folder, for the servers that keep everything else are not there.
 */

const signatureSchema = z.strictObject({
  user: z.string(),
  publicKey: z.string(),
  at: z.string(),
  /** Base64, over the digest of the proposal. */
  signature: z.string(),
});
export type Signature = z.infer<typeof signatureSchema>;

const proposalSchema = z.strictObject({
  id: z.string(),
  at: z.string(),
  survivor: z.string(),
  /** Declared gone for good: their disks must never come back. */
  lost: z.array(z.string()).min(1),
  reason: z.string().min(1),
  streams: z.array(
    z.strictObject({ name: z.string(), messages: z.number(), lastSequence: z.number() }),
  ),
});
export type Proposal = z.infer<typeof proposalSchema>;

const recordSchema = z.strictObject({
  version: z.literal(1),
  proposal: proposalSchema,
  operator: signatureSchema,
  approver: signatureSchema.nullable(),
  finishedAt: z.string().nullable(),
});
export type RecoveryRecord = z.infer<typeof recordSchema>;

const folderOf = (dataDirectory: string): string => join(dataDirectory, "recoveries");
const fileOf = (dataDirectory: string, id: string): string =>
  join(folderOf(dataDirectory), `${id}.json`);

const digestOf = (proposal: Proposal): Buffer =>
  createHash("sha256")
    .update(JSON.stringify(proposalSchema.parse(proposal)))
    .digest();

/** Signs the proposal with the user's nkey. */
export function sign(proposal: Proposal, credentials: Credentials, at: string): Signature {
  const seed = Buffer.from(readFileSync(credentials.seedFile, "utf8").trim());
  const signature = Buffer.from(fromSeed(seed).sign(digestOf(proposal))).toString("base64");
  return { user: credentials.user.name, publicKey: credentials.publicKey, at, signature };
}

function isGood(proposal: Proposal, { publicKey, signature }: Signature): boolean {
  try {
    return fromPublic(publicKey).verify(digestOf(proposal), Buffer.from(signature, "base64"));
  } catch {
    return false;
  }
}

/** Failure codes: recovery_unknown, data_folder_unusable. */
export function readRecovery(dataDirectory: string, id: string): Result<RecoveryRecord> {
  const file = fileOf(dataDirectory, id);
  if (!/^[0-9a-f-]+$/.test(id) || !existsSync(file)) {
    return refuse(
      "recovery_unknown",
      `no recovery ${id} has been proposed`,
      "npx meridian region recover propose --help",
    );
  }
  try {
    return ok(recordSchema.parse(JSON.parse(readFileSync(file, "utf8"))));
  } catch (error) {
    return refuse(
      "data_folder_unusable",
      `${file}: ${(error as Error).message}`,
      "propose it anew",
    );
  }
}

/** Writes the record, and one line about what was done to a log that is only ever appended to. */
export function writeRecovery(dataDirectory: string, record: RecoveryRecord, done: object): void {
  mkdirSync(folderOf(dataDirectory), { recursive: true, mode: 0o700 });
  writeWhole(fileOf(dataDirectory, record.proposal.id), `${JSON.stringify(record, null, 2)}\n`);
  const line = { at: new Date().toISOString(), id: record.proposal.id, ...done };
  appendFileSync(join(folderOf(dataDirectory), "log.ndjson"), `${JSON.stringify(line)}\n`, {
    mode: 0o600,
  });
}

/**
 * Two people, each in a role that allows it, have signed exactly this proposal. `users`: those of the
 * cluster, whose keys are the ones that count. Failure codes: recovery_refused, same_person.
 */
export function checkSignatures(
  record: RecoveryRecord,
  users: readonly Credentials[],
): Result<void> {
  const { proposal, operator, approver } = record;
  const { id } = proposal;
  if (approver === null) {
    return refuse(
      "recovery_refused",
      `nobody has approved recovery ${id}`,
      `npx meridian region recover approve ${id} --as approver`,
    );
  }
  for (const [signature, role] of [
    [operator, "operator"],
    [approver, "approver"],
  ] as const) {
    const known = users.find(({ publicKey }) => publicKey === signature.publicKey);
    if (known?.user.role !== role) {
      return refuse("recovery_refused", `${signature.user} is no ${role} of this cluster`, "");
    }
    if (!isGood(proposal, signature)) {
      return refuse(
        "recovery_refused",
        `what ${signature.user} has signed is not this proposal`,
        "propose it anew",
      );
    }
  }
  if (operator.publicKey === approver.publicKey) {
    return refuse("same_person", `${operator.user} has asked for it and approved it`, "");
  }
  return ok(undefined);
}
