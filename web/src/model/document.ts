import type { TemplateDocument, TemplateField } from "../api/types";
import { read } from "./place";

/** A document as people edit it: two spaces, a line a member, short objects of a field kept readable. */
export const written = (document: unknown): string => `${JSON.stringify(document, null, 2)}\n`;

/** The document of a text, as far as it has the shape of one; null when the text cannot be read or is something else. */
export function documentOf(text: string): TemplateDocument | null {
  const done = read(text);
  return "value" in done && isObject(done.value) ? (done.value as TemplateDocument) : null;
}

/** The part of a template that people write: what the server adds to it is left out. */
export function writable(template: TemplateDocument & Record<string, unknown>): Record<string, unknown> {
  const { $schema: _s, version: _v, created_at: _a, created_by: _b, active: _c, can: _d, ...rest } = template;
  return Object.fromEntries(
    Object.entries(rest).filter(([, value]) => value !== undefined && value !== null),
  );
}

/** What a new template starts with: all that every template needs. */
export function freshTemplate(): TemplateDocument {
  return {
    templateId: "new-template-v1",
    displayName: "New template",
    description: "Say in a sentence or two what it is for.",
    fields: {
      name: { type: "string", required: true, default: "Enabled", max: 40, title: "Name of the switch" },
      owner: { type: "user", required: true, title: "Person in charge" },
      audiences: {
        type: "enum",
        values: ["internal", "pilot", "beta"],
        required: true,
        title: "Who may see it",
      },
      ttl_days: {
        type: "integer",
        required: true,
        default: 60,
        min: 1,
        max: 180,
        title: "How many days it stays",
      },
      kill_switch: {
        type: "boolean",
        required: true,
        default: true,
        title: "Can be turned off for everybody at once",
      },
    },
    requiredChecks: ["audit_fields_present", "dependency_check", "security_scan"],
  };
}

/** The fields in their order, each with its name. */
export const fieldList = (document: TemplateDocument): [string, TemplateField][] =>
  isObject(document.fields)
    ? Object.entries(document.fields as Record<string, TemplateField>).filter(([, field]) => isObject(field))
    : [];

export type Edit =
  | { do: "set"; name: "displayName" | "description" | "templateId"; value: string }
  | { do: "checks"; value: string[] }
  | { do: "add"; name: string; type: TemplateField["type"] }
  | { do: "field"; name: string; part: keyof TemplateField; value: unknown }
  | { do: "rename"; name: string; to: string }
  | { do: "move"; name: string; by: -1 | 1 }
  | { do: "drop"; name: string };

/** One change of a document made in the form. A pure function; what it does not know is kept as it is. */
export function edited(document: TemplateDocument, edit: Edit): TemplateDocument {
  const fields = fieldList(document);
  const put = (next: [string, TemplateField][]) => ({ ...document, fields: Object.fromEntries(next) });
  switch (edit.do) {
    case "set":
      return { ...document, [edit.name]: edit.value };
    case "checks":
      return { ...document, requiredChecks: edit.value };
    case "add":
      return put([...fields, [freeName(edit.name, fields), blank(edit.type)]]);
    case "field":
      return put(
        fields.map(([name, field]) => [
          name,
          name === edit.name ? withPart(field, edit.part, edit.value) : field,
        ]),
      );
    case "rename":
      return edit.to === "" || fields.some(([name]) => name === edit.to)
        ? document
        : put(fields.map(([name, field]) => [name === edit.name ? edit.to : name, field]));
    case "move": {
      const at = fields.findIndex(([name]) => name === edit.name);
      const [one, other] = [fields[at], fields[at + edit.by]];
      if (!one || !other) return document;
      const next = [...fields];
      next[at] = other;
      next[at + edit.by] = one;
      return put(next);
    }
    case "drop":
      return put(fields.filter(([name]) => name !== edit.name));
  }
}

function withPart(field: TemplateField, part: keyof TemplateField, value: unknown): TemplateField {
  const next: TemplateField = { ...field, [part]: value };
  if (value === undefined || value === "" || value === false) delete next[part];
  if (part === "default" && value === false) next.default = false;
  if (part === "type") {
    // What only other types may say goes with the type.
    if (value !== "enum" && value !== "list") delete next.values;
    if (value === "enum" && !next.values?.length) next.values = ["first", "second"];
    if (value !== "list") delete next.items;
    delete next.default;
    if (["boolean", "enum", "date", "team", "user", "segment"].includes(String(value))) {
      delete next.min;
      delete next.max;
      delete next.pattern;
    }
  }
  return next;
}

const blank = (type: TemplateField["type"]): TemplateField => ({
  type,
  title: "New question",
  ...(type === "enum" ? { values: ["first", "second"] } : {}),
});

function freeName(name: string, fields: [string, TemplateField][]): string {
  const taken = new Set(fields.map(([one]) => one));
  for (let n = 1; ; n++) {
    const free = n === 1 ? name : `${name}_${n}`;
    if (!taken.has(free)) return free;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
