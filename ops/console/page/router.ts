import { computed, signal } from "@preact/signals";

/** Where the page is: every state that is worth a link is in the address. */
export interface Place {
  /** Below /console/, decoded: ["markets", "BTC-EUR"]. */
  readonly path: readonly string[];
  readonly query: Readonly<Record<string, string>>;
}

const base = "/console/";

function read(): Place {
  const path = location.pathname.startsWith(base) ? location.pathname.slice(base.length) : "";
  return {
    path: path.split("/").filter(Boolean).map(decodeURIComponent),
    query: Object.fromEntries(new URLSearchParams(location.search)),
  };
}

export const place = signal<Place>(read());
export const page = computed(() => place.value.path[0] ?? "overview");

addEventListener("popstate", () => {
  place.value = read();
});

/** The address of a place; empty values of the query are left out. */
export function hrefOf(
  path: readonly string[],
  query: Readonly<Record<string, string | null>> = {},
): string {
  const kept = Object.entries(query).filter(
    (entry): entry is [string, string] => entry[1] !== null && entry[1] !== "",
  );
  const search = new URLSearchParams(kept).toString();
  return `${base}${path.map(encodeURIComponent).join("/")}${search === "" ? "" : `?${search}`}`;
}

export function go(
  path: readonly string[],
  query: Readonly<Record<string, string | null>> = {},
): void {
  visit(hrefOf(path, query));
}

export function visit(href: string): void {
  if (href === location.pathname + location.search) return;
  history.pushState(null, "", href);
  place.value = read();
}

/** Changes some of the query without a step in the history: filters, the open drawer. */
export function amend(changes: Readonly<Record<string, string | null>>): void {
  const { path, query } = place.peek();
  history.replaceState(null, "", hrefOf(path, { ...query, ...changes }));
  place.value = read();
}

/** Links within the page are followed without loading it again. */
addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const anchor = (event.target as Element | null)?.closest("a");
  const href = anchor?.getAttribute("href");
  if (!href?.startsWith(base) || anchor?.target === "_blank") return;
  event.preventDefault();
  visit(href);
});
