import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/layout.css";
import "./styles/pages.css";

import { effect } from "@preact/signals";
import { render } from "preact";

import { App } from "./app.tsx";
import { followAlerts } from "./data/alerts.ts";
import { followKeys } from "./keys.ts";
import { access, firstPerson, person, readAccess } from "./live/access.ts";
import { connect } from "./live/link.ts";

const root = document.getElementById("root");
if (root === null) throw new Error("the page has no root");
render(<App />, root);
followKeys();
followAlerts();

/** The cell may be starting: asked until it answers. */
async function begin(): Promise<void> {
  for (;;) {
    const read = await readAccess();
    if (read.ok) {
      person.value = firstPerson(read.value);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

effect(() => {
  const as = person.value;
  const to = access.peek();
  if (as !== null && to !== null) void connect(as, to);
});
void begin();
