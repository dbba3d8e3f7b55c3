import type { ComponentChildren } from "preact";

import type { Result } from "../../../../actors/kernel/result.ts";
import { overlay } from "../keys.ts";
import { signInReason } from "./sign-in.tsx";

interface ActionButtonProps {
  readonly children: ComponentChildren;
  /** Whether the person may; when not, the button says why and offers to sign in. */
  readonly may: Result<unknown>;
  readonly onClick: () => void;
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
}: ActionButtonProps) {
  if (may.ok) {
    return (
      <button
        type="button"
        class={look}
        onClick={onClick}
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
