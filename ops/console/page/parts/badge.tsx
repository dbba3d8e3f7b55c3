import type { ComponentChildren } from "preact";

/** The five meanings. Each has a shape, so that colour is never the only sign. */
export type Meaning = "ok" | "warn" | "fail" | "info" | "stale";

const shapes: Readonly<Record<Meaning, string>> = {
  ok: "●",
  warn: "▲",
  fail: "■",
  info: "◆",
  stale: "◌",
};

export function Badge({ is, children }: { is: Meaning; children?: ComponentChildren }) {
  return (
    <span class={`badge ${is}`}>
      <span class="shape" aria-hidden="true">
        {shapes[is]}
      </span>
      {children}
    </span>
  );
}

const meanings: readonly (readonly [Meaning, RegExp])[] = [
  ["fail", /^(failed|restarting|backing|crash|silent|ended|breached|lost|unreachable|refused)/],
  [
    "warn",
    /^(halted|stopping|paused|recovering|starting|fenced|not ready|waiting|doubtful|reconnecting)/,
  ],
  ["stale", /^(stopped|done|passive|put away|undefined|closed|unknown)/],
  ["info", /^(looking|pre_open|.*_auction|moving|scheduled)/],
];

/** What a state means, by its word. */
export const meaningOf = (state: string): Meaning =>
  meanings.find(([, words]) => words.test(state))?.[0] ?? "ok";

export function StateBadge({ state }: { state: string }) {
  return (
    <Badge is={meaningOf(state)}>{state === "" ? "unknown" : state.replaceAll("_", " ")}</Badge>
  );
}
