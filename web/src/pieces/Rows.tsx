import { Skeleton } from "@mantine/core";
import { IconChevronRight } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { m } from "../messages";
import classes from "./Rows.module.css";
import { useArrows } from "./useArrows";

interface RowsProps {
  /** What the list is of, for those who cannot see where it stands. */
  label?: string;
  /** Width of what leads each row, so that the texts line up. */
  lead?: number;
  children: ReactNode;
}

/** Things one below the other, each a row that leads somewhere. Arrow keys go from row to row. */
export function Rows({ label, lead, children }: RowsProps) {
  const onKeyDown = useArrows();
  return (
    <ul
      aria-label={label}
      className={classes.rows}
      style={lead ? ({ "--rows-lead": `${lead}px` } as React.CSSProperties) : undefined}
      onKeyDown={onKeyDown}
    >
      {children}
    </ul>
  );
}

interface RowProps {
  /** Where the row leads; without it the row is told only. */
  to?: string;
  title: ReactNode;
  /** Beside the title. */
  aside?: ReactNode;
  words?: ReactNode;
  /** Before the title: a state, a number, a mark. */
  lead?: ReactNode;
  /** After the title: states, people. */
  end?: ReactNode;
  /** A moment, last. */
  at?: ReactNode;
  /** Whether the screen stays where it is, as when the row opens beside the list. */
  stay?: boolean;
}

/** One row: the whole of it is the link. */
export function Row({ to, title, aside, words, lead, end, at, stay }: RowProps) {
  return (
    <li className={classes.row} data-link={to ? true : undefined}>
      {lead && <span className={classes.lead}>{lead}</span>}
      <div className={classes.text}>
        {to ? (
          <Link to={to} className={classes.link} preventScrollReset={stay} data-row>
            {title}
          </Link>
        ) : (
          <strong>{title}</strong>
        )}
        {aside}
        {words && <p className={classes.words}>{words}</p>}
      </div>
      {end && <span className={classes.end}>{end}</span>}
      {at && <span className={classes.at}>{at}</span>}
      {to && !stay && <IconChevronRight size={16} aria-hidden className={classes.go} />}
    </li>
  );
}

/** Rows that are on their way, as tall as the real ones. */
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
