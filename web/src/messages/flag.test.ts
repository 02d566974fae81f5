import { expect, test } from "vitest";
import { flag } from "./flag";

const words = flag.audienceSize;

test("of an audience is said how many people it has, and for how many it was approved, if it was", () => {
  expect(words.people({ people: 412, approved: 180 })).toBe("412 people, approved for 180 people");
  expect(words.people({ people: 1, approved: 1 })).toBe("1 person, approved for 1 person");
  expect(words.people({ people: 3 })).toBe("3 people");
});

test("one that has outgrown what was approved says both numbers", () => {
  expect(words.outgrown({ title: "Pilots", people: 201, approved: 1 })).toBe(
    "The audience “Pilots” has 201 people by now, and was approved for 1 person",
  );
});
