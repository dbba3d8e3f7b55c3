import type { JSX } from "preact";
import { useEffect } from "preact/hooks";

import { Drawer, drawerShows } from "./drawer.tsx";
import { followFailovers } from "./data/failover.ts";
import { statusOf } from "./data/status.ts";
import { overlay, pages } from "./keys.ts";
import { access, person } from "./live/access.ts";
import { Toasts } from "./parts/toasts.tsx";
import { BottomStrip, LostBanner, Navigation, TopBar } from "./frame.tsx";
import { HelpDialog } from "./parts/help.tsx";
import { Palette } from "./parts/palette.tsx";
import { SignInDialog, SignInForm } from "./parts/sign-in.tsx";
import { AuditDrawer, AuditPage } from "./pages/audit.tsx";
import { IncidentDrawer } from "./pages/incident-drawer.tsx";
import { IncidentsPage } from "./pages/incidents.tsx";
import { MarketsPage } from "./pages/market.tsx";
import { NodeDrawer } from "./pages/node-drawer.tsx";
import { Overview } from "./pages/overview.tsx";
import { RegionsPage } from "./pages/regions.tsx";
import { RiskPage } from "./pages/risk.tsx";
import { RiskDrawer } from "./pages/risk-drawer.tsx";
import { StrategiesPage } from "./pages/strategies.tsx";
import { StrategyDrawer } from "./pages/strategy-drawer.tsx";
import { TreePage } from "./pages/tree.tsx";
import { hrefOf, page, place } from "./router.ts";

drawerShows("node", NodeDrawer);
drawerShows("strategy", StrategyDrawer);
drawerShows("risk", RiskDrawer);
drawerShows("audit", AuditDrawer);
drawerShows("incident", IncidentDrawer);

const shown: Readonly<Record<string, () => JSX.Element>> = {
  overview: Overview,
  tree: TreePage,
  markets: MarketsPage,
  strategies: StrategiesPage,
  regions: RegionsPage,
  risk: RiskPage,
  incidents: IncidentsPage,
  audit: AuditPage,
};

const closeOverlay = (): void => {
  overlay.value = "none";
};

export function App() {
  const { query } = place.value;
  useEffect(() => {
    const title = pages.find((each) => each.id === page.value)?.title ?? "Not found";
    document.title = `${[title, ...place.value.path.slice(1)].join(" · ")} – meridian`;
  }, [place.value]);
  return (
    <div class={`frame ${query["open"] === undefined ? "" : "with-drawer"}`}>
      <a class="skip" href="#main">
        Skip to the page
      </a>
      <TopBar />
      <Navigation />
      <main id="main" tabIndex={-1}>
        <LostBanner />
        {access.value === null ? (
          <p class="empty">Waiting for the cell at {location.host}.</p>
        ) : person.value === null ? (
          <MustSignIn />
        ) : (
          <Page />
        )}
      </main>
      <Drawer />
      <BottomStrip />
      <Toasts />
      {overlay.value === "help" && <HelpDialog onClose={closeOverlay} />}
      {overlay.value === "palette" && <Palette onClose={closeOverlay} />}
      {overlay.value === "sign-in" && <SignInDialog onClose={closeOverlay} />}
    </div>
  );
}

/** The bottom strip tells of all regions on every page, so their status is always read. */
export function HoldRegions() {
  const names = access.value?.regions ?? [];
  useEffect(() => {
    const releases = [...names.map((name) => statusOf(name).hold()), followFailovers(names)];
    return () => {
      for (const release of releases) release();
    };
  }, [names.join()]);
  return null;
}

function Page() {
  const Shown = shown[page.value] ?? NotFound;
  return (
    <>
      <HoldRegions />
      <Shown />
    </>
  );
}

function MustSignIn() {
  return (
    <div class="sign-in-page">
      <h1>Who are you?</h1>
      <p class="second">
        This cell hands no key out: it is not the demo, or the page is not on the cell's own
        machine.
      </p>
      <SignInForm onDone={() => undefined} />
    </div>
  );
}

function NotFound() {
  return (
    <div class="empty">
      <h1>There is no page /{place.value.path.join("/")}</h1>
      <p>
        <a class="link" href={hrefOf([])}>
          Overview
        </a>{" "}
        · <kbd>?</kbd> shows the keys
      </p>
    </div>
  );
}
