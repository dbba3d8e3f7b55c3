import { signal } from "@preact/signals";
import { useState } from "preact/hooks";

import type { Failure } from "../../../../actors/kernel/result.ts";
import { access, person, signIn, signOut } from "../live/access.ts";
import { Dialog } from "./dialog.tsx";
import { FailureNote } from "./failure.tsx";
import { Command } from "./panel.tsx";

/** Why somebody is asked to sign in; empty: by their own wish. */
export const signInReason = signal("");

export function SignInDialog({ onClose }: { onClose: () => void }) {
  return (
    <Dialog
      title="Sign in"
      onClose={() => {
        signInReason.value = "";
        onClose();
      }}
    >
      {signInReason.value !== "" && <p class="second">{signInReason.value}.</p>}
      <SignInForm onDone={onClose} />
    </Dialog>
  );
}

/** Everybody is who their nkey seed says; the servers check every signature and every subject. */
export function SignInForm({ onDone }: { onDone: () => void }) {
  const [seed, setSeed] = useState("");
  const [failure, setFailure] = useState<Failure | null>(null);
  const submit = (text: string): void => {
    const refused = signIn(text);
    setFailure(refused);
    if (refused === null) onDone();
  };
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        submit(seed);
      }}
    >
      <label class="field">
        <span>nkey seed</span>
        <input
          class="mono"
          type="password"
          autocomplete="off"
          spellcheck={false}
          placeholder="SU…"
          data-first
          value={seed}
          aria-invalid={failure !== null}
          onInput={(event) => setSeed(event.currentTarget.value)}
        />
      </label>
      <label class="field">
        <span>or its file</span>
        <input
          type="file"
          accept=".nk"
          onChange={(event) => {
            const file = event.currentTarget.files?.[0];
            if (file !== undefined) void file.text().then(submit);
          }}
        />
      </label>
      {failure !== null && <FailureNote of={failure} />}
      <p class="quiet">
        The key stays in this tab and signs the servers' challenges; it is never sent. The role's
        permissions hold at the servers. The file in which your key lies is told by:
      </p>
      <Command line="npx meridian login operator" />
      <div class="buttons">
        <button type="submit" class="primary" disabled={seed.trim() === ""}>
          Sign in
        </button>
        {person.value !== null && person.value.role !== "observer" && (
          <button
            type="button"
            onClick={() => {
              signOut();
              onDone();
            }}
          >
            Sign out of {person.value.name}
          </button>
        )}
      </div>
      <p class="quiet">
        Users of this cluster: {(access.value?.people ?? []).map((each) => each.name).join(", ")}.
      </p>
    </form>
  );
}
