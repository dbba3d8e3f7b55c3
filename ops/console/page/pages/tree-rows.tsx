import { signal } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import { type TreeNode, treeView, windowRows } from "../data/tree.ts";
import { now } from "../live/clock.ts";
import { useSource } from "../live/source.ts";
import { Badge, type Meaning, meaningOf } from "../parts/badge.tsx";
import { grouped, plural } from "../parts/format.ts";
import { amend, place } from "../router.ts";

/** Rows of the tree and the branches below them: each open branch is a window of its own. */

/** Branches that are open, by region, cell and path; each open one is a window of its own. */
const opened = signal<ReadonlySet<string>>(new Set());
export const marked = signal<ReadonlySet<string>>(new Set());
/** Windows at a time: each is one message a second. */
const mostOpened = 40;

const keyOf = (region: string, cell: string, path: string): string => `${region} ${cell} ${path}`;

function toggled(set: ReadonlySet<string>, key: string, to = !set.has(key)): ReadonlySet<string> {
  const next = new Set(set);
  if (to) next.add(key);
  else next.delete(key);
  while (next.size > mostOpened) next.delete([...next][0] ?? "");
  return next;
}

/** Shown open when somebody comes for the first time: the regions, the cells and what they supervise. */
const firstDepth = 1;

const conditions: readonly (Meaning | null)[] = [null, null, "fail", "fail", "warn", "stale"];

interface RowProps {
  readonly region: string;
  readonly node: TreeNode;
  readonly level: number;
  /** Found by a filter: told with its whole path, and nothing below it. */
  readonly flat: boolean;
}

function Row({ region, node, level, flat }: RowProps) {
  const key = keyOf(region, node.cell, node.path);
  const children = node.children;
  const open = !flat && children > 0 && isOpen(key, level);
  const element = useRef<HTMLDivElement>(null);
  useRowCommands(element, key, open);
  const flash = useFlash(node.restarts);
  const name = flat ? node.path : (node.path.split("/").filter(Boolean).at(-1) ?? node.path);
  const is = conditions[node.condition] ?? meaningOf(node.state);
  const drawer = `node:${region}/${node.cell}${node.path}`;
  const selected = place.value.query["open"] === drawer;
  return (
    <>
      <div
        ref={element}
        class={`tree-row ${selected ? "selected" : ""} ${marked.value.has(key) ? "marked" : ""} ${flash ? "flash" : ""}`}
        role="treeitem"
        aria-level={level}
        aria-expanded={children > 0 && !flat ? open : undefined}
        aria-selected={selected}
        tabIndex={0}
        data-row
        onClick={() => amend({ open: drawer })}
        onKeyDown={(event) => {
          if (event.key === "Enter") amend({ open: drawer });
          if (event.key === " ") {
            event.preventDefault();
            setOpen(key, !open);
          }
        }}
      >
        <span class="name" style={{ paddingLeft: `${(level - 1) * 16 + 4}px` }}>
          <span
            class="twisty"
            aria-hidden="true"
            onClick={(event) => {
              if (children === 0 || flat) return;
              event.stopPropagation();
              setOpen(key, !open);
            }}
          >
            {children === 0 || flat ? "" : open ? "▾" : "▸"}
          </span>
          <Badge is={is} />
          <span class="clip">{name}</span>
          <span class="quiet clip">{node.type}</span>
        </span>
        <span class={`clip ${is === "ok" ? "second" : is}`}>{node.state.replaceAll("_", " ")}</span>
        <span class="below clip">{children > 0 && <Below node={node} />}</span>
        <span class="value number">
          {node.recentRestarts > 0 && <span class="warn">▲ {grouped(node.recentRestarts)} </span>}
          {grouped(node.restarts)}
        </span>
        <span class="value number">{grouped(node.mailbox)}</span>
        <span class="clip second" title={node.lastFailure}>
          {node.lastFailure}
        </span>
      </div>
      {open && <Branch region={region} cell={node.cell} branch={node.path} level={level + 1} />}
    </>
  );
}

function Below({ node }: { node: TreeNode }) {
  const below = node.below ?? {};
  const failed = below.failed ?? 0;
  const restarting = below.restarting ?? 0;
  const recent = below.recentRestarts ?? 0;
  const deeper =
    (below.nodes ?? 0) > node.children ? ` · ${plural(below.nodes ?? 0, "actor")}` : "";
  return (
    <>
      <span class="second">
        {node.children === 1 ? "1 child" : `${grouped(node.children)} children`}
        {deeper}
      </span>
      {failed + restarting > 0 && (
        <span title={`${grouped(failed)} failed, ${grouped(restarting)} restarting`}>
          <Badge is="fail">{grouped(failed + restarting)} down</Badge>
        </span>
      )}
      {recent > 0 && <Badge is="warn">{grouped(recent)}</Badge>}
    </>
  );
}

