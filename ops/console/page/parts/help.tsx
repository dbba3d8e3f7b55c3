import { pages } from "../keys.ts";
import { Dialog } from "./dialog.tsx";

const groups: readonly (readonly [string, readonly (readonly [string, string])[]])[] = [
  ["Pages", pages.map(({ key, title }) => [`g ${key}`, title] as const)],
  [
    "Lists and tree",
    [
      ["j k", "next, previous row"],
      ["Enter", "open in the drawer"],
      ["h l", "fold, unfold"],
      ["x", "mark"],
      ["/", "filter"],
      ["Esc", "leave the filter, close the drawer"],
    ],
  ],
  [
    "Anywhere",
    [
      ["⌘K :", "search or run"],
      ["?", "this help"],
      ["Tab", "every button and field, in order"],
    ],
  ],
];

export function HelpDialog({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keys" onClose={onClose} class="help">
      <div class="help-groups">
        {groups.map(([title, keys]) => (
          <section key={title}>
            <h3>{title}</h3>
            <dl>
              {keys.map(([key, what]) => (
                <div key={key}>
                  <dt>
                    {key.split(" ").map((each) => (
                      <kbd key={each}>{each}</kbd>
                    ))}
                  </dt>
                  <dd>{what}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <p class="quiet">
        No key does harm: what stops, halts or fails over asks first, and wants its name typed.
      </p>
    </Dialog>
  );
}
