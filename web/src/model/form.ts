import { type Schema, Validator } from "@cfworker/json-schema";
import type { TemplateField } from "../api/types";

export type FieldType = TemplateField["type"];

/** One field of a template's form, as its JSON Schema describes it. */
export interface FormField {
  name: string;
  type: FieldType;
  label: string;
  help: string;
  required: boolean;
  initial: unknown;
  least?: number;
  most?: number;
  choices: string[];
  /** Choices in plain words, by value. */
  titles: Record<string, string>;
  /** Of a list: the type and the choices of what it holds. */
  items?: { type: FieldType; choices: string[] };
  visibleIf: Record<string, unknown>;
}

interface Property extends Schema {
  "x-souk-type"?: FieldType;
  "x-souk-order"?: number;
  "x-souk-visible-if"?: Record<string, unknown>;
  "x-souk-value-titles"?: Record<string, string>;
}

const strings = (values: unknown[] | undefined): string[] => (values ?? []).map(String);

/** The fields of a form in their order. */
export function fieldsOf(schema: Schema): FormField[] {
  const properties = Object.entries((schema.properties ?? {}) as Record<string, Property>);
  const order = (property: Property) => property["x-souk-order"] ?? 0;
  return properties
    .sort(([, a], [, b]) => order(a) - order(b))
    .map(([name, property]) => ({
      name,
      type: property["x-souk-type"] ?? "string",
      label: property.title ?? name,
      help: property.description ?? "",
      required: schema.required?.includes(name) ?? false,
      initial: property.default,
      least: property.minimum ?? property.minLength ?? property.minItems,
      most: property.maximum ?? property.maxLength ?? property.maxItems,
      choices: strings(property.enum),
      titles: property["x-souk-value-titles"] ?? {},
      items: itemsOf(property),
      visibleIf: property["x-souk-visible-if"] ?? {},
    }));
}

function itemsOf(property: Property): FormField["items"] {
  const items = property.items as Property | undefined;
  return items && typeof items === "object"
    ? { type: items["x-souk-type"] ?? "string", choices: strings(items.enum) }
    : undefined;
}

export type Values = Record<string, unknown>;

/** Whether the form shows a field: its conditions hold for what the others are set to. */
export function isVisible(field: FormField, values: Values): boolean {
  return Object.entries(field.visibleIf).every(([name, value]) => values[name] === value);
}

/** What a form starts with: what was filled in before, as far as the fields exist, else the template's defaults. */
export function startWith(fields: FormField[], before: Values, guesses: Values): Values {
  const values: Values = {};
  for (const field of fields) {
    const fits = field.choices.length === 0 || field.choices.includes(String(before[field.name]));
    const value =
      (fits ? before[field.name] : undefined) ?? field.initial ?? guesses[field.name] ?? guesses[field.type];
    if (value !== undefined) values[field.name] = value;
  }
  return values;
}

/** Why a value is refused: the keyword of the schema that refuses it, and its limit. */
export interface Refusal {
  keyword: string;
  limit?: unknown;
}

/** Judges values by the schema in the browser: the first refusal of each field. */
export function judge(schema: Schema, values: Values): Map<string, Refusal> {
  const refusals = new Map<string, Refusal>();
  for (const name of requiredOf(schema, values)) {
    if (values[name] === undefined || values[name] === "") refusals.set(name, { keyword: "required" });
  }
  const properties = (schema.properties ?? {}) as Record<string, Schema>;
  for (const { keyword, instanceLocation } of new Validator(schema, "2020-12", false).validate(values)
    .errors) {
    const name = instanceLocation.split("/")[1]?.replace(/~1/g, "/").replace(/~0/g, "~");
    if (!name || wraps.has(keyword) || refusals.has(name)) continue;
    const limit = (properties[name] as Record<string, unknown> | undefined)?.[keyword];
    refusals.set(name, { keyword, limit });
  }
  return refusals;
}

/** The fields that must be filled in: always, or because of what others are set to. */
function requiredOf(schema: Schema, values: Values): string[] {
  const conditional = ((schema.allOf ?? []) as Schema[]).filter(
    (part) => part.if && new Validator(part.if, "2020-12").validate(values).valid,
  );
  return [schema, ...conditional.map((part) => part.then as Schema)].flatMap((part) => part?.required ?? []);
}

// Keywords that only say that something inside them was refused.
const wraps = new Set(["properties", "allOf", "items", "if", "then", "additionalProperties", "$ref"]);
