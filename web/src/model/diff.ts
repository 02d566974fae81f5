export interface Line {
  kind: "same" | "gone" | "added";
  text: string;
}

/** A value as indented JSON lines; what is absent has none. */
function lines(value: unknown): string[] {
  return value === undefined || value === null ? [] : (JSON.stringify(value, null, 2) ?? "").split("\n");
}

// Beyond this many lines on a side the comparison would take long for nobody's good: all is told as gone and added.
const comparable = 400;

/** The lines of two values as JSON, the common ones once (longest common subsequence). */
export const diff = (before: unknown, after: unknown): Line[] => diffLines(lines(before), lines(after));

/** The lines of two texts, the common ones once. */
export function diffLines(a: string[], b: string[]): Line[] {
  if (a.length > comparable || b.length > comparable) {
    return [
      ...a.map((text): Line => ({ kind: "gone", text })),
      ...b.map((text): Line => ({ kind: "added", text })),
    ];
  }
  const length = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  const at = (i: number, j: number) => length[i]?.[j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    const row = length[i];
    if (!row) continue;
    for (let j = b.length - 1; j >= 0; j--) {
      row[j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const out: Line[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      out.push({ kind: "same", text: a[i] ?? "" });
      i++;
      j++;
    } else if (i < a.length && (j === b.length || at(i + 1, j) >= at(i, j + 1))) {
      out.push({ kind: "gone", text: a[i++] ?? "" });
    } else {
      out.push({ kind: "added", text: b[j++] ?? "" });
    }
  }
  return out;
}

export interface Difference {
  path: string;
  theirs: unknown;
  yours: unknown;
}

/** The leaves in which two contents differ, by path. */
export function differences(theirs: unknown, yours: unknown, path = ""): Difference[] {
  if (isPlain(theirs) && isPlain(yours)) {
    const names = [...new Set([...Object.keys(theirs), ...Object.keys(yours)])].sort();
    return names.flatMap((name) => differences(theirs[name], yours[name], path ? `${path}.${name}` : name));
  }
  return JSON.stringify(theirs) === JSON.stringify(yours) ? [] : [{ path, theirs, yours }];
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const around = 3; // lines that stay beside a change, as in every other tool

/** A diff without what is far from any change: a number stands for that many lines that are the same. */
export function folded(lines: Line[]): (Line | number)[] {
  const near = lines.map((_, i) =>
    lines.slice(Math.max(0, i - around), i + around + 1).some((line) => line.kind !== "same"),
  );
  const out: (Line | number)[] = [];
  for (let i = 0; i < lines.length; ) {
    const end = near[i] ? -1 : near.indexOf(true, i);
    const run = near[i] ? 0 : (end < 0 ? lines.length : end) - i;
    const line = lines[i];
    if (run > 1) out.push(run);
    else if (line) out.push(line);
    i += Math.max(1, run);
  }
  return out;
}
