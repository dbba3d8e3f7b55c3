import type { Region } from "../../ops/deploy/regions.ts";

/** A region as a minimal file declares it, with what a test changes. */
export const regionOf = (name: string, changes: Partial<Region> = {}): Region => ({
  name,
  title: name,
  file: `regions/${name}/region.toml`,
  enabled: true,
  jurisdiction: "none",
  profile: "none",
  groups: [],
  neighbours: [],
  tags: [],
  serverCount: 3,
  ports: {},
  residency: {},
  markets: {},
  ...changes,
});
