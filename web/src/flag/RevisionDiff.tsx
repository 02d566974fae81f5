import { useQuery } from "@tanstack/react-query";
import { flagDiffQuery } from "../api/calls";
import { m } from "../messages";
import { Diff, DiffSwitch } from "../pieces/Diff";
import { Notice } from "../pieces/Notice";
import { When } from "../pieces/When";
import classes from "./HistoryPanel.module.css";

interface Props {
  flag: string;
  environment: string;
  from: number;
  to: number;
}

/** What differs between two revisions of a flag in an environment. Its address can be shared. */
export function RevisionDiff({ flag, environment, from, to }: Props) {
  const diff = useQuery(flagDiffQuery(flag, environment, from, to));
  if (diff.error) return <Notice problem={diff.error} retry={diff.refetch} />;
  return (
    <section className={classes.diff} aria-label={m.flag.compared(from, to)}>
      <div className={classes.diffHead}>
        <h3 className={classes.diffTitle}>
          {m.flag.compared(from, to)}
          {diff.data && (
            <>
              {" "}
              · <When at={diff.data.to.at} />
            </>
          )}
        </h3>
        <DiffSwitch />
      </div>
      {diff.data && <Diff changes={diff.data.changes} nothing={m.flag.sameRevisions} />}
    </section>
  );
}
