import { fileURLToPath } from "node:url";
import type { CellConfigurationFile } from "../../schemas/configuration.ts";
import { people } from "./roles.ts";
import { type ClusterPlan, type ServerPlan, websocketUrl } from "./topology.ts";

/** Where ops/console/build.mjs leaves the page. */
const builtConsole = fileURLToPath(new URL("../../build/console", import.meta.url));

/** What the cell of a region serves the console with. */
export function consoleSettings(
  plan: ClusterPlan,
  region: string,
): NonNullable<CellConfigurationFile["console"]> {
  const own = (server: ServerPlan): boolean => server.region === region;
  const servers = [...plan.servers].sort((a, b) => Number(own(b)) - Number(own(a)));
  const users = people.flatMap(({ name, role }) => {
    const found = plan.users.find(({ user }) => user.name === name);
    return found === undefined ? [] : [{ name, role, ...found }];
  });
  const observer = users.find(({ role }) => role === "observer");
  return {
    directory: builtConsole,
    // Not every server of a region listens for browsers.
    websockets: servers.flatMap(({ ports }) =>
      ports.websocket === null ? [] : [websocketUrl(plan.profile, ports.websocket)],
    ),
    people: users.map(({ name, role, publicKey }) => ({ name, role, publicKey })),
    observerSeedFile: plan.profile === "demo" ? (observer?.seedFile ?? null) : null,
  };
}
