import type { ReactNode } from "react";
import { m } from "../messages";
import classes from "./Page.module.css";

interface PageProps {
  /** Also the title of the window. */
  title: string;
  /** Shown instead of the title where it should look different. */
  heading?: ReactNode;
  above?: ReactNode;
  words?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

/** A screen: its one h1, a line about it, what can be done, and the panels below. */
export function Page({ title, heading, above, words, actions, children }: PageProps) {
  return (
    <div className={classes.page}>
      <title>{m.title(title)}</title>
      <div className={classes.head}>
        <div className={classes.titles}>
          {above && <div className={classes.above}>{above}</div>}
          <h1 className={classes.title}>{heading ?? title}</h1>
          {words && <div className={classes.words}>{words}</div>}
        </div>
        {actions && <div className={classes.actions}>{actions}</div>}
      </div>
      {children}
    </div>
  );
}

interface PanelProps {
  title?: ReactNode;
  /** Beside the title. */
  aside?: ReactNode;
  /** Id of the panel, for links to it. */
  id?: string;
  flush?: boolean;
  children: ReactNode;
}

/** A part of a screen on its own surface. With flush its content reaches the edges, as tables and lists do. */
export function Panel({ title, aside, id, flush, children }: PanelProps) {
  return (
    <section className={classes.panel} id={id} data-flush={flush || undefined}>
      {title && (
        <div className={classes.panelHead}>
          <h2 className={classes.panelTitle}>{title}</h2>
          {aside}
        </div>
      )}
      <div className={classes.panelBody}>{children}</div>
    </section>
  );
}

interface ColumnsProps {
  aside: ReactNode;
  /** Where there is room for one column only, the aside comes after the rest instead of before it. */
  after?: boolean;
  children: ReactNode;
}

/** A screen in two columns: what it is about, and beside it what one needs at hand. */
export function Columns({ aside, after, children }: ColumnsProps) {
  return (
    <div className={classes.columns}>
      <div className={classes.column}>{children}</div>
      <div className={classes.column} data-aside={after ? "after" : "before"}>
        {aside}
      </div>
    </div>
  );
}
