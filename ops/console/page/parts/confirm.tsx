import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

import type { Failure, Result } from "../../../../actors/kernel/result.ts";
import { Dialog } from "./dialog.tsx";
import { FailureNote } from "./failure.tsx";
import { Command } from "./panel.tsx";

interface ConfirmProps {
  readonly title: string;
  /** What has to be typed; nothing happens before. */
  readonly typed: string;
  readonly verb: string;
  /** The same by the command line. */
  readonly command: string;
  readonly onClose: () => void;
  readonly run: () => Promise<Result<unknown>>;
  readonly children: ComponentChildren;
  /** Set while something else keeps the action from being done. */
  readonly held?: string | null;
  readonly class?: string;
}

/** For what does harm when it is done by mistake: says what will happen, and wants a name typed. */
export function ConfirmDialog(props: ConfirmProps) {
  const {
    title,
    typed,
    verb,
    command,
    onClose,
    run,
    children,
    held = null,
    class: extra = "",
  } = props;
  const [text, setText] = useState("");
  const [running, setRunning] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const right = text.trim() === typed;
  const submit = async (): Promise<void> => {
    if (!right || running || held !== null) return;
    setRunning(true);
    const outcome = await run();
    setRunning(false);
    if (outcome.ok) onClose();
    else setFailure(outcome.failure);
  };
  return (
    <Dialog title={title} onClose={onClose} class={extra}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        {children}
        <label class="field">
          <span>
            Type <code>{typed}</code> to confirm
          </span>
          <input
            class="mono"
            data-first
            autocomplete="off"
            spellcheck={false}
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        {failure !== null && <FailureNote of={failure} />}
        {held !== null && <p class="warn">{held}</p>}
        <div class="buttons">
          <button type="submit" class="danger" disabled={!right || running || held !== null}>
            {running ? "under way…" : verb}
          </button>
          <button type="button" onClick={onClose}>
            Leave it
          </button>
        </div>
        <h3>The same by CLI</h3>
        <Command line={command} />
      </form>
    </Dialog>
  );
}
