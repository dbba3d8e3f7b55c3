import type { ComponentChildren } from "preact";

/** The five meanings. Each has a shape, so that colour is never the only sign. */
export type Meaning = "ok" | "warn" | "fail" | "info" | "stale";

/** ● ▲ ■ ◆ ◌, drawn: fonts have them in five sizes at five heights. */
const shapes: Readonly<Record<Meaning, string>> = {
  ok: "M5 1a4 4 0 1 0 0 8a4 4 0 1 0 0-8z",
  warn: "M5 .5L9.700 9H.3z",
  fail: "M1.200 1.200h7.600v7.600H1.200z",
  info: "M5 .2L9.800 5L5 9.800L.2 5z",
  stale: "M5 1.500a3.500 3.500 0 1 0 0 7a3.500 3.500 0 1 0 0-7z",
};

export function Badge({ is, children }: { is: Meaning; children?: ComponentChildren }) {
  return (
    <span class={`badge ${is}`}>
      <svg class="shape" width="10" height="10" viewBox="0 0 10 10" aria-hidden="true">
        <path d={shapes[is]} />
      </svg>
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
