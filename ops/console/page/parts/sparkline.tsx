/** A line of the recent past, the newest at the right edge. Bounded by what it is given. */
export function Sparkline({
  values,
  width = 96,
  height = 18,
  label,
}: {
  values: readonly number[];
  width?: number;
  height?: number;
  label: string;
}) {
  if (values.length < 2) return <span class="quiet">–</span>;
  const highest = Math.max(...values);
  const lowest = Math.min(0, ...values);
  const span = highest - lowest || 1;
  const step = width / (values.length - 1);
  const points = values.map((value, index) => {
    const y = height - 1 - ((value - lowest) / span) * (height - 2);
    return `${(index * step).toFixed(1)},${y.toFixed(1)}`;
  });
  return (
    <svg class="sparkline" width={width} height={height} role="img" aria-label={label}>
      <polygon points={`0,${height} ${points.join(" ")} ${width},${height}`} />
      <polyline points={points.join(" ")} />
    </svg>
  );
}
