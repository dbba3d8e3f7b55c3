import { chart } from "./chart.ts";
import type { BacktestReport, Curves } from "./report.ts";

export interface NamedChart {
  readonly name: string;
  readonly svg: string;
}

/** Profit and inventory over the session, and markouts by horizon. */
export function reportCharts(
  session: string,
  report: BacktestReport,
  curves: Curves,
): readonly NamedChart[] {
  const start = curves.times[0] ?? 0;
  const minutes = curves.times.map((time) => (time - start) / 60e9);
  const plot = (name: string, title: string, y: string, values: readonly number[]): NamedChart => ({
    name: `${name}.svg`,
    svg: chart({ title: `${session}: ${title}`, x: "minutes", y }, [
      { name, x: minutes, y: values },
    ]),
  });
  const known = report.markouts.filter(({ trades }) => trades > 0);
  return [
    plot("profit", "profit, fees paid", "currency", curves.profit),
    plot("inventory", "inventory", "lots", curves.inventory),
    {
      name: "markouts.svg",
      svg: chart(
        {
          title: `${session}: markouts with two standard errors`,
          x: "log10 of the seconds after the fill",
          y: "ticks in favour",
        },
        [
          {
            name: "markouts",
            x: known.map(({ horizonNs }) => Math.log10(horizonNs / 1e9)),
            y: known.map(({ mean }) => mean),
            error: known.map(({ standardError }) => 2 * standardError),
          },
        ],
      ),
    },
  ];
}
