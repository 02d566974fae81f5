import type { ReactNode } from "react";
import { m } from "../messages";
import classes from "./Entrance.module.css";

/** The frame of the screens before one is signed in. */
export function Entrance({
  title,
  heading,
  words,
  children,
}: {
  title: string;
  heading: string;
  words?: ReactNode;
  children: ReactNode;
}) {
  return (
    <main className={classes.page}>
      <title>{m.title(title)}</title>
      <div className={classes.box}>
        <img src="/icon.svg" alt="" width="40" height="40" />
        <h1 className={classes.title}>{heading}</h1>
        {words && <div className={classes.pitch}>{words}</div>}
        {children}
      </div>
    </main>
  );
}
