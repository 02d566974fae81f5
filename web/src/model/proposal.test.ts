import { expect, test } from "vitest";
import { partOf } from "./proposal";

const proposal = {
  id: "p",
  action: "person.put",
  subject: "person:max@hyfin.example",
  words: "max can no longer object as an administrator",
  by: "ada@hyfin.example",
  by_id: "ada",
  at: "2026-11-23T12:00:00Z",
  expires_at: "2026-11-30T12:00:00Z",
  state: "open" as const,
};
const admin = ["govern.write", "proposal.object"];

test("whoever asked withdraws, and another administrator confirms", () => {
  expect(partOf(proposal, { id: "ada", can: admin })).toEqual({
    own: true,
    concerned: false,
    confirm: false,
    withdraw: true,
    object: false,
  });
  expect(partOf(proposal, { id: "max", can: admin })).toMatchObject({ confirm: true, withdraw: true });
  expect(partOf(proposal, { id: "eve", can: ["read"] })).toMatchObject({ confirm: false, withdraw: false });
});

test("whom it removes objects once, suspended or not, and does nothing else with it", () => {
  const removes = [{ id: "max", email: "max@hyfin.example" }];
  for (const can of [admin, ["read", "proposal.object"]]) {
    expect(partOf({ ...proposal, removes }, { id: "max", can })).toEqual({
      own: false,
      concerned: true,
      confirm: false,
      withdraw: false,
      object: true,
    });
  }
  const objected = { ...proposal, removes: [{ id: "max", email: "", objected_at: "2026-11-23T13:00:00Z" }] };
  expect(partOf(objected, { id: "max", can: admin }).object).toBe(false);
});

test("whoever asks to be removed withdraws it", () => {
  const mine = { ...proposal, removes: [{ id: "ada", email: "ada@hyfin.example" }] };
  expect(partOf(mine, { id: "ada", can: admin })).toMatchObject({ withdraw: true, object: false });
});
