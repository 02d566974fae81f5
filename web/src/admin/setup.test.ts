import { expect, test } from "vitest";
import { freshGroup, placeOf } from "./setup";

const item = (id: string) => ({ id, title: "", words: "", done: false, href: "/admin/groups" });
const group = { ...freshGroup(new URLSearchParams("approves=product"), "ana@lark.example"), name: "product" };
const admins = {
  ...freshGroup(new URLSearchParams(), "ana@lark.example"),
  name: "the admins",
  roles: ["admin" as const],
};

test("an item leads to the form that does it, filled in as far as it can be", () => {
  expect(placeOf(item("people"), [])).toBe("/admin/people?make=invitation");
  expect(placeOf(item("team"), [])).toBe("/admin/groups/new?with=me");
  expect(placeOf(item("approver-product"), [])).toBe("/admin/groups/new?approves=product");
  expect(placeOf(item("approver-product"), [admins, group])).toBe("/admin/groups/product");
  expect(placeOf(item("approver-security"), [group])).toBe("/admin/groups/new?approves=security");
  expect(placeOf(item("second-admin"), [group, admins])).toBe("/admin/groups/the%20admins");
  expect(placeOf(item("second-admin"), [])).toBe("/admin/groups");
  expect(placeOf(item("later"), [])).toBe("/admin/groups");
});

test("the form of an approver's group is filled in", () => {
  expect(group).toMatchObject({ title: "Product", roles: ["approver"], domains: ["product"], revision: 0 });
  expect(freshGroup(new URLSearchParams(), "ana@lark.example")).toMatchObject({
    title: "",
    roles: [],
    members: [],
  });
  expect(freshGroup(new URLSearchParams("with=me"), "ana@lark.example").members).toEqual([
    "ana@lark.example",
  ]);
});
