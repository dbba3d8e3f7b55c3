import type { CellConfiguration } from "../../schemas/configuration.ts";
import { type AssetPlacement, groupTag, regionTag, residencyTag } from "../../schemas/placement.ts";

/** Where streams are made, by what is in them. */
export interface Placement {
  /** Leases, ownership, directory. */
  readonly control: AssetPlacement;
  /** Journals of markets of a replication group that originate in `home`. */
  readonly journals: (group: string, home: string) => AssetPlacement;
  /** Events and snapshots of a region's actors. */
  readonly positions: (region: string) => AssetPlacement;
  /** Events of a region's markets. */
  readonly events: (region: string) => AssetPlacement;
}

/** With that many replicas on whichever servers there are; events on a server of their region. */
export function anywhere(replicas: number): Placement {
  const wherever: AssetPlacement = { cluster: "", tags: [], replicas };
  return {
    control: wherever,
    journals: () => wherever,
    positions: () => wherever,
    events: (region) => ({ cluster: "", tags: [regionTag(region)], replicas: 1 }),
  };
}

/** As the cluster was generated: journals only where the group is and the home's residency allows. */
export function asConfigured(
  own: string,
  configured: NonNullable<CellConfiguration["placement"]>,
): Placement {
  const { control, journals, positions, events } = configured;
  const ownTags = new Map<string, (region: string) => string>([
    [regionTag(own), regionTag],
    [residencyTag(own, "positions"), (region) => residencyTag(region, "positions")],
  ]);
  /** The same of another region: its cluster is named as the region is, where each has one. */
  const elsewhere = (placement: AssetPlacement, region: string): AssetPlacement =>
    region === own
      ? placement
      : {
          ...placement,
          cluster: placement.cluster === own ? region : placement.cluster,
          tags: placement.tags.map((tag) => ownTags.get(tag)?.(region) ?? tag),
        };
  return {
    control,
    journals: (group, home) => ({
      ...journals,
      tags: [...journals.tags, groupTag(group), residencyTag(home, "orders")],
    }),
    positions: (region) => elsewhere(positions, region),
    events: (region) => elsewhere(events, region),
  };
}
