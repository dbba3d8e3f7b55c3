/** A value within its bound: around zero, or from the left. */
export function Bar({
  value,
  bound,
  from = "middle",
  warn = false,
  label,
}: {
  value: number;
  bound: number;
  from?: "middle" | "left";
  warn?: boolean;
  label: string;
}) {
  const share = bound === 0 ? 0 : Math.max(-1, Math.min(1, value / bound));
  const near = warn || (Math.abs(share) >= 0.8 && from === "middle");
  const style =
    from === "left"
      ? { left: "0%", width: `${Math.max(0, share) * 100}%` }
      : share >= 0
        ? { left: "50%", width: `${share * 50}%` }
        : { left: `${50 + share * 50}%`, width: `${-share * 50}%` };
  return (
    <span class={`bar-track ${from} ${near ? "near" : ""}`} role="img" aria-label={label}>
      <span style={style} />
    </span>
  );
}
