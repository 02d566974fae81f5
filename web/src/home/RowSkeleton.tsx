import { Skeleton } from "@mantine/core";
import { m } from "../messages";
import classes from "./Rows.module.css";

/** Rows of a list that is on its way, as tall as the real ones. */
export function RowSkeleton({ rows }: { rows: number }) {
  return (
    <div role="status" aria-label={m.loading}>
      {Array.from({ length: rows }, (_, i) => (
        <div key={i} className={classes.row}>
          <Skeleton height={40} radius="md" />
        </div>
      ))}
    </div>
  );
}
