import type { wire } from "../../../../schemas/messages.ts";
import { type Drawn, drawMachine } from "./machine-layout.ts";

/** A state machine, drawn: every state a box, the current ones lit, transitions as arrows. */
export function MachineDrawing({
  states,
  active,
}: {
  states: readonly wire.control.v1.IMachineState[];
  active: readonly string[];
}) {
  // The machine itself is a state as well, without a name: what leads out of it leads there from everywhere.
  const anywhere = states.find(({ name }) => (name ?? "") === "")?.transitions ?? [];
  const named = states.filter(({ name }) => (name ?? "") !== "");
  const drawing = drawMachine(
    named.map((state) => ({
      name: state.name ?? "",
      initial: state.initial ?? false,
      final: state.kind === "final",
      transitions: (state.transitions ?? []).map(({ event, target }) => ({
        event: event ?? "",
        target: target ?? "",
      })),
    })),
  );
  const lit = new Set(active);
  return (
    <>
      <svg
        class="machine"
        viewBox={`0 0 ${drawing.width} ${drawing.height}`}
        width="100%"
        role="img"
        aria-label={`state machine: ${named.map(({ name }) => name).join(", ")}; now in ${active.join(", ")}`}
      >
        <defs>
          <marker
            id="arrow"
            viewBox="0 0 6 6"
            refX="5.5"
            refY="3"
            markerWidth="6"
            markerHeight="6"
            orient="auto"
          >
            <path d="M0 0L6 3L0 6z" />
          </marker>
        </defs>
        {drawing.edges.map((edge) => (
          <path
            key={`${edge.from}>${edge.to}`}
            class={lit.has(edge.from) ? "edge lit" : "edge"}
            d={edge.path}
            marker-end="url(#arrow)"
          >
            <title>
              {edge.from} → {edge.to}: {edge.events.join(", ")}
            </title>
          </path>
        ))}
        {drawing.boxes.map((box) => (
          <Box key={box.name} of={box} lit={lit.has(box.name)} />
        ))}
      </svg>
      {anywhere.length > 0 && (
        <p class="quiet">
          From anywhere:{" "}
          {anywhere.map(({ event, target }) => `${event} → ${target || "stays"}`).join(", ")}
        </p>
      )}
    </>
  );
}

function Box({ of, lit }: { of: Drawn["boxes"][number]; lit: boolean }) {
  const { x, y, width, height, label, initial, final } = of;
  return (
    <g class={lit ? "state lit" : "state"}>
      {initial && <circle class="initial" cx={x - 6} cy={y + height / 2} r="2.5" />}
      <rect x={x} y={y} width={width} height={height} rx="4" />
      {final && (
        <rect class="inner" x={x + 2} y={y + 2} width={width - 4} height={height - 4} rx="3" />
      )}
      <text x={x + width / 2} y={y + height / 2 + 4}>
        {label}
      </text>
    </g>
  );
}
