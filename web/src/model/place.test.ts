import { expect, test } from "vitest";
import { lineOf, read } from "./place";

const text = `{
  "templateId": "x",
  "fields": {
    "ttl_days": { "type": "integer",
      "max": 365 },
    "__proto__x": {}
  },
  "rollout": [
    { "percent": 5 },
    { "percent": 25 }
  ]
}`;

function linesOf(source: string) {
  const done = read(source);
  if ("error" in done) throw new Error(done.error.kind);
  return done.lines;
}

function faultOf(source: string) {
  const done = read(source);
  return "error" in done ? `${done.error.line}:${done.error.column} ${done.error.kind}` : "fine";
}

test("a text is read as JSON.parse reads it", () => {
  expect(read(text)).toMatchObject({ value: JSON.parse(text) });
  expect(read(' [1, -2.5e3, "a\\"b\\u00e9", null, true, {}] ')).toMatchObject({
    value: [1, -2500, 'a"bé', null, true, {}],
  });
});

test("a path leads to its line, or to the line of what is around it", () => {
  const lines = linesOf(text);
  expect(lineOf(lines, "fields.ttl_days.max")).toBe(5);
  expect(lineOf(lines, "fields.ttl_days.min")).toBe(4);
  expect(lineOf(lines, "rollout.1.percent")).toBe(10);
  expect(lineOf(lines, "rollout[1].percent")).toBe(10);
  expect(lineOf(lines, "/fields/owner")).toBe(3);
  expect(lineOf(lines, "approvals")).toBe(0);
});

test("what cannot be read is told with its place", () => {
  expect(faultOf("")).toBe("1:1 end");
  expect(faultOf("{")).toBe("1:2 end");
  expect(faultOf('{\n  "a": 1\n  "b": 2\n}')).toBe("3:3 comma");
  expect(faultOf('{"a" 1}')).toBe("1:6 colon");
  expect(faultOf("{a: 1}")).toBe("1:2 name");
  expect(faultOf('{"a": 1,}')).toBe("1:9 name");
  expect(faultOf('{"a": 01}')).toBe("1:7 value");
  expect(faultOf('{"a": yes}')).toBe("1:7 value");
  expect(faultOf('{"a": "x\n"}')).toBe("1:7 text");
  expect(faultOf("[1] 2")).toBe("1:5 more");
  expect(faultOf('{"a": 1, "a": 2}')).toBe("1:10 double");
  expect(faultOf("[".repeat(5000))).toMatch(/deep$/);
});

test("a member named like a part of every object is only a member", () => {
  const done = read('{"__proto__": {"polluted": true}}');
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  expect("value" in done && Object.keys(done.value as object)).toEqual(["__proto__"]);
});
