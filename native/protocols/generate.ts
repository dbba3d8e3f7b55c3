/**
 * Writes layouts.hpp from the table of schemas/nasdaq/layouts.ts: `node native/protocols/generate.ts`. The result is
 * committed, and a test fails when it is not what the table gives.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import {
  type FieldKind,
  type MessageLayout,
  groups,
  ouchOptions,
  widths,
} from "../../schemas/nasdaq/layouts.ts";

const namespaces = {
  soupPackets: "soup",
  ouchInbound: "ouch::inbound",
  ouchOutbound: "ouch::outbound",
  itchMessages: "itch",
} as const satisfies Readonly<Record<keyof typeof groups, string>>;

const snake = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const pascal = (name: string): string => `${name.charAt(0).toUpperCase()}${name.slice(1)}`;

function typeOf(kind: FieldKind): string {
  if (kind === "letter") return "char";
  if (kind.startsWith("text")) return `Text<${widths[kind]}>`;
  if (kind === "i32") return "std::int32_t";
  return `std::uint${kind === "u48" ? 64 : widths[kind] * 8}_t`;
}

function structOf(name: string, layout: MessageLayout): string {
  let at = 1;
  const members: string[] = [];
  const visits: string[] = [];
  for (const [field, kind] of layout.fields) {
    members.push(`  ${typeOf(kind)} ${snake(field)}{};`);
    visits.push(`    field(At<${at}, ${widths[kind]}>{}, "${field}", self.${snake(field)});`);
    at += widths[kind];
  }
  return [
    `struct ${pascal(name)} {`,
    `  static constexpr char letter = '${layout.letter}';`,
    `  static constexpr std::size_t size = ${layout.size};`,
    `  static constexpr std::string_view name = "${name}";`,
    ...members,
    ...(layout.appendage ? ["  Options options{};"] : []),
    "  template <class Self, class Field>",
    `  static constexpr void visit(${layout.fields.length > 0 ? "Self& self, Field&& field" : "Self&, Field&&"}) {`,
    ...visits,
    "  }",
    "};",
  ].join("\n");
}

function groupOf(namespace: string, messages: Readonly<Record<string, MessageLayout>>): string {
  const names = Object.keys(messages);
  return [
    `namespace ${namespace} {`,
    "",
    ...Object.entries(messages).map(([name, layout]) => `${structOf(name, layout)}\n`),
    `using All = Messages<${names.map(pascal).join(", ")}>;`,
    "",
    `}  // namespace ${namespace}`,
  ].join("\n");
}

function options(): string {
  const entries = Object.entries(ouchOptions);
  return [
    "namespace ouch {",
    "",
    "// What an appendage says. A bit of `present` is 1 << tag.",
    "struct Options {",
    "  std::uint32_t present = 0;",
    ...entries.map(([name, { kind }]) => `  ${typeOf(kind)} ${snake(name)}{};`),
    "",
    "  enum Tag : std::uint8_t {",
    ...entries.map(([name, { tag }]) => `    ${snake(name)}_tag = ${tag},`),
    "  };",
    "  [[nodiscard]] constexpr bool has(Tag tag) const noexcept { return (present >> tag & 1U) != 0; }",
    "  constexpr void mark(Tag tag) noexcept { present |= 1U << tag; }",
    "",
    "  // Calls option(tag, name, value) for every tag, in the order of the table.",
    "  template <class Self, class Option>",
    "  static constexpr void visit(Self& self, Option&& option) {",
    ...entries.map(([name]) => `    option(${snake(name)}_tag, "${name}", self.${snake(name)});`),
    "  }",
    "};",
    "",
    "}  // namespace ouch",
  ].join("\n");
}

/** The text of layouts.hpp. */
export function generatedLayouts(): string {
  return [
    "// clang-format off",
    "// Generated from schemas/nasdaq/layouts.ts by native/protocols/generate.ts: change the table, not this file.",
    "#pragma once",
    "#include <cstddef>",
    "#include <cstdint>",
    "#include <string_view>",
    "",
    '#include "protocols/fields.hpp"',
    "",
    "namespace meridian::protocols {",
    "",
    options(),
    "using ouch::Options;",
    "",
    ...Object.entries(groups).map(
      ([group, messages]) => `${groupOf(namespaces[group as keyof typeof groups], messages)}\n`,
    ),
    "}  // namespace meridian::protocols",
    "",
  ].join("\n");
}

if (import.meta.main) {
  writeFileSync(join(import.meta.dirname, "layouts.hpp"), generatedLayouts());
}
