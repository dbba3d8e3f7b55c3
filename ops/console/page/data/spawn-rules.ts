/** What can be spawned, as the region's cell tells it: JSON Schema of each type's parameters. Pure. */

export interface Parameter {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  readonly format: string;
  readonly required: boolean;
  readonly minimum: number | null;
  readonly maximum: number | null;
  readonly whole: boolean;
  readonly choices: readonly string[];
  readonly fallback: string;
}

export interface SpawnType {
  readonly type: string;
  readonly group: string;
  readonly parameters: readonly Parameter[];
}

interface SchemaProperty {
  readonly description?: string;
  readonly unit?: string;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly multipleOf?: number;
  readonly enum?: readonly string[];
  readonly default?: string;
}

export interface ParameterSchema {
  readonly properties: Readonly<Record<string, SchemaProperty>>;
  readonly required: readonly string[];
}

export function parametersOf(schema: ParameterSchema): readonly Parameter[] {
  return Object.entries(schema.properties).map(([name, property]) => ({
    name,
    description: property.description ?? "",
    unit: property.unit ?? "",
    format: property.format ?? "",
    required: schema.required.includes(name),
    minimum: property.minimum ?? null,
    maximum: property.maximum ?? null,
    whole: property.multipleOf === 1,
    choices: property.enum ?? [],
    fallback: property.default ?? "",
  }));
}

/** Of every type the same, and all with a default: who pays, and what is allowed at most. */
const allowances: ReadonlySet<string> = new Set([
  "account",
  "risk",
  "maximumOrder",
  "maximumOpen",
  "maximumPosition",
  "maximumLoss",
]);
export const isAllowance = ({ name }: Parameter): boolean => allowances.has(name);

/** What is wrong with a text; null when nothing is, as far as its schema tells. */
export function faultOf(parameter: Parameter, text: string): string | null {
  if (text === "") return parameter.required ? "it is needed" : null;
  if (parameter.choices.length > 0) {
    return parameter.choices.includes(text) ? null : `one of ${parameter.choices.join(", ")}`;
  }
  const { minimum, maximum, whole } = parameter;
  if (minimum === null && maximum === null) return null;
  if (!/^\d{1,15}(\.\d{1,15})?$/.test(text)) return "a number like 0.1";
  const value = Number(text);
  if (whole && !Number.isInteger(value)) return "a whole number";
  if (minimum !== null && value < minimum) return `at least ${minimum}`;
  return maximum !== null && value > maximum ? `at most ${maximum}` : null;
}

export interface SpawnOrder {
  readonly key: string;
  readonly type: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** The same by the command line. */
export function spawnCommand(region: string, { key, type, parameters }: SpawnOrder): string {
  const { market = "", account, source, ...others } = parameters;
  const set = Object.entries(others).map(([name, value]) => ` --set ${name}=${value}`);
  const from = source === undefined ? "" : " --from FILE";
  const own = account === undefined ? "" : ` --account ${account}`;
  return `npx meridian strategy spawn ${type} --market ${market} --region ${region} --key ${key}${own}${from}${set.join("")} --as operator`;
}
