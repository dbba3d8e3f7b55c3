import type { ActorStatus } from "./strategies.ts";

/** Profit of each strategy over the last minutes, as the page has read it. */

interface Line {
  at: number;
  values: number[];
}

const lines = new Map<string, Line>();
const everyMs = 2_000;
const kept = 90;
const strategiesRemembered = 600;

/** The line of a strategy, with what it says now at its end. */
export function profitsOf(actor: ActorStatus, now = Date.now()): readonly number[] {
  const key = `${actor.region}/${actor.id}`;
  const line = lines.get(key) ?? { at: 0, values: [] };
  if (now - line.at >= everyMs) {
    line.at = now;
    line.values = [...line.values, Number(actor.strategy?.profit ?? 0)].slice(-kept);
    lines.set(key, line);
    if (lines.size > strategiesRemembered) lines.delete([...lines.keys()][0] ?? "");
  }
  return line.values;
}
