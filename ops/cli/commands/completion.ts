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

/** The words that can follow each command path: subcommands and options. */
function completions(command: Command, path: readonly string[]): readonly string[] {
  const words = [
    ...command.commands.map((child) => child.name()),
    ...command.options.flatMap((option) => option.long ?? []),
    "--help",
  ];
  const own = `    "${path.join(" ")}") words="${words.join(" ")}" ;;`;
  return [own, ...command.commands.flatMap((child) => completions(child, [...path, child.name()]))];
}

function completionScript(program: Command, shell: "bash" | "zsh"): string {
  const cases = program.commands.flatMap((child) => completions(child, [child.name()])).join("\n");
  const first = program.commands.map((child) => child.name()).join(" ");
  return `${shell === "zsh" ? "autoload -U +X bashcompinit && bashcompinit\n" : ""}_meridian() {
  local path="" words="${first} --help --version --debug" index=1 word
  while [ "$index" -lt "$COMP_CWORD" ]; do
    word="\${COMP_WORDS[$index]}"
    case "$word" in -*) ;; *) path="\${path:+$path }$word" ;; esac
    index=$((index + 1))
  done
  case "$path" in
${cases}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[$COMP_CWORD]}"))
}
complete -o default -F _meridian meridian`;
}
