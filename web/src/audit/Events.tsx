import { Button } from "@mantine/core";
import { IconHistory, IconSearch } from "@tabler/icons-react";
import { Link, useLocation } from "react-router";
import type { AuditEntry } from "../api/types";
import { m } from "../messages";
import { Empty } from "../pieces/Empty";
import { When } from "../pieces/When";
import { Who } from "../pieces/Who";
import classes from "./Audit.module.css";

interface Props {
  entries: AuditEntry[];
  filtered: boolean;
  clear: () => void;
}

/** What happened, newest first. Each row leads to the event's detail. */
export function Events({ entries, filtered, clear }: Props) {
  const words = m.audit;
  if (entries.length === 0) {
    return filtered ? (
      <Empty tall icon={<IconSearch />} title={words.noMatch} words={words.noMatchWords}>
        <Button variant="default" onClick={clear}>
          {words.clear}
        </Button>
      </Empty>
    ) : (
      <Empty tall icon={<IconHistory />} title={words.none} words={words.noneWords} />
    );
  }
  return (
    <ul className={classes.list}>
      {entries.map((entry) => (
        <Row key={entry.id} entry={entry} />
      ))}
    </ul>
  );
}

function Row({ entry }: { entry: AuditEntry }) {
  const { search } = useLocation();
  const about = entry.flag_key || entry.app || entry.subject;
  return (
    <li className={classes.row}>
      <span className={classes.leaf}>{entry.leaf === null ? m.audit.soon : `#${entry.leaf}`}</span>
      <div className={classes.text}>
        <Link to={eventAddress(search, entry.id)} className={classes.link} preventScrollReset>
          {m.audit.names[entry.event] ?? entry.event}
        </Link>
        {entry.from && entry.to && (
          <span className={classes.moved}>
            {entry.from} → {entry.to}
          </span>
        )}
        <p className={classes.words}>
          {[about, entry.environment, entry.reason].filter(Boolean).join(" · ")}
        </p>
      </div>
      <span className={classes.by}>
        <Who email={entry.actor} />
        <span className={classes.at}>
          <When at={entry.timestamp} />
        </span>
      </span>
    </li>
  );
}

/** The address of an event's detail, with the filters as they are. */
function eventAddress(search: string, id: string): string {
  const params = new URLSearchParams(search);
  params.set("id", id);
  return `?${params}`;
}
