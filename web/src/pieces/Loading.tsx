import { Skeleton } from "@mantine/core";
import { m } from "../messages";
import classes from "./Loading.module.css";

/** Stands where a screen will be: a title and a few panels of about the right height, so that nothing jumps. */
export function Loading({ panels = [120, 240] }: { panels?: number[] }) {
  return (
    <div className={classes.page} role="status" aria-label={m.loading}>
      <Skeleton height={32} width={220} radius="md" />
      {panels.map((height, i) => (
        <Skeleton key={i} height={height} radius="lg" />
      ))}
    </div>
  );
}

/** Panels of a screen that are on their way, below a title that is there already. */
export function Panels({ heights }: { heights: number[] }) {
  return (
    <div className={classes.page} role="status" aria-label={m.loading}>
      {heights.map((height, i) => (
        <Skeleton key={i} height={height} radius="lg" />
      ))}
    </div>
  );
}
