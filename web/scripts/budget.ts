import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import type { Plugin, Rolldown } from "vite";

interface Limit {
  /** Source of the page whose first load is measured, relative to the root. */
  page: string;
  /** Most that its scripts may weigh together, gzipped, in units of 1,000 bytes. */
  kilobytes: number;
  /** File with what each chunk weighed when somebody last looked; `npm run weigh` writes it. */
  weights: string;
}

const least = 2000; // bytes below which growth is no news
const growth = 1.05;

/**
 * Prints what each script of the build weighs and which of them grew, and fails the build when the first load of a page is
 * over its budget.
 */
export function budget({ page, kilobytes, weights }: Limit): Plugin {
  return {
    name: "souk-budget",
    apply: "build",
    generateBundle(_, bundle) {
      const chunks = Object.values(bundle).filter((file) => file.type === "chunk");
      const weight = new Map(chunks.map((chunk) => [chunk.fileName, gzipSync(chunk.code).length]));
      const first = chunks.filter((chunk) => chunk.isEntry || (chunk.facadeModuleId ?? "").endsWith(page));
      const needed = reach(first, new Map(chunks.map((chunk) => [chunk.fileName, chunk])));
      const total = [...needed].reduce((sum, name) => sum + (weight.get(name) ?? 0), 0);
      for (const [name, bytes] of [...weight].sort((a, b) => b[1] - a[1])) {
        console.log(`${kilo(bytes)}  ${needed.has(name) ? "first" : "     "}  ${name}`);
      }
      console.log(`${kilo(total)}  first load of ${page}, gzipped; the budget is ${kilobytes} kB`);
      const now: Record<string, number> = { [`first load of ${page}`]: total };
      for (const { name, fileName } of chunks) now[name] = (now[name] ?? 0) + (weight.get(fileName) ?? 0);
      compare(weights, now, (words) => this.warn(words));
      if (!first.some((chunk) => (chunk.facadeModuleId ?? "").endsWith(page)))
        this.error(`no chunk for ${page}`);
      if (total > kilobytes * 1000)
        this.error(`the first load is over its budget by ${kilo(total - kilobytes * 1000)}`);
    },
  };
}

/** Says which chunks weigh more than when the file was written, or writes it. */
function compare(file: string, now: Record<string, number>, warn: (words: string) => void): void {
  const heavy = Object.entries(now)
    .filter(([, bytes]) => bytes >= least)
    .sort(([a], [b]) => a.localeCompare(b, "en"));
  if (process.env.SOUK_WEIGH) {
    writeFileSync(file, `${JSON.stringify(Object.fromEntries(heavy), null, 2)}\n`);
    return;
  }
  const before: Record<string, number> = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
  for (const [name, bytes] of heavy) {
    const was = before[name];
    if (was !== undefined && bytes > was * growth)
      warn(`${name} grew from ${kilo(was).trim()} to ${kilo(bytes).trim()}; npm run weigh, if that is meant`);
  }
}

/** Names of the chunks and of all that they import before they run. */
function reach(from: Rolldown.OutputChunk[], all: Map<string, Rolldown.OutputChunk>): Set<string> {
  const seen = new Set<string>();
  const visit = (chunk: Rolldown.OutputChunk | undefined) => {
    if (!chunk || seen.has(chunk.fileName)) return;
    seen.add(chunk.fileName);
    for (const name of chunk.imports) visit(all.get(name));
  };
  from.forEach(visit);
  return seen;
}

function kilo(bytes: number): string {
  return `${(bytes / 1000).toFixed(1).padStart(7)} kB`;
}
