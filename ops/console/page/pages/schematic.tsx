import type { MarketView, RegionView } from "../data/status.ts";
import { now } from "../live/clock.ts";
import { grouped } from "../parts/format.ts";
import { hrefOf } from "../router.ts";
import { regionMeaning } from "./region-meaning.ts";

const size = { width: 560, height: 300 } as const;
const box = { width: 168, height: 58 } as const;

/** No geography: regions on a circle, who follows whom as lines with the worst lag on them. */
export function Schematic({
  regions,
  markets,
}: {
  regions: readonly RegionView[];
  markets: readonly MarketView[];
}) {
  const places = regions.map((_, index) => {
    const angle = -Math.PI / 2 + (2 * Math.PI * index) / Math.max(1, regions.length);
    return {
      x: size.width / 2 + Math.cos(angle) * (size.width / 2 - box.width / 2 - 8),
      y: size.height / 2 + 12 + Math.sin(angle) * (size.height / 2 - box.height / 2 - 14),
    };
  });
  const at = new Map(regions.map(({ name }, index) => [name, places[index] ?? { x: 0, y: 0 }]));
  return (
    <svg
      class="schematic"
      viewBox={`0 0 ${size.width} ${size.height}`}
      role="group"
      aria-label="regions and links"
    >
      {linksOf(regions).map(({ from, to, records, ms, known }) => {
        const a = at.get(from) ?? { x: 0, y: 0 };
        const b = at.get(to) ?? { x: 0, y: 0 };
        const late = ms > 2_000;
        const middle = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
        return (
          <g key={`${from}/${to}`} class={late ? "link late" : "link"}>
            <line x1={a.x} y1={a.y} x2={b.x} y2={b.y} />
            {known && (
              <>
                <rect x={middle.x - 66} y={middle.y - 10} width="132" height="20" rx="3" />
                <text x={middle.x} y={middle.y + 4}>
                  {late ? "▲ " : ""}
                  {grouped(records)} rec · {grouped(ms)} ms
                </text>
              </>
            )}
          </g>
        );
      })}
      {regions.map((region) => {
        const { x, y } = at.get(region.name) ?? { x: 0, y: 0 };
        const [is, word] = regionMeaning(region, now.value);
        const led = markets.filter((each) => each.region === region.name);
        return (
          <a key={region.name} href={hrefOf(["regions", region.name])} class={`region-box ${is}`}>
            <rect
              x={x - box.width / 2}
              y={y - box.height / 2}
              width={box.width}
              height={box.height}
              rx="5"
            />
            <text class="title" x={x} y={y - 10}>
              {region.name}
            </text>
            <text class="word" x={x} y={y + 5}>
              {word}
            </text>
            <text class="led" x={x} y={y + 20}>
              leads{" "}
              {led.length === 0
                ? "none"
                : led
                    .map(({ market }) => market)
                    .join(", ")
                    .slice(0, 24)}
            </text>
          </a>
        );
      })}
    </svg>
  );
}

interface Link {
  readonly from: string;
  readonly to: string;
  readonly records: number;
  readonly ms: number;
  readonly known: boolean;
}

/** Each pair of regions once, with the worst lag of the markets that one follows of the other. */
export function linksOf(regions: readonly RegionView[]): readonly Link[] {
  return regions.flatMap((one, index) =>
    regions.slice(index + 1).map((other) => {
      const lags = [...lagsOf(one, other.name), ...lagsOf(other, one.name)];
      return {
        from: one.name,
        to: other.name,
        records: Math.max(0, ...lags.map(({ lagRecords }) => lagRecords ?? 0)),
        ms: Math.max(0, ...lags.map(({ lagMs }) => lagMs ?? 0)),
        known: lags.length > 0,
      };
    }),
  );
}

const lagsOf = (follower: RegionView, owner: string) =>
  (follower.status?.standbys ?? []).filter(
    (standby) => (standby.owner ?? "").split("/")[0] === owner,
  );
