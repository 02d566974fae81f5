import type { Change } from "../api/types";
import { m } from "../messages";
import { sentence } from "../model/text";
import { Diff, DiffSwitch, useDiffSwitch } from "../pieces/Diff";
import { Panel } from "../pieces/Page";
import classes from "./Changes.module.css";

// Beyond this many lines they stand in two columns, so that the checks are in sight without scrolling.
const many = 8;

interface Props {
  changes: Change[];
  /** Why somebody asks for it, in their words. */
  reason?: string;
  /** What only a rule can tell, in plain words. */
  rules?: string[];
}

/** Why somebody asks, and what changes, in words or as JSON; which of the two stands in the address. */
export function Changes({ changes, reason, rules = [] }: Props) {
  const [json] = useDiffSwitch();
  return (
    <Panel title={m.request.changes} aside={changes.length > 0 && <DiffSwitch />}>
      {reason && (
        <p className={classes.reason}>
          <strong>{m.request.why}:</strong> {reason}
        </p>
      )}
      {rules.length > 0 && (
        <ul className={classes.rules} aria-label={m.change.rules.title}>
          {rules.map((line, i) => (
            <li key={i}>{sentence(line)}</li>
          ))}
        </ul>
      )}
      <div className={classes.changes} data-dense={(!json && changes.length > many) || undefined}>
        <Diff changes={changes} nothing={m.request.noChanges} />
      </div>
    </Panel>
  );
}
