import type { Command } from "commander";

import { ok, refuse } from "../../../actors/kernel/result.ts";
import { exitCodes, perform } from "../action.ts";
import { print } from "../terminal.ts";

/** `meridian completion`: a script that completes commands and options in the user's shell. */
export function register(program: Command): void {
  program
    .command("completion")
    .description("print a script that completes commands, options and their values in a shell")
    .argument("[shell]", "bash, zsh or fish", "bash")
    .addHelpText(
      "after",
      `
Examples:
  source <(npx meridian completion)                    in ~/.bashrc
  source <(npx meridian completion zsh)                in ~/.zshrc, after compinit
  npx meridian completion fish > ~/.config/fish/completions/meridian.fish`,
    )
    .action((shell: string) =>
      perform(async () => {
        if (shell !== "bash" && shell !== "zsh" && shell !== "fish") {
          return refuse("usage", `there is no completion for ${shell}`, "bash, zsh or fish");
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
export function completionScript(program: Command, shell: "bash" | "zsh" | "fish"): string {
  if (shell === "fish") return fishScript(program);
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

/** Text between single quotes of fish. */
const quoted = (text: string): string =>
  `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;

/** A line for each command and option, with the condition under which it is offered. */
function fishScript(program: Command): string {
  const known = knownCommands(program);
  const paths = known.map(({ path }) => path);
  const offers = [{ path: "", command: program }, ...known].flatMap(({ path, command }) => {
    const at = `-n ${quoted(`__meridian_at "${path}"`)}`;
    const commands = command.commands.map(
      (child) =>
        `complete -c meridian ${at} -f -a ${quoted(child.name())} -d ${quoted(child.description())}`,
    );
    const options = command.options.map(({ short, long, argChoices, description }) => {
      const names = [
        short === undefined ? "" : ` -s ${short.slice(1)}`,
        long === undefined ? "" : ` -l ${long.slice(2)}`,
      ].join("");
      const values = argChoices === undefined ? "" : ` -x -a ${quoted(argChoices.join(" "))}`;
      return `complete -c meridian ${at}${names}${values} -d ${quoted(description)}`;
    });
    return [...commands, ...options];
  });
  return `# Completes meridian: ~/.config/fish/completions/meridian.fish
function __meridian_at --description 'whether the words so far are of that command'
    set -l path
    for word in (commandline -opc)[2..]
        set -l next (string trim -- "$path $word")
        contains -- "$next" ${paths.map(quoted).join(" ")}; and set path "$next"
    end
    test "$path" = "$argv[1]"
end
${offers.join("\n")}`;
}
