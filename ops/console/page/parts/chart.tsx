import { useEffect, useRef } from "preact/hooks";
import type uPlot from "uplot";

import { theme } from "../theme.ts";

export interface ChartProps {
  /** What the chart shows, in words and numbers, for whoever does not see it. */
  readonly label: string;
  readonly data: uPlot.AlignedData;
  /** Everything but the size; made anew when the theme changes. Must not change otherwise. */
  readonly options: (library: typeof uPlot) => Omit<uPlot.Options, "width" | "height">;
}

type Library = typeof import("./uplot.ts");
let library: Promise<Library> | null = null;

/** Charts come with a file of their own, so that the first page is there without them. */
export function Chart({ label, data, options }: ChartProps) {
  const element = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const newest = useRef(data);
  newest.current = data;
  useEffect(() => {
    const container = element.current;
    if (container === null) return undefined;
    let ended = false;
    let observer: ResizeObserver | null = null;
    library ??= import("./uplot.ts");
    void library.then(({ uPlot: Plot }) => {
      if (ended) return;
      const size = () => ({ width: container.clientWidth, height: container.clientHeight });
      const made = new Plot({ ...options(Plot), ...size() }, newest.current, container);
      chart.current = made;
      observer = new ResizeObserver(() => made.setSize(size()));
      observer.observe(container);
    });
    return () => {
      ended = true;
      observer?.disconnect();
      chart.current?.destroy();
      chart.current = null;
    };
  }, [theme.value]);
  useEffect(() => {
    chart.current?.setData(data);
  }, [data]);
  return <div ref={element} class="chart" role="img" aria-label={label} />;
}
