import { useEffect, useReducer } from "react";
import type { AppDraft, Content, Patch } from "../api/types";
import { type Draft, dropDraft, loadDraft, saveDraft } from "../model/draft";
import { patched } from "../model/findings";
import { type FormField, startWith, type Values } from "../model/form";
import { slugOf } from "../model/slug";

export type Act =
  | { do: "app"; name: keyof AppDraft; value: string }
  | { do: "field"; name: string; value: unknown }
  | { do: "text"; name: "reason" | "removal_plan"; value: string }
  | { do: "template"; id: string }
  | { do: "adopt"; fields: FormField[]; guesses: Values }
  | { do: "patch"; patch: Patch[] }
  | { do: "replace"; content: Content }
  | { do: "touch"; path: string };

/** One change of a draft. A pure function: what is typed goes in, the next draft comes out. */
export function change(draft: Draft, act: Act): Draft {
  const { content } = draft;
  switch (act.do) {
    case "app": {
      const app = { ...content.app, [act.name]: act.value };
      const ownSlug = act.name === "slug" ? act.value !== "" : draft.ownSlug;
      if (act.name === "name" && !ownSlug) app.slug = slugOf(act.value);
      return { ...touch(draft, `app.${act.name}`), ownSlug, content: { ...content, app } };
    }
    case "field": {
      const fields = { ...content.fields, [act.name]: act.value };
      if (act.value === undefined) delete fields[act.name];
      return { ...touch(draft, `fields.${act.name}`), content: { ...content, fields } };
    }
    case "text":
      return { ...touch(draft, act.name), content: { ...content, [act.name]: act.value || undefined } };
    case "template":
      return act.id === content.template_id
        ? draft
        : { ...touch(draft, "template_id"), content: { ...content, template_id: act.id } };
    case "adopt": {
      const fields = startWith(act.fields, content.fields ?? {}, act.guesses);
      return JSON.stringify(fields) === JSON.stringify(content.fields ?? {})
        ? draft
        : { ...draft, content: { ...content, fields } };
    }
    case "patch":
      return { ...draft, content: patched(content, act.patch) };
    case "replace":
      return { ...draft, content: act.content };
    case "touch":
      return touch(draft, act.path);
  }
}

function touch(draft: Draft, path: string): Draft {
  return draft.touched.includes(path) ? draft : { ...draft, touched: [...draft.touched, path] };
}

/** A draft that outlives the page: kept in the browser, for this person and this matter, until it is dropped. */
export function useDraft(email: string, about: string, fresh: Content) {
  const [draft, act] = useReducer(change, null, () => {
    return (
      loadDraft(email, about) ?? {
        content: fresh,
        touched: [],
        ownSlug: Boolean(fresh.app?.slug),
        savedAt: "",
      }
    );
  });
  useEffect(() => {
    if (draft.touched.length > 0) saveDraft(email, about, { ...draft, savedAt: new Date().toISOString() });
  }, [email, about, draft]);
  return { draft, act, drop: () => dropDraft(email, about) };
}
