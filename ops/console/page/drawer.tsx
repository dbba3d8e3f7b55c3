import type { JSX } from "preact";

import { link } from "./live/link.ts";
import { Icon } from "./parts/icons.tsx";
import { amend, place } from "./router.ts";

/** What is opened beside a page, by the kind in `?open=kind:name`; each page adds its kinds. */
const contents = new Map<string, (props: { name: string }) => JSX.Element>();

export function drawerShows(kind: string, content: (props: { name: string }) => JSX.Element): void {
  contents.set(kind, content);
}

export function Drawer() {
  const open = place.value.query["open"];
  if (open === undefined) return null;
  const at = open.indexOf(":");
  const kind = open.slice(0, at);
  const name = open.slice(at + 1);
  const Content = contents.get(kind);
  return (
    <aside
      class={link.value.state === "live" ? "drawer" : "drawer is-stale"}
      aria-label={`details of ${name}`}
    >
      <button
        type="button"
        class="plain small close"
        aria-label="close the drawer"
        onClick={() => amend({ open: null })}
      >
        <Icon name="close" />
      </button>
      {Content === undefined ? (
        <p class="empty">Nothing is called {open}.</p>
      ) : (
        <Content key={open} name={name} />
      )}
    </aside>
  );
}
