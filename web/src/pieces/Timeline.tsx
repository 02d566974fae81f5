import type { ReactNode } from "react";
import classes from "./Timeline.module.css";

/** Things that happened, one below the other. */
export function Timeline({ children }: { children: ReactNode }) {
  return <ol className={classes.timeline}>{children}</ol>;
}

interface Props {
  title: ReactNode;
  meta: ReactNode;
  children?: ReactNode;
}

export function Happening({ title, meta, children }: Props) {
  return (
    <li className={classes.item}>
      <div className={classes.title}>{title}</div>
      <div className={classes.meta}>{meta}</div>
      {children}
    </li>
  );
}
