import type { Command } from "commander";

import { ok, refuse } from "../../../actors/kernel/result.ts";
import { exitCodes, perform } from "../action.ts";
import { print } from "../terminal.ts";

/** `meridian completion`: a script that completes commands and options in the user's shell. */
export function register(program: Command): void {
  program
    .command("completion")
    .description("print a completion script; in ~/.bashrc: source <(npx meridian completion)")
    .argument("[shell]", "bash or zsh", "bash")
    .action((shell: string) =>
      perform(async () => {
        if (shell !== "bash" && shell !== "zsh") {
          return refuse("usage", `${JSON.stringify(shell)} is not known`, "bash or zsh");
        }
        print(completionScript(program, shell));
        return ok(exitCodes.ok);
      }),
    );
}

interface KnownCommand {
  /** "order place". */
  readonly path: string;
  readonly command: Command;
}

function knownCommands(command: Command, path: readonly string[] = []): readonly KnownCommand[] {
  return command.commands.flatMap((child) => {
    const own = [...path, child.name()];
    return [{ path: own.join(" "), command: child }, ...knownCommands(child, own)];
  });
}

/** What can follow a command: subcommands and options. */
function wordsAfter({ path, command }: KnownCommand): string {
  const words = [
    ...command.commands.map((child) => child.name()),
    ...command.options.flatMap((option) => option.long ?? []),
    "--help",
  ];
  return `    "${path}") words="${words.join(" ")}" ;;`;
}

/** What can follow an option that has a choice of values. */
function valuesAfter({ path, command }: KnownCommand): readonly string[] {
  return command.options.flatMap(({ short, long, argChoices }) =>
    argChoices === undefined
      ? []
      : [short, long].flatMap((flag) =>
          flag === undefined ? [] : [`    "${path} ${flag}") words="${argChoices.join(" ")}" ;;`],
        ),
  );
}

/** The script; `program` has all its commands. */
export function completionScript(program: Command, shell: "bash" | "zsh"): string {
  const known = knownCommands(program);
  const first = program.commands.map((child) => child.name()).join(" ");
  return `# Completes meridian and, in a checkout, npx meridian.
${shell === "zsh" ? "autoload -U +X bashcompinit && bashcompinit\n" : ""}_meridian() {
  local path="" words="${first} --help --version --debug" index=1 next
  case "\${COMP_WORDS[0]##*/}" in
    npx) [ "\${COMP_WORDS[1]}" = meridian ] && [ "$COMP_CWORD" -gt 1 ] || return; index=2 ;;
  esac
  # Arguments and values of options are no part of the command's path.
  while [ "$index" -lt "$COMP_CWORD" ]; do
    next="\${path:+$path }\${COMP_WORDS[$index]}"
    case "$next" in ${known.map(({ path }) => `"${path}"`).join("|")}) path="$next" ;; esac
    index=$((index + 1))
  done
  case "$path" in
${known.map(wordsAfter).join("\n")}
  esac
  case "$path \${COMP_WORDS[$((COMP_CWORD - 1))]}" in
${known.flatMap(valuesAfter).join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[$COMP_CWORD]}"))
}
complete -o default -F _meridian meridian npx`;
}
