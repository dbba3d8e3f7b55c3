import { type Action, actions } from "../live/actions.ts";
import { now } from "../live/clock.ts";
import { hrefOf } from "../router.ts";
import { Badge } from "./badge.tsx";

/** An action's outcome is told for so long; afterwards it is on the audit page. */
const shownMs = 12_000;

/** What came of the last actions: id, outcome, and why not. */
export function Toasts() {
  const recent = actions.value
    .filter((action) => action.state === "under way" || now.value - action.at < shownMs)
    .slice(0, 3);
  return (
    <ul class="toasts" aria-live="polite" aria-label="actions">
      {recent.map((action) => (
        <li key={action.id}>
          <Toast of={action} />
        </li>
      ))}
    </ul>
  );
}

function Toast({ of }: { of: Action }) {
  const is = of.state === "done" ? "ok" : of.state === "refused" ? "fail" : "info";
  return (
    <>
      <Badge is={is}>
        {of.title}: {of.state === "done" ? of.says : of.state}
      </Badge>
      {of.failure !== null && (
        <p class="second">
          {of.failure.reason}. {of.failure.next}
        </p>
      )}
      <p class="quiet mono">
        {of.state === "done" ? (
          <a href={hrefOf(["audit"], { id: of.audit || of.id })} title="in the audit trail">
            {of.id}
          </a>
        ) : (
          of.id
        )}
      </p>
    </>
  );
}
