import { SegmentedControl, VisuallyHidden } from "@mantine/core";
import { useSearchParams } from "react-router";
import type { Change } from "../api/types";
import { m } from "../messages";
import { diff, folded } from "../model/diff";
import { sentence } from "../model/text";
import { Code } from "./Code";
import classes from "./Diff.module.css";

type Shown = Omit<Change, "before" | "after"> & { before?: unknown; after?: unknown };

/** Whether changes are told in words or as JSON; it stands in the address. */
export function useDiffSwitch(): [json: boolean, show: (json: boolean) => void] {
  const [params, setParams] = useSearchParams();
  const show = (json: boolean) =>
    setParams(
      (before) => {
        if (json) before.set("diff", "json");
        else before.delete("diff");
        return before;
      },
      { replace: true, preventScrollReset: true },
    );
  return [params.get("diff") === "json", show];
}

/** The switch between words and JSON. */
export function DiffSwitch() {
  const [json, show] = useDiffSwitch();
  return (
    <SegmentedControl
      size="xs"
      aria-label={m.pieces.diff.label}
      value={json ? "json" : "words"}
      onChange={(value) => show(value === "json")}
      data={[
        { value: "words", label: m.pieces.diff.words },
        { value: "json", label: m.pieces.diff.json },
      ]}
    />
  );
}

/** Changes one below the other, each in words, and as JSON where one asks for it. */
export function Diff({ changes, nothing }: { changes: Shown[]; nothing?: string }) {
  const [json] = useDiffSwitch();
  if (changes.length === 0) return <p className={classes.words}>{nothing ?? m.pieces.diff.same}</p>;
  return (
    <ul className={classes.changes}>
      {changes.map((change) => (
        <li key={change.path} className={classes.change}>
          <p className={classes.words}>{sentence(change.words)}</p>
          {json && (
            <div className={classes.diff}>
              <JsonDiff path={change.path} before={change.before} after={change.after} />
            </div>
          )}
        </li>
      ))}
    </ul>
  );
}

const signs = { added: "+ ", gone: "− ", same: "  " };

/** Two values as JSON, line by line; what is far from any change is folded away. It scrolls by keyboard and can be copied. */
export function JsonDiff({ path, before, after }: { path: string; before: unknown; after: unknown }) {
  return (
    <Code label={m.pieces.diff.of(path)}>
      <span className={classes.path}>{path}</span>
      {folded(diff(before, after)).map((part, i) =>
        typeof part === "number" ? (
          <span key={i} className={classes.fold}>
            ⋯ {m.pieces.diff.unchanged(part)}
          </span>
        ) : (
          <span key={i} className={classes.line} data-kind={part.kind}>
            {part.kind !== "same" && (
              <VisuallyHidden component="span">
                {part.kind === "added" ? m.pieces.diff.after : m.pieces.diff.before}{" "}
              </VisuallyHidden>
            )}
            <span aria-hidden>{signs[part.kind]}</span>
            {part.text}
          </span>
        ),
      )}
    </Code>
  );
}
