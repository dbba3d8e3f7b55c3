import type { ComponentChildren } from "preact";

import type { Result } from "../../../../actors/kernel/result.ts";
import { overlay } from "../keys.ts";
import { signInReason } from "./sign-in.tsx";

interface ActionButtonProps {
  readonly children: ComponentChildren;
  /** Whether the person may; when not, the button says why and offers to sign in. */
  readonly may: Result<unknown>;
  readonly onClick: () => void;
  /** Enter in the form that holds it does the same. */
  readonly submits?: boolean;
  readonly class?: string;
  readonly first?: boolean;
}

/** A button for what not everybody may do: it is there for everybody, and says why it does nothing. */
export function ActionButton({
  children,
  may,
  onClick,
  class: look = "",
  first,
  submits,
}: ActionButtonProps) {
  if (may.ok) {
    return (
      <button
        type={submits === true ? "submit" : "button"}
        class={look}
        onClick={submits === true ? undefined : onClick}
        data-first={first === true ? "" : undefined}
      >
        {children}
      </button>
    );
  }
  const reason = `${may.failure.reason}; ${may.failure.next}`;
  return (
    <span class="with-reason">
      <button
        type="button"
        class={look}
        aria-disabled="true"
        onClick={() => {
          signInReason.value = reason;
          overlay.value = "sign-in";
        }}
      >
        {children}
      </button>
      <span class="reason">{reason}</span>
    </span>
  );
}
