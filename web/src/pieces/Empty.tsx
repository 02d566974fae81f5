import type { ReactNode } from "react";
import classes from "./Empty.module.css";

interface Props {
  icon: ReactNode;
  title: string;
  words: ReactNode;
  /** What to do next. */
  children?: ReactNode;
}

/** A place with nothing in it: says which kind of nothing it is, and the next step. */
export function Empty({ icon, title, words, children }: Props) {
  return (
    <div className={classes.empty}>
      <span className={classes.icon} aria-hidden>
        {icon}
      </span>
      <p className={classes.title}>{title}</p>
      <p className={classes.words}>{words}</p>
      {children && <div className={classes.next}>{children}</div>}
    </div>
  );
}
