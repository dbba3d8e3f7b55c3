const paths = {
  overview: "M2.5 2.5h4.5v4.5h-4.5zM9 2.5h4.5v4.5h-4.5zM2.5 9h4.5v4.5h-4.5zM9 9h4.5v4.5h-4.5z",
  tree: "M3 3v8.5h4M3 6h4M9.5 4.5h4v3h-4zM9.5 10h4v3h-4z",
  markets: "M5 13V3M5 3L2.5 5.5M5 3l2.5 2.5M11 3v10M11 13l-2.5-2.5M11 13l2.5-2.5",
  strategies: "M2.5 12.5c3 0 3.500-9 6-9s2 6 5 6",
  regions: "M8 2a6 6 0 100 12A6 6 0 008 2zM8 6a2 2 0 100 4 2 2 0 000-4zM8 2v4M8 10v4",
  risk: "M2.5 4h11M2.5 8h7M2.5 12h4M11.5 10v3.500M11.5 7.500v.01",
  incidents: "M8 2.5l6 11H2zM8 6.500v3.500M8 11.700v.1",
  audit: "M3 3.500h10M3 6.500h10M3 9.500h10M3 12.500h6",
  search: "M7 2.500a4.500 4.500 0 100 9 4.500 4.500 0 000-9zM10.300 10.300L14 14",
  close: "M4 4l8 8M12 4l-8 8",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}
