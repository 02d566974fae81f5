import { expect, test } from "vitest";
import { keyOf, oneOf, type Reader, readFrom, text, time, whole, yes } from "./address";

test("what an address cannot mean is as if it were not there", () => {
  const table: [Reader<unknown>, string, unknown][] = [
    [text, "lunch", "lunch"],
    [text, "x".repeat(501), undefined],
    [yes, "true", true],
    [yes, "1", undefined],
    [whole(90), "90", 90],
    [whole(90), "91", undefined],
    [whole(90), "-1", undefined],
    [whole(90), "1e1", undefined],
    [whole(90), "7 ", undefined],
    [time, "2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"],
    [time, "2026-01-31T12:99:00Z", undefined],
    [time, "yesterday", undefined],
    [oneOf("on", "off"), "off", "off"],
    [oneOf("on", "off"), "of", undefined],
    [keyOf({ low: "Low", high: "High" }), "low", "low"],
    [keyOf({ low: "Low", high: "High" }), "toString", undefined],
  ];
  for (const [reader, value, want] of table) {
    expect(readFrom({ x: reader }, new URLSearchParams({ x: value }), "x"), value).toEqual(want);
  }
});

test("a parameter that is empty or absent is not read", () => {
  expect(readFrom({ x: () => "read" }, new URLSearchParams("x=&y=1"), "x")).toBeUndefined();
  expect(readFrom({ x: () => "read" }, new URLSearchParams(), "x")).toBeUndefined();
});
