import type { ComponentChildren } from "preact";

import { freshness, type Source } from "../live/source.ts";
import { ageText } from "./format.ts";

interface PanelProps {
  readonly title: string;
  /** Where the title leads. */
  readonly href?: string;
  readonly children: ComponentChildren;
  /** What the panel shows; its age is told, and when it is old everything in the panel is grey. */
  readonly of?: Source<unknown> | readonly Source<unknown>[] | undefined;
  readonly aside?: ComponentChildren;
  readonly class?: string;
  /** Level of the heading is 2; the body may not scroll when it has its own way. */
  readonly flush?: boolean;
}

export function Panel(props: PanelProps) {
  const { title, href, children, of, aside, flush, class: extra = "" } = props;
  const sources = of === undefined ? [] : Array.isArray(of) ? of : [of as Source<unknown>];
  const ages = sources.map(freshness);
  const stale = ages.some((each) => each.stale);
  return (
    <section class={`panel ${stale ? "is-stale" : ""} ${extra}`} aria-label={title}>
      <header>
        <h2>{href === undefined ? title : <a href={href}>{title}</a>}</h2>
        {aside !== undefined && <div class="aside">{aside}</div>}
        {sources.length > 0 && <Age sources={sources} />}
      </header>
      {/* Reached by Tab, so that it can be scrolled with the keyboard. */}
      <div class={flush ? "body flush" : "body"} tabIndex={flush ? undefined : 0}>
        {children}
      </div>
    </section>
  );
}

/** The age of the oldest of them: streams tell of theirs only when it matters. */
export function Age({ sources }: { sources: readonly Source<unknown>[] }) {
  const ages = sources.map((source) => ({ ...freshness(source), source }));
  const never = ages.some((each) => each.ageMs === null);
  const stale = ages.some((each) => each.stale);
  const told = ages.filter((each) => stale || Number.isFinite(each.source.staleAfterMs));
  const oldest = Math.max(0, ...told.map((each) => each.ageMs ?? 0));
  const failure = sources
    .map((source) => source.reading.value.failure)
    .find((each) => each !== null);
  if (never) {
    return (
      <span class="age stale" title={failure?.reason ?? "not read yet"}>
        ◌ {failure === undefined ? "waiting" : failure.code.replaceAll("_", " ")}
      </span>
    );
  }
  if (stale) {
    return (
      <span class="age stale" title={failure?.reason ?? "the connection is lost"}>
        ◌ stale {ageText(oldest)}
      </span>
    );
  }
  return <span class="age">{told.length === 0 ? "live" : ageText(oldest)}</span>;
}

/** What would be here, and the command that makes it. */
export function Empty({ what, command }: { what: ComponentChildren; command?: string }) {
  return (
    <div class="empty">
      <p>{what}</p>
      {command !== undefined && <Command line={command} />}
    </div>
  );
}

/** A command line that can be copied. */
export function Command({ line }: { line: string }) {
  return (
    <div class="command">
      <code>{line}</code>
      <button
        type="button"
        class="plain small"
        aria-label={`copy ${line}`}
        onClick={() => void navigator.clipboard.writeText(line)}
      >
        copy
      </button>
    </div>
  );
}

export function Facts({ of }: { of: readonly (readonly [string, ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {of.map(([name, value]) => (
        <>
          <dt>{name}</dt>
          <dd class="value">{value}</dd>
        </>
      ))}
    </dl>
  );
}
