import { expect, test } from "vitest";
import { passes, strengthOf } from "./strength";

const about = ["pia@lark.example", "Pia Lark"];
const word = (password: string) => strengthOf(password, about).word;

test("a password is judged by what a guesser tries first", () => {
  expect(strengthOf("", about)).toEqual({ word: "empty" });
  expect(strengthOf("eleven char", about)).toEqual({ word: "short", missing: 1 });
  expect(word("x".repeat(201))).toBe("long");
  expect(word("pia@lark.example")).toBe("own");
  expect(word("Pia Lark1!!!!".slice(0, 11).padEnd(11))).toBe("short");
  expect(word("pia@lark.example12")).toBe("own");
  expect(word("aaaaaaaaaaaab")).toBe("plain");
  expect(word("1234567890123")).toBe("plain");
  expect(word("password12345")).toBe("common");
  expect(word("rain on tins")).toBe("fair");
  expect(word("rain on tins and a tram")).toBe("good");
  expect(word("Regen-Dose-77-Tram")).toBe("good");
});

test("characters are counted as people count them", () => {
  expect(strengthOf("🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉", [])).toEqual({ word: "short", missing: 1 });
});

test("only what is fair or good passes", () => {
  expect(passes({ word: "fair" })).toBe(true);
  expect(passes({ word: "common" })).toBe(false);
  expect(passes({ word: "short", missing: 3 })).toBe(false);
});
