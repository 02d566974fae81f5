import { expect, test } from "vitest";
import type { Draft } from "../model/draft";
import { change } from "./draft";

const empty: Draft = { content: { kind: "publish_app" }, touched: [], ownSlug: false, savedAt: "" };

test("the short name follows the name until it is changed, and again when it is emptied", () => {
  const named = change(empty, { do: "app", name: "name", value: "Where 2 Eat" });
  expect(named.content.app?.slug).toBe("where-2-eat");
  const own = change(named, { do: "app", name: "slug", value: "lunch" });
  expect(change(own, { do: "app", name: "name", value: "Other" }).content.app?.slug).toBe("lunch");
  const emptied = change(own, { do: "app", name: "slug", value: "" });
  expect(change(emptied, { do: "app", name: "name", value: "Other" }).content.app?.slug).toBe("other");
});

test("an emptied field is absent, not empty", () => {
  const typed = change(empty, { do: "field", name: "ttl_days", value: 30 });
  expect(change(typed, { do: "field", name: "ttl_days", value: undefined }).content.fields).toEqual({});
  expect(change(typed, { do: "text", name: "reason", value: "" }).content.reason).toBeUndefined();
});

test("what is said of the data is absent once all of it is emptied", () => {
  const said = change(empty, { do: "data", name: "classification", value: "internal" });
  const why = change(said, { do: "data", name: "why", value: "menus" });
  expect(why.content.app?.data).toEqual({ classification: "internal", why: "menus" });
  expect(why.touched).toEqual(["app.data.classification", "app.data.why"]);
  const without = change(why, { do: "data", name: "why", value: "" });
  expect(change(without, { do: "data", name: "classification", value: undefined }).content.app).toEqual({});
});

test("what is typed into is remembered once", () => {
  const once = change(empty, { do: "app", name: "name", value: "A" });
  expect(change(once, { do: "app", name: "name", value: "B" }).touched).toEqual(["app.name"]);
});
