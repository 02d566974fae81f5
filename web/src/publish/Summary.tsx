import type { Content } from "../api/types";
import { m } from "../messages";
import { type FormField, isVisible } from "../model/form";
import { Facts } from "../pieces/Facts";

/** What a content says, as a list of names and values in the words of the form. */
export function Summary({ content, fields }: { content: Content; fields: FormField[] }) {
  const app = content.app ?? {};
  const words = m.publish.app;
  const values = content.fields ?? {};
  const rows: [string, unknown][] = [
    [words.name, app.name],
    [words.slug, app.slug],
    [words.description, app.description],
    [words.category, words.categories[app.category as keyof typeof words.categories] ?? app.category],
    [words.owner, app.owner],
    [words.contact, app.contact],
    [words.url, app.url],
    ...fields
      .filter((field) => isVisible(field, values))
      .map((field): [string, unknown] => [field.label, values[field.name]]),
    ...(content.removal_plan ? [[m.publish.options.removal, content.removal_plan] as [string, unknown]] : []),
  ];
  return <Facts rows={rows.map(([name, value]) => [name, inWords(value)])} />;
}

/** A value as people write it. */
function inWords(value: unknown): string {
  if (value === undefined || value === null || value === "") return m.publish.review.empty;
  if (typeof value === "boolean") return value ? m.publish.options.yes : m.publish.options.no;
  return Array.isArray(value) ? value.join(", ") : String(value);
}
