/** Where the boxes and arrows of a state machine go: columns by distance from the initial state. Pure. */

export interface StateShape {
  /** Dotted: a state within another. */
  readonly name: string;
  readonly initial: boolean;
  readonly final: boolean;
  readonly transitions: readonly { readonly event: string; readonly target: string }[];
}

export interface Drawn {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly {
    readonly name: string;
    readonly label: string;
    readonly x: number;
    readonly y: number;
    readonly width: number;
    readonly height: number;
    readonly initial: boolean;
    readonly final: boolean;
  }[];
  readonly edges: readonly {
    readonly from: string;
    readonly to: string;
    readonly events: readonly string[];
    readonly path: string;
  }[];
}

const box = { width: 92, height: 26 } as const;
const gap = { x: 28, y: 16 } as const;
const margin = 14;
/** Columns that a drawer has room for; further states go below. */
const columns = 3;

export function drawMachine(states: readonly StateShape[]): Drawn {
  const order = byDistance(states);
  const boxes = order.map((state, index) => {
    const row = Math.floor(index / columns);
    // Every other row runs back, so that neighbours in the order stay neighbours.
    const column = row % 2 === 0 ? index % columns : columns - 1 - (index % columns);
    return {
      name: state.name,
      label: shortened(state.name),
      x: margin + column * (box.width + gap.x),
      y: margin + row * (box.height + gap.y + 10),
      ...box,
      initial: state.initial,
      final: state.final,
    };
  });
  const at = new Map(boxes.map((each) => [each.name, each]));
  const merged = new Map<string, { from: string; to: string; events: string[] }>();
  for (const state of states) {
    for (const { event, target } of state.transitions) {
      if (!at.has(target) || target === state.name) continue;
      const key = `${state.name}>${target}`;
      const edge = merged.get(key) ?? { from: state.name, to: target, events: [] };
      edge.events.push(event);
      merged.set(key, edge);
    }
  }
  const edges = [...merged.values()].flatMap((edge) => {
    const from = at.get(edge.from);
    const to = at.get(edge.to);
    return from === undefined || to === undefined ? [] : [{ ...edge, path: pathOf(from, to) }];
  });
  const rows = Math.ceil(order.length / columns);
  return {
    width: 2 * margin + columns * box.width + (columns - 1) * gap.x,
    height: 2 * margin + rows * box.height + (rows - 1) * (gap.y + 10),
    boxes,
    edges,
  };
}

/** States by how many transitions it takes to come there from the initial one; what nothing leads to comes last. */
function byDistance(states: readonly StateShape[]): readonly StateShape[] {
  const known = new Map(states.map((state) => [state.name, state]));
  const reached: StateShape[] = [];
  const queue = states.filter((state) => state.initial);
  const seen = new Set(queue.map((state) => state.name));
  for (let state = queue.shift(); state !== undefined; state = queue.shift()) {
    reached.push(state);
    for (const { target } of state.transitions) {
      const next = known.get(target);
      if (next === undefined || seen.has(target)) continue;
      seen.add(target);
      queue.push(next);
    }
  }
  return [...reached, ...states.filter((state) => !seen.has(state.name))];
}

const shortened = (name: string): string => {
  const text = name.replaceAll("_", " ");
  return text.length > 14 ? `${text.slice(0, 13)}…` : text;
};

type Box = Drawn["boxes"][number];

function pathOf(from: Box, to: Box): string {
  const middle = (of: Box) => ({ x: of.x + of.width / 2, y: of.y + of.height / 2 });
  const a = middle(from);
  const b = middle(to);
  if (from.y === to.y) {
    const near = Math.abs(a.x - b.x) < box.width + gap.x + 1;
    const rightwards = b.x > a.x;
    if (near) {
      const y = a.y + (rightwards ? -5 : 5);
      return `M${rightwards ? from.x + from.width : from.x} ${y}L${rightwards ? to.x - 2 : to.x + to.width + 2} ${y}`;
    }
    const side = rightwards ? from.y : from.y + from.height;
    const bow = rightwards ? side - 12 : side + 12;
    return `M${a.x} ${side}C${a.x} ${bow} ${b.x} ${bow} ${b.x} ${rightwards ? side - 2 : side + 2}`;
  }
  const down = b.y > a.y;
  const shift = down ? -8 : 8;
  const startY = down ? from.y + from.height : from.y;
  const endY = down ? to.y - 2 : to.y + to.height + 2;
  const half = (startY + endY) / 2;
  return `M${a.x + shift} ${startY}C${a.x + shift} ${half} ${b.x + shift} ${half} ${b.x + shift} ${endY}`;
}
