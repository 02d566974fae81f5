import type { ReactNode } from "react";
import classes from "./Empty.module.css";

interface Props {
  icon: ReactNode;
  title: string;
  words: ReactNode;
  /** For a place that is all there is on its screen. */
  tall?: boolean;
  /** What to do next. */
  children?: ReactNode;
}

/** A place with nothing in it: says which kind of nothing it is, and the next step. */
export function Empty({ icon, title, words, tall, children }: Props) {
  return (
    <div className={classes.empty} data-tall={tall || undefined}>
      <span className={classes.icon} aria-hidden>
        {icon}
      </span>
      <div className={classes.text}>
        <p className={classes.title}>{title}</p>
        <p className={classes.words}>{words}</p>
      </div>
      {children && <div className={classes.next}>{children}</div>}
    </div>
  );
}
