import { useRef } from "react";
import type { Finding } from "../api/types";
import { m } from "../messages";
import { lineStarts } from "../model/place";
import { sentence } from "../model/text";
import classes from "./Editor.module.css";

/** A finding at a line; 0 is for what is about the whole. */
export interface Note {
  line: number;
  severity: Finding["severity"];
  words: string;
}

interface Props {
  label: string;
  description?: string;
  value: string;
  set: (value: string) => void;
  notes?: Note[];
  rows?: number;
  readOnly?: boolean;
}

/** A text for machines with its line numbers; what was found stands above and leads to its line. Tab leaves it. */
export function Editor({ label, description, value, set, notes = [], rows = 24, readOnly }: Props) {
  const area = useRef<HTMLTextAreaElement>(null);
  const gutter = useRef<HTMLDivElement>(null);
  const starts = lineStarts(value);
  const marked = new Map(notes.map((note) => [note.line, note.severity]));
  function go(line: number) {
    const at = starts[line - 1] ?? 0;
    const text = area.current;
    if (!text) return;
    text.focus();
    text.setSelectionRange(at, (starts[line] ?? value.length + 1) - 1);
    text.scrollTop = Math.max(0, (line - 5) * 20);
  }
  return (
    <div>
      {notes.length > 0 && (
        <ul className={classes.notes} aria-live="polite">
          {notes.map((note) => (
            <li key={`${note.line} ${note.words}`} data-severity={note.severity}>
              {note.line > 0 && (
                <button
                  type="button"
                  className={classes.go}
                  aria-label={m.recipes.templates.goLine(note.line, note.words)}
                  onClick={() => go(note.line)}
                >
                  {m.recipes.templates.line(note.line)}
                </button>
              )}
              <span>{sentence(note.words)}</span>
            </li>
          ))}
        </ul>
      )}
      <label className={classes.label}>
        {label}
        {description && <span className={classes.description}>{description}</span>}
        <span className={classes.frame} style={{ height: rows * 20 + 16 }}>
          <span ref={gutter} aria-hidden className={classes.gutter}>
            {starts.map((_, i) => (
              <span key={i} className={classes.number} data-severity={marked.get(i + 1)}>
                {i + 1}
              </span>
            ))}
          </span>
          <textarea
            ref={area}
            className={classes.text}
            spellCheck={false}
            autoCapitalize="off"
            autoCorrect="off"
            wrap="off"
            readOnly={readOnly}
            value={value}
            onChange={(event) => set(event.currentTarget.value)}
            onScroll={(event) => {
              if (gutter.current) gutter.current.scrollTop = event.currentTarget.scrollTop;
            }}
          />
        </span>
      </label>
    </div>
  );
}
