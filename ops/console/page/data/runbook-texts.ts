/** All runbooks as they are written, in a file of their own: fetched when somebody needs one. */
export const runbookTexts: Readonly<Record<string, string>> = import.meta.glob(
  "../../../runbooks/RB-*.md",
  { query: "?raw", import: "default", eager: true },
);
