import { Link, useLocation } from "react-router";
import type { AppData, Content } from "../api/types";
import { m } from "../messages";
import type { Step } from "../model/findings";
import { type FormField, isVisible } from "../model/form";
import { Facts } from "../pieces/Facts";
import { stepAddress } from "./StepNav";
import classes from "./Summary.module.css";

/** What a content says, step by step, in the words of the form. */
export function Summary({ content, fields }: { content: Content; fields: FormField[] }) {
  const app = content.app ?? {};
  const words = m.publish.app;
  const values = content.fields ?? {};
  return (
    <>
      {content.kind === "publish_app" && (
        <Part step="app">
          <Facts
            rows={[
              [words.name, inWords(app.name)],
              [words.slug, inWords(app.slug)],
              [words.description, inWords(app.description)],
              [
                words.category,
                inWords(words.categories[app.category as keyof typeof words.categories] ?? app.category),
              ],
              [words.owner, inWords(app.owner)],
              [words.contact, inWords(app.contact)],
              [words.url, inWords(app.url)],
              ...dataRows(app.data),
            ]}
          />
        </Part>
      )}
      <Part step="options">
        <Facts
          rows={[
            ...fields
              .filter((field) => isVisible(field, values))
              .map((field): [string, string] => [field.label, inWords(values[field.name], field.titles)]),
            ...(content.removal_plan
              ? [[m.publish.options.removal, content.removal_plan] as [string, string]]
              : []),
          ]}
        />
      </Part>
    </>
  );
}

function Part({ step, children }: { step: Step; children: React.ReactNode }) {
  const { search } = useLocation();
  const name = m.publish.steps[step];
  return (
    <section className={classes.part}>
      <div className={classes.head}>
        <h3 className={classes.title}>{name}</h3>
        <Link to={stepAddress(search, step)} aria-label={m.publish.review.changeStep(name)}>
          {m.publish.review.change}
        </Link>
      </div>
      {children}
    </section>
  );
}

/** What is said of the data that the app shows; nothing where nothing is. */
function dataRows(data: AppData | undefined): [string, string][] {
  if (!data?.classification) return [];
  const words = m.publish.data;
  const rows: [string, string][] = [[words.title, words.classifications[data.classification]]];
  return data.why ? [...rows, [words.why, data.why]] : rows;
}

/** A value as people write it; choices by their titles. */
function inWords(value: unknown, titles: Record<string, string> = {}): string {
  if (value === undefined || value === null || value === "") return m.publish.review.empty;
  if (typeof value === "boolean") return value ? m.publish.options.yes : m.publish.options.no;
  const words = (one: unknown) => titles[String(one)] ?? String(one);
  return Array.isArray(value) ? value.map(words).join(", ") : words(value);
}
