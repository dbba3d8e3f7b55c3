import type { Failure } from "../../../../actors/kernel/result.ts";
import { Badge } from "./badge.tsx";

/** What, why, and what next; the code is there for whoever looks it up. */
export function FailureNote({ of }: { of: Failure }) {
  return (
    <div class="note fail-note" role="alert">
      <Badge is="fail">{of.reason}</Badge>
      {of.next !== "" && <p class="second">Next: {of.next}</p>}
      <p class="quiet mono">{of.code}</p>
    </div>
  );
}
