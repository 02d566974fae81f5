import { expect, test } from "vitest";
import { initials, list, sentence, shortName } from "./text";

test("a message becomes a sentence; what begins like code keeps its beginning", () => {
  expect(sentence("the name is missing")).toBe("The name is missing.");
  expect(sentence("ttl_days must be at most 180, is 200")).toBe("ttl_days must be at most 180, is 200.");
  expect(sentence("did you mean team-lunch?")).toBe("Did you mean team-lunch?");
  expect(sentence(" ")).toBe("");
});

test("names are told as people say them", () => {
  expect(initials("Petra Nováková")).toBe("PN");
  expect(initials("ada")).toBe("A");
  expect(shortName("alice@hyfin.example")).toBe("alice");
  expect(list(["pat", "sam", "petra"], "or")).toBe("pat, sam or petra");
  expect(list(["pat"])).toBe("pat");
});
