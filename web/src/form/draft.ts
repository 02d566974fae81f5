import type { AppData, AppDraft, Content, Patch } from "../api/types";
import type { Draft } from "../model/draft";
import { patched } from "../model/findings";
import { type FormField, startWith, type Values } from "../model/form";
import { slugOf } from "../model/slug";

/** The members of an app that are texts. */
export type AppText = Exclude<keyof AppDraft, "data">;

export type Act =
  | { do: "app"; name: AppText; value: string | undefined }
  | { do: "data"; name: keyof AppData; value: string | undefined }
  | { do: "field"; name: string; value: unknown }
  | { do: "text"; name: "reason" | "removal_plan" | "until"; value: string }
  | { do: "put"; content: Partial<Content>; path: string }
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
      if (act.value === undefined) delete app[act.name];
      const ownSlug = act.name === "slug" ? act.value !== "" : draft.ownSlug;
      if (content.kind === "publish_app" && act.name === "name" && !ownSlug)
        app.slug = slugOf(act.value ?? "");
      return { ...touch(draft, `app.${act.name}`), ownSlug, content: { ...content, app } };
    }
    case "data": {
      const data = { ...content.app?.data, [act.name]: act.value || undefined };
      if (!act.value) delete data[act.name];
      const app: AppDraft = { ...content.app, data };
      if (Object.keys(data).length === 0) delete app.data;
      return { ...touch(draft, `app.data.${act.name}`), content: { ...content, app } };
    }
    case "field": {
      const fields = { ...content.fields, [act.name]: act.value };
      if (act.value === undefined) delete fields[act.name];
      return { ...touch(draft, `fields.${act.name}`), content: { ...content, fields } };
    }
    case "text":
      return { ...touch(draft, act.name), content: { ...content, [act.name]: act.value || undefined } };
    case "put":
      return { ...touch(draft, act.path), content: { ...content, ...act.content } };
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
