import { Button } from "@mantine/core";
import { IconLock, IconSearch } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { m } from "../messages";
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

/** There is something, but not what was looked for; the way back is one click. */
export function NoMatch({ title, words, clear }: { title?: string; words?: string; clear?: () => void }) {
  return (
    <Empty
      tall
      icon={<IconSearch />}
      title={title ?? m.pieces.list.noMatch}
      words={words ?? m.pieces.list.noMatchWords}
    >
      {clear && (
        <Button variant="default" onClick={clear}>
          {m.pieces.list.clear}
        </Button>
      )}
    </Empty>
  );
}

interface NoAccessProps {
  /** What it is for and who may, in a sentence. */
  words?: string;
  /** Names or addresses of whom to ask; without them it is the administrators. */
  ask?: string[];
  children?: ReactNode;
}

/** Something that others may see: says who, and whom to ask. */
export function NoAccess({ words, ask = [], children }: NoAccessProps) {
  const whom = ask.length > 0 ? m.pieces.access.ask(ask) : m.pieces.access.askAdmins;
  return (
    <Empty
      tall
      icon={<IconLock />}
      title={m.noAccess}
      words={words && ask.length === 0 ? words : `${words ?? ""} ${whom}`.trim()}
    >
      {children}
    </Empty>
  );
}
