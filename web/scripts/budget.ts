import { gzipSync } from "node:zlib";
import type { Plugin, Rolldown } from "vite";

interface Limit {
  /** Source of the page whose first load is measured, relative to the root. */
  page: string;
  /** Most that its scripts may weigh together, gzipped, in units of 1,000 bytes. */
  kilobytes: number;
}

/** Prints what each script of the build weighs, and fails the build when the first load of a page is over its budget. */
export function budget({ page, kilobytes }: Limit): Plugin {
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
      if (!first.some((chunk) => (chunk.facadeModuleId ?? "").endsWith(page)))
        this.error(`no chunk for ${page}`);
      if (total > kilobytes * 1000)
        this.error(`the first load is over its budget by ${kilo(total - kilobytes * 1000)}`);
    },
  };
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
