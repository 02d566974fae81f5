/** A JSON text as read: its value with the line of each path, or where and why it cannot be read. */
export type Read =
  | { value: unknown; lines: Map<string, number> }
  | { error: { line: number; column: number; kind: Fault; found: string } };

export type Fault = "end" | "comma" | "colon" | "name" | "value" | "text" | "more" | "double" | "deep";

class Unreadable extends Error {
  readonly kind: Fault;
  readonly at: number;
  constructor(kind: Fault, at: number) {
    super(kind);
    this.kind = kind;
    this.at = at;
  }
}

const deepest = 100;

/** Reads a JSON text strictly (RFC 8259, no member twice) and remembers on which line each path begins. */
export function read(text: string): Read {
  const starts = lineStarts(text);
  const reader = new Reader(text, starts);
  try {
    return { value: reader.all(), lines: reader.lines };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    const line = lineAt(starts, error.at);
    const found = text.slice(error.at, error.at + 12).split("\n")[0] ?? "";
    return { error: { line, column: error.at - (starts[line - 1] ?? 0) + 1, kind: error.kind, found } };
  }
}

/** The line of a path such as fields.ttl_days.max, or of the nearest thing around it that is there; 0 for none. */
export function lineOf(lines: Map<string, number>, path: string): number {
  const names = path
    .replace(/\[(\d+)\]/g, ".$1")
    .replace(/^[/.]/, "")
    .split(/[./]/)
    .filter(Boolean);
  for (let n = names.length; n > 0; n--) {
    const line = lines.get(names.slice(0, n).join("."));
    if (line !== undefined) return line;
  }
  return 0;
}

/** Where each line begins. */
export function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

function lineAt(starts: number[], at: number): number {
  let line = 1;
  while (line < starts.length && (starts[line] ?? 0) <= at) line++;
  return line;
}

class Reader {
  readonly lines = new Map<string, number>();
  private at = 0;
  private readonly text: string;
  private readonly starts: number[];

  constructor(text: string, starts: number[]) {
    this.text = text;
    this.starts = starts;
  }

  all(): unknown {
    const value = this.value("", 0);
    this.blank();
    if (this.at < this.text.length) throw new Unreadable("more", this.at);
    return value;
  }

  private blank() {
    while (" \t\r\n".includes(this.text[this.at] ?? "x")) this.at++;
  }

  private value(path: string, depth: number): unknown {
    this.blank();
    if (depth > deepest) throw new Unreadable("deep", this.at);
    if (!this.lines.has(path)) this.lines.set(path, lineAt(this.starts, this.at));
    const next = this.text[this.at];
    if (next === "{") return this.object(path, depth);
    if (next === "[") return this.array(path, depth);
    if (next === '"') return this.string();
    const word = /^(true|false|null|-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?)(?![\w.])/.exec(
      this.text.slice(this.at, this.at + 40),
    )?.[0];
    if (word === undefined) throw new Unreadable(next === undefined ? "end" : "value", this.at);
    this.at += word.length;
    return JSON.parse(word);
  }

  private object(path: string, depth: number): unknown {
    const out: [string, unknown][] = [];
    const seen = new Set<string>();
    this.at++;
    for (this.blank(); this.text[this.at] !== "}"; this.blank()) {
      if (out.length > 0) {
        this.take(",", "comma");
        this.blank();
      }
      const start = this.at;
      if (this.text[this.at] !== '"')
        throw new Unreadable(this.at < this.text.length ? "name" : "end", this.at);
      const name = this.string();
      if (seen.has(name)) throw new Unreadable("double", start);
      seen.add(name);
      const inner = path ? `${path}.${name}` : name;
      this.lines.set(inner, lineAt(this.starts, start));
      this.blank();
      this.take(":", "colon");
      out.push([name, this.value(inner, depth + 1)]);
    }
    this.at++;
    return Object.fromEntries(out);
  }

  private array(path: string, depth: number): unknown {
    const out: unknown[] = [];
    this.at++;
    for (this.blank(); this.text[this.at] !== "]"; this.blank()) {
      if (out.length > 0) this.take(",", "comma");
      out.push(this.value(path ? `${path}.${out.length}` : String(out.length), depth + 1));
    }
    this.at++;
    return out;
  }

  private take(mark: string, kind: Fault) {
    if (this.text[this.at] !== mark) throw new Unreadable(this.at < this.text.length ? kind : "end", this.at);
    this.at++;
  }

  private string(): string {
    const raw = /^"(?:[^"\\\n]|\\.)*"/.exec(this.text.slice(this.at))?.[0];
    if (raw === undefined) throw new Unreadable("text", this.at);
    try {
      const value: unknown = JSON.parse(raw);
      this.at += raw.length;
      return String(value);
    } catch {
      throw new Unreadable("text", this.at);
    }
  }
}
