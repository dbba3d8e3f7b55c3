import { useMemo, useState } from "preact/hooks";

import { markets, regions } from "../data/status.ts";
import { strategies } from "../data/strategies.ts";
import { goPage, type Overlay, overlay, pages } from "../keys.ts";
import { go } from "../router.ts";
import { theme, toggleTheme } from "../theme.ts";
import { Dialog } from "./dialog.tsx";

interface Entry {
  readonly label: string;
  readonly kind: string;
  readonly hint?: string;
  readonly run: () => void;
}

const open = (next: Overlay) => (): void => {
  overlay.value = next;
};

function entries(): readonly Entry[] {
  return [
    ...pages.map((each) => ({
      label: each.title,
      kind: "page",
      hint: `g ${each.key}`,
      run: () => goPage(each.id),
    })),
    { label: "Spawn a strategy…", kind: "action", run: () => go(["strategies", "spawn"]) },
    ...markets.value.flatMap(({ market, status }) => [
      { label: market, kind: "market", run: () => go(["markets", market]) },
      {
        label: `${status.state === "halted" ? "Resume" : "Halt"} ${market}…`,
        kind: "action",
        run: () => go(["markets", market], { do: status.state === "halted" ? "resume" : "halt" }),
      },
      {
        label: `Auction in ${market}…`,
        kind: "action",
        run: () => go(["markets", market], { do: "phase" }),
      },
      {
        label: `Mode of ${market}…`,
        kind: "action",
        run: () => go(["markets", market], { do: "mode" }),
      },
    ]),
    ...regions.value.flatMap(({ name }) => [
      { label: name, kind: "region", run: () => go(["regions", name]) },
      { label: `Fail over ${name}…`, kind: "action", run: () => go(["regions", name, "failover"]) },
      { label: `Tree of ${name}`, kind: "tree", run: () => go(["tree", name]) },
    ]),
    ...strategies.value.map(({ id, region }) => ({
      label: id,
      kind: "strategy",
      run: () => go(["strategies"], { open: `strategy:${region}/${id}` }),
    })),
    { label: "Sign in…", kind: "action", run: open("sign-in") },
    { label: "Keys", kind: "help", hint: "?", run: open("help") },
    {
      label: theme.value === "dark" ? "Light theme" : "Dark theme",
      kind: "view",
      run: toggleTheme,
    },
  ];
}

const shown = 12;

/** Letters in order, not necessarily beside each other; what begins like it comes first. */
export function rank(label: string, wanted: string): number {
  const text = label.toLowerCase();
  if (wanted === "") return 1;
  const at = text.indexOf(wanted);
  if (at >= 0) return at === 0 ? 4 : 3;
  let from = 0;
  for (const letter of wanted) {
    from = text.indexOf(letter, from) + 1;
    if (from === 0) return 0;
  }
  return 1;
}

export function Palette({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const all = useMemo(entries, []);
  const wanted = text.trim().toLowerCase();
  const found = all
    .map((entry) => ({ entry, rank: rank(entry.label, wanted) }))
    .filter((each) => each.rank > 0)
    .sort((a, b) => b.rank - a.rank)
    .slice(0, shown)
    .map((each) => each.entry);
  const run = (entry: Entry | undefined): void => {
    if (entry === undefined) return;
    onClose();
    entry.run();
  };
  const keys: Readonly<Record<string, () => void>> = {
    ArrowDown: () => setAt(Math.min(found.length - 1, at + 1)),
    ArrowUp: () => setAt(Math.max(0, at - 1)),
    Enter: () => run(found[at]),
  };
  return (
    <Dialog title="Search or run" onClose={onClose} class="palette">
      <input
        data-first
        role="combobox"
        aria-label="search or run"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={`palette-${at}`}
        placeholder="market, region, strategy, page or action"
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={(event) => {
          const key = keys[event.key];
          if (key === undefined) return;
          event.preventDefault();
          key();
        }}
      />
      <ul id="palette-list" role="listbox" aria-label="results">
        {found.map((entry, index) => (
          <li
            key={`${entry.kind}/${entry.label}`}
            id={`palette-${index}`}
            role="option"
            aria-selected={index === at}
            onClick={() => run(entry)}
          >
            <span>{entry.label}</span>
            <span class="quiet">{entry.hint ?? entry.kind}</span>
          </li>
        ))}
      </ul>
      {found.length === 0 && <p class="quiet">Nothing is called like that.</p>}
    </Dialog>
  );
}
