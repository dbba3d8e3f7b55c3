import { useEffect } from "preact/hooks";

import { alerts } from "./data/alerts.ts";
import { incidents, incidentsOf } from "./data/incidents.ts";
import { problemsOf } from "./data/problems.ts";
import { markets, regions, totals } from "./data/status.ts";
import { overlay, pages } from "./keys.ts";
import { access, person } from "./live/access.ts";
import { now } from "./live/clock.ts";
import { heard, link } from "./live/link.ts";
import { Badge } from "./parts/badge.tsx";
import { ageText, durationText, plural, rateText } from "./parts/format.ts";
import { Icon, type IconName } from "./parts/icons.tsx";
import { Sparkline } from "./parts/sparkline.tsx";
import { hrefOf, page } from "./router.ts";
import { theme, toggleTheme } from "./theme.ts";

/** What is around every page: who and where, the way to the other pages, how the cluster is. */

export function TopBar() {
  const { state } = link.value;
  return (
    <header class="top">
      <a class="brand" href={hrefOf([])}>
        <svg width="18" height="18" viewBox="0 0 16 16" aria-hidden="true">
          <circle cx="8" cy="8" r="6.2" />
          <path d="M8 1.800c3 3.400 3 9 0 12.400M8 1.800c-3 3.400-3 9 0 12.400M2 8h12" />
        </svg>
        meridian
      </a>
      <ul class="region-list" aria-label="regions">
        {regions.value.map(({ name, status, at }) => {
          const silent = status === null || now.value - at > 3_000;
          const is = at === 0 ? "stale" : silent ? "fail" : status.ready ? "ok" : "warn";
          return (
            <li key={name}>
              <a href={hrefOf(["regions", name])} class={page.value === "regions" ? "here" : ""}>
                <Badge is={is}>{name}</Badge>
              </a>
            </li>
          );
        })}
      </ul>
      <button
        type="button"
        class="search"
        onClick={() => {
          overlay.value = "palette";
        }}
      >
        <Icon name="search" />
        <span>Search or run</span>
        <kbd>⌘K</kbd>
      </button>
      <span class="link-state" role="status">
        {state === "live" ? (
          <Badge is="ok">
            live <span class="mono">{ageText(now.value - heard.at)}</span>
          </Badge>
        ) : (
          <Badge is={state === "connecting" ? "stale" : "fail"}>
            {state} <span class="mono">{ageText(now.value - link.value.since)}</span>
          </Badge>
        )}
      </span>
      <button
        type="button"
        class="plain"
        aria-label={theme.value === "dark" ? "light theme" : "dark theme"}
        onClick={toggleTheme}
      >
        {theme.value === "dark" ? "☾" : "☀"}
      </button>
      <button
        type="button"
        class="plain"
        aria-label="keys"
        onClick={() => {
          overlay.value = "help";
        }}
      >
        ?
      </button>
      <button
        type="button"
        class={`person ${person.value?.role ?? ""}`}
        onClick={() => {
          overlay.value = "sign-in";
        }}
      >
        {person.value?.name ?? "sign in"}
        {access.value?.profile === "demo" && <span class="quiet">demo</span>}
      </button>
    </header>
  );
}

export function Navigation() {
  return (
    <nav class="nav" aria-label="pages">
      <ul>
        {pages.map(({ id, title, key }) => (
          <li key={id}>
            <a
              href={hrefOf(id === "overview" ? [] : [id])}
              aria-current={page.value === id ? "page" : undefined}
            >
              <Icon name={id as IconName} />
              <span class="title">{title}</span>
              <kbd>g {key}</kbd>
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

/** Whatever is shown is of before: said at the top of the page, and by the grey of every panel. */
export function LostBanner() {
  const { state, since, reason } = link.value;
  if (state === "live" || state === "connecting") return null;
  return (
    <p class="banner" role="alert">
      <Badge is="fail">
        {state === "refused"
          ? `The server refuses this user: ${reason}`
          : `No connection to a server since ${ageText(now.value - since)}`}
      </Badge>
      <span class="second">
        What you see is the last that was known. It connects again by itself; the CLI may still get
        through: <code>npx meridian status</code>
      </span>
    </p>
  );
}

export function BottomStrip() {
  const names = access.value?.regions ?? [];
  // Every page shows whether something is wrong.
  useEffect(() => {
    const releases = names.map((region) => incidentsOf(region).hold());
    return () => {
      for (const release of releases) release();
    };
  }, [names.join()]);
  const { orders, trades, ackP99, serviceP99, line } = totals.value;
  const problems = problemsOf(
    regions.value,
    markets.value,
    alerts.value,
    incidents.value,
    now.value,
  );
  const failures = problems.filter((each) => each.is === "fail").length;
  const lost = link.value.state !== "live";
  return (
    <footer class={`strip ${lost ? "is-stale" : ""}`} aria-label="cluster">
      <span>
        <span class="quiet">orders/s</span>{" "}
        <Sparkline values={line} width={72} height={14} label="orders a second, the last minute" />{" "}
        <b class="mono">{rateText(orders)}</b>
      </span>
      <span>
        <span class="quiet">trades/s</span> <b class="mono">{rateText(trades)}</b>
      </span>
      <span title="ring to event, of the slowest market">
        <span class="quiet">service p99</span> <b class="mono">{durationText(serviceP99)}</b>
      </span>
      <span title="request to reply at the cell, of the slowest market">
        <span class="quiet">ack p99</span> <b class="mono">{durationText(ackP99)}</b>
      </span>
      <a class="problems" href={hrefOf(["incidents"])}>
        {problems.length === 0 ? (
          <Badge is={lost ? "stale" : "ok"}>nothing wrong</Badge>
        ) : (
          <>
            {failures > 0 && <Badge is="fail">{plural(failures, "failure")}</Badge>}
            {problems.length > failures && (
              <Badge is="warn">{plural(problems.length - failures, "warning")}</Badge>
            )}
          </>
        )}
      </a>
    </footer>
  );
}
