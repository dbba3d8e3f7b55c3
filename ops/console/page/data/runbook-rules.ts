/** A runbook as a person follows it: sections with texts, commands and queries. Pure. */

export interface RunbookLine {
  readonly kind: "text" | "command" | "query";
  readonly text: string;
}

export interface RunbookSection {
  readonly title: string;
  readonly lines: readonly RunbookLine[];
}

/** Null when no file is of that id. */
export const textOf = (texts: Readonly<Record<string, string>>, id: string): string | null =>
  Object.entries(texts).find(([file]) => file.includes(`/${id}-`))?.[1] ?? null;

export const titleOf = (text: string): string => /^# RB-\d\d: (.+)$/m.exec(text)?.[1] ?? "";

/** Values in angle brackets that are known are filled in; what a command needs of a person stays. */
export function sectionsOf(
  text: string,
  values: Readonly<Record<string, string>>,
): readonly RunbookSection[] {
  const filled = text.replaceAll(/<([a-z-]+)>/g, (whole, name: string) => values[name] || whole);
  return filled
    .split(/^## /m)
    .slice(1)
    .map((part) => {
      const [title = "", ...rest] = part.split("\n");
      return { title, lines: linesOf(rest) };
    });
}

function linesOf(lines: readonly string[]): readonly RunbookLine[] {
  const found: RunbookLine[] = [];
  let fence: RunbookLine["kind"] | null = null;
  for (const line of lines) {
    if (line.startsWith("```")) {
      fence = fence === null ? (line.startsWith("```promql") ? "query" : "command") : null;
    } else if (line.trim() !== "") {
      found.push({ kind: fence ?? "text", text: line.trim() });
    }
  }
  return found;
}

/** Names in angle brackets that nobody has filled in yet. */
export const missingIn = (sections: readonly RunbookSection[]): readonly string[] => [
  ...new Set(
    sections
      .flatMap(({ lines }) => lines)
      .filter(({ kind }) => kind === "command")
      .flatMap(({ text }) => [...text.matchAll(/<([a-z-]+)>/g)].map(([, name = ""]) => name)),
  ),
];
