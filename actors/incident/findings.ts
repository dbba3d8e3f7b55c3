import { createHash } from "node:crypto";

import type { Finding, FindingKind } from "./messages.ts";

/** What findings are about, and where it is written what to do. */
export interface FindingRule {
  /** RB-nn: a file in ops/runbooks; a test holds each to that. */
  readonly runbook: string;
  readonly severity: Finding["severity"];
  readonly latched: boolean;
}

const rule = (
  runbook: string,
  severity: Finding["severity"] = "page",
  latched = false,
): FindingRule => ({ runbook, severity, latched });

/** Latched: that it is over says nothing of what it has done, so a person looks. */
export const findingRules: Readonly<Record<FindingKind, FindingRule>> = {
  cell_down: rule("RB-01", "page", true),
  region_down: rule("RB-14", "page", true),
  market_failed: rule("RB-15"),
  market_slow: rule("RB-03"),
  journal: rule("RB-04", "page", true),
  residency: rule("RB-16"),
  disk: rule("RB-07"),
  lease: rule("RB-05"),
  supervisor: rule("RB-06", "page", true),
  actor_failed: rule("RB-06", "ticket", true),
  dead_letters: rule("RB-17", "ticket"),
  certificate: rule("RB-18", "ticket"),
  prometheus: rule("RB-12"),
};

export const finding = (
  kind: FindingKind,
  about: Pick<Finding, "affected" | "subject" | "title" | "source"> & Partial<Finding>,
): Finding => ({ kind, detail: "", ...findingRules[kind], ...about });

const longest = 64;
const hashLength = 10;

/** The id of the incident of a finding: the same finding has the same, wherever it is made. */
export function idOf({
  kind,
  affected,
  subject,
}: Pick<Finding, "kind" | "affected" | "subject">): string {
  const whole = `${kind}-${affected}-${subject}`;
  const plain = whole.replaceAll(/[^A-Za-z0-9_-]+/g, "-");
  if (plain === whole && plain.length <= longest && plain !== "all") return plain;
  const hash = createHash("sha256").update(whole).digest("hex").slice(0, hashLength);
  return `${plain.slice(0, longest - hashLength - 1)}-${hash}`;
}

/** What a detector says: it stands, or it is over. */
export interface Told {
  readonly finding: Finding;
  readonly stands: boolean;
}
