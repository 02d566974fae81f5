import { VisuallyHidden } from "@mantine/core";
import { m } from "../messages";
import { diffLines, folded } from "../model/diff";
import { Code } from "../pieces/Code";
import classes from "../pieces/Diff.module.css";

const signs = { added: "+ ", gone: "− ", same: "  " };

/** Two texts line by line; what is far from any change is folded away. */
export function LineDiff({ label, before, after }: { label: string; before: string; after: string }) {
  return (
    <Code label={label}>
      {folded(diffLines(before.split("\n"), after.split("\n"))).map((part, i) =>
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
