import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";

/**
 * Which folder may import which, from the bottom up: a folder stands below all that import it, so that none imports itself by a
 * detour. When it hurts, move what two folders share beneath both.
 */
const may: Record<string, string[]> = {
  styles: [],
  api: [], // what the server says, and how it is asked
  model: ["api"], // pure; of api only its types
  messages: ["api", "model"], // all that people read
  session: ["api"], // who is signed in, and what is live
  pieces: ["api", "messages", "model", "session"], // what knows no noun of the product but its states
  entry: ["api", "messages", "model", "pieces"],
  audit: ["api", "messages", "model", "pieces"],
  bring: ["api", "messages", "model", "pieces"],
  kill: ["api", "messages", "pieces"],
  market: ["api", "messages", "model", "pieces"],
  form: ["api", "messages", "model", "pieces", "session"], // what all forms of requests share
  admin: ["api", "form", "messages", "model", "pieces", "session"],
  account: ["admin", "api", "entry", "messages", "model", "pieces", "session"],
  flag: ["api", "form", "kill", "messages", "model", "pieces", "session"],
  request: ["api", "flag", "messages", "model", "pieces", "session"],
  publish: ["api", "form", "messages", "model", "pieces", "request", "session"],
  home: ["admin", "api", "market", "messages", "model", "pieces", "request", "session"],
  appview: ["admin", "api", "kill", "market", "messages", "model", "pieces", "request"],
  palette: ["admin", "api", "messages", "request", "session"],
  pages: [
    ...[
      "account",
      "admin",
      "api",
      "appview",
      "audit",
      "bring",
      "entry",
      "flag",
      "form",
      "home",
      "kill",
      "market",
    ],
    ...["messages", "model", "pieces", "publish", "request", "session"],
  ],
  "pages/admin": ["account", "admin", "api", "messages", "model", "pages", "pieces", "session"],
  app: ["admin", "api", "messages", "pages", "pages/admin", "palette", "pieces", "session"],
  ".": ["api", "app", "styles"], // main.tsx
};

const root = import.meta.dirname;

/** Every import of another folder, as "pages/HomePage.tsx imports home/Inbox". */
const found = readdirSync(root, { recursive: true, encoding: "utf8" })
  .filter((file) => /\.tsx?$/.test(file))
  .flatMap((file) =>
    ts
      .preProcessFile(readFileSync(join(root, file), "utf8"))
      .importedFiles.filter(({ fileName }) => fileName.startsWith("."))
      .map(({ fileName }) => normalize(join(dirname(file), fileName)))
      .map((what) => ({ file, what, from: dirname(file), to: folderOf(what) })),
  )
  .filter(({ from, to }) => from !== to);

function folderOf(path: string): string {
  return statSync(join(root, path), { throwIfNoEntry: false })?.isDirectory() ? path : dirname(path);
}

test("a folder imports only those that the table lets it", () => {
  const outside = found.filter(({ from, to }) => !may[from]?.includes(to));
  expect(outside.map(({ file, what }) => `${file} imports ${what}`)).toEqual([]);
});

test("the table lets no folder import what it does not", () => {
  const used = new Set(found.map(({ from, to }) => `${from} → ${to}`));
  const listed = Object.entries(may).flatMap(([from, folders]) => folders.map((to) => `${from} → ${to}`));
  expect(listed.filter((edge) => !used.has(edge))).toEqual([]);
});

test("each folder imports only those that stand above it in the table", () => {
  const order = Object.keys(may);
  const wrong = Object.entries(may).flatMap(([from, folders]) =>
    folders.filter((to) => order.indexOf(to) >= order.indexOf(from)).map((to) => `${from} → ${to}`),
  );
  expect(wrong).toEqual([]);
});
