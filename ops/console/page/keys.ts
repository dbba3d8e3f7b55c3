import { signal } from "@preact/signals";

import { amend, go, place } from "./router.ts";

/** The keyboard: pages by `g` and a letter, lists by j and k. Nothing is destroyed by a key. */

export type Overlay = "none" | "help" | "palette" | "sign-in" | "theme";
export const overlay = signal<Overlay>("none");

export interface PageEntry {
  readonly id: string;
  readonly title: string;
  readonly key: string;
}

export const pages: readonly PageEntry[] = [
  { id: "overview", title: "Overview", key: "o" },
  { id: "tree", title: "Tree", key: "t" },
  { id: "markets", title: "Markets", key: "m" },
  { id: "strategies", title: "Strategies", key: "s" },
  { id: "regions", title: "Regions", key: "r" },
  { id: "risk", title: "Risk", key: "k" },
  { id: "incidents", title: "Incidents", key: "i" },
  { id: "audit", title: "Audit", key: "a" },
];

export const goPage = (id: string): void => go(id === "overview" ? [] : [id]);

/** A letter after `g` counts for so long. */
const prefixMs = 1_200;
let prefixUntil = 0;

const typing = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName);

const rows = (): readonly HTMLElement[] => [
  // Rows of a window that is being replaced are gone before a key could open them.
  ...document.querySelectorAll<HTMLElement>("main [data-row]:not([hidden], .is-before *)"),
];

function step(by: number): void {
  const all = rows();
  if (all.length === 0) return;
  const at = all.findIndex((row) => row.contains(document.activeElement));
  const next =
    at === -1 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by));
  const row = all[next];
  row?.focus();
  row?.scrollIntoView({ block: "nearest" });
}

/** What a focused row does at a letter: fold, unfold, mark. */
function rowCommand(command: "fold" | "unfold" | "mark"): void {
  document.activeElement?.dispatchEvent(new CustomEvent(`row-${command}`, { bubbles: true }));
}

/** `at`: when the key was pressed, however late the page comes to it. */
function plainKey(key: string, at: number): boolean {
  if (at < prefixUntil) {
    prefixUntil = 0;
    const entry = pages.find((each) => each.key === key);
    if (entry !== undefined) goPage(entry.id);
    return entry !== undefined;
  }
  switch (key) {
    case "g":
      prefixUntil = at + prefixMs;
      return true;
    case "j":
      step(1);
      return true;
    case "k":
      step(-1);
      return true;
    case "h":
      rowCommand("fold");
      return true;
    case "l":
      rowCommand("unfold");
      return true;
    case "x":
      rowCommand("mark");
      return true;
    case "/": {
      const filter = document.querySelector<HTMLInputElement>("main [data-filter]");
      filter?.focus();
      filter?.select();
      return filter !== null;
    }
    case "?":
      overlay.value = "help";
      return true;
    case ":":
      overlay.value = "palette";
      return true;
    default:
      return false;
  }
}

export function followKeys(): void {
  addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key.toLowerCase() === "k" && (event.metaKey || event.ctrlKey) && !event.altKey) {
      event.preventDefault();
      overlay.value = "palette";
      return;
    }
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    // Dialogs have keys of their own; the browser closes them with Escape.
    if (document.querySelector("dialog[open]") !== null) return;
    if (event.key === "Escape") {
      if (typing(event.target)) (event.target as HTMLElement).blur();
      else if (place.peek().query["open"] !== undefined) amend({ open: null });
      return;
    }
    if (typing(event.target)) return;
    if (plainKey(event.key, event.timeStamp)) event.preventDefault();
  });
}
