import { signal } from "@preact/signals";

export type Theme = "dark" | "light";

const kept = "meridian.theme";
const root = document.documentElement;

export const theme = signal<Theme>(root.dataset["theme"] === "light" ? "light" : "dark");

export function toggleTheme(): void {
  theme.value = theme.peek() === "dark" ? "light" : "dark";
  root.dataset["theme"] = theme.value;
  localStorage.setItem(kept, theme.value);
}

/** A colour of the page, for what is drawn on a canvas. */
export const colour = (token: string): string =>
  getComputedStyle(root).getPropertyValue(`--${token}`).trim();