/** Closed ones are remembered as such: `-` and the key. */
const isOpen = (key: string, level: number): boolean =>
  opened.value.has(key) || (level <= firstDepth && !opened.value.has(`-${key}`));

function setOpen(key: string, open: boolean): void {
  opened.value = toggled(toggled(opened.value, key, open), `-${key}`, !open);
}

interface BranchProps {
  readonly region: string;
  readonly cell: string;
  readonly branch: string;
  readonly level: number;
}

function Branch({ region, cell, branch, level }: BranchProps) {
  const [offset, setOffset] = useState(0);
  const source = useMemo(
    () => treeView({ region, cell, branch, children: true, offset, filter: "", sort: "" }),
    [region, cell, branch, offset],
  );
  const { value, failure } = useSource(source);
  const shown = useLastKnown(value);
  const nodes = (shown?.nodes ?? noNodes) as readonly TreeNode[];
  const rows = useRows(nodes, { region, level, flat: false });
  return (
    <div role="group" class={value === null ? "is-before" : ""}>
      {value === null && failure !== null && (
        <p class="tree-more">
          <Badge is="warn">{failure.reason}</Badge>
        </p>
      )}
      <Windows
        total={shown?.total ?? 0}
        offset={offset}
        go={setOffset}
        of={branch.split("/").at(-1) ?? branch}
        indent={level * 16 + 4}
      />
      {rows}
    </div>
  );
}

interface WindowsProps {
  readonly total: number;
  readonly offset: number;
  readonly go: (offset: number) => void;
  readonly of: string;
  readonly indent: number;
}

/** A branch of more than a window: which part of it is shown, and the way to the others. */
function Windows({ total, offset, go, of, indent }: WindowsProps) {
  if (total <= windowRows && offset === 0) return null;
  const last = Math.max(0, Math.ceil(total / windowRows) - 1) * windowRows;
  const steps = [
    ["first", 0, offset === 0],
    ["earlier", Math.max(0, offset - windowRows), offset === 0],
    ["later", offset + windowRows, offset >= last],
    ["last", last, offset >= last],
  ] as const;
  return (
    <p class="tree-more" style={{ paddingLeft: `${indent}px` }}>
      {steps.map(([name, to, disabled]) => (
        <button
          key={name}
          type="button"
          class="small"
          disabled={disabled}
          aria-label={`${name} of ${of}`}
          onClick={() => go(to)}
        >
          {name}
        </button>
      ))}
      <span class="mono">
        {grouped(offset + 1)}–{grouped(Math.min(total, offset + windowRows))} of {grouped(total)}
      </span>
    </p>
  );
}

/** While the next window has not come, the one before stays, greyed: a page that empties between two looks broken. */
export function useLastKnown<T>(value: T | null): T | null {
  const known = useRef<T | null>(null);
  if (value !== null) known.current = value;
  return known.current;
}

export const noNodes: readonly TreeNode[] = [];

/** Made anew only when the window has other nodes: a message that tells of no change draws nothing. */
export function useRows(
  nodes: readonly TreeNode[],
  { region, level, flat }: Pick<RowProps, "region" | "level" | "flat">,
) {
  return useMemo(
    () =>
      nodes.map((node) => (
        <Row
          key={`${node.cell} ${node.path}`}
          region={region}
          node={node}
          level={level}
          flat={flat}
        />
      )),
    [nodes, region, level, flat],
  );
}

function useRowCommands(
  element: { current: HTMLDivElement | null },
  key: string,
  open: boolean,
): void {
  useEffect(() => {
    const row = element.current;
    if (row === null) return undefined;
    const listeners = {
      "row-unfold": () => setOpen(key, true),
      "row-fold": () => setOpen(key, false),
      "row-mark": () => {
        marked.value = toggled(marked.value, key);
      },
    } as const;
    for (const [name, listener] of Object.entries(listeners)) row.addEventListener(name, listener);
    return () => {
      for (const [name, listener] of Object.entries(listeners))
        row.removeEventListener(name, listener);
    };
  }, [key, open]);
}

const flashMs = 1_500;

/** True for a moment after the count has risen. */
function useFlash(restarts: number): boolean {
  const seen = useRef({ restarts, until: 0 });
  if (restarts > seen.current.restarts) seen.current = { restarts, until: Date.now() + flashMs };
  return seen.current.until > 0 && now.value < seen.current.until;
}
