import type { ReactNode } from "react";
import classes from "./Chip.module.css";

export type Tone = "on" | "off" | "danger" | "warn" | "info";

/** A state: an icon and a word, and a colour beside them that nothing depends on. */
export function Chip({ tone, icon, children }: { tone: Tone; icon: ReactNode; children: ReactNode }) {
  return (
    <span className={classes.chip} data-tone={tone}>
      <span aria-hidden className={classes.icon}>
        {icon}
      </span>
      {children}
    </span>
  );
}
