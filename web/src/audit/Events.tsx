import { IconHistory } from "@tabler/icons-react";
import { useLocation } from "react-router";
import type { AuditEntry } from "../api/types";
import { m } from "../messages";
import { Empty, NoMatch } from "../pieces/Empty";
import { Row, Rows } from "../pieces/Rows";
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
  const { search } = useLocation();
  const words = m.audit;
  if (entries.length === 0) {
    return filtered ? (
      <NoMatch title={words.noMatch} words={words.noMatchWords} clear={clear} />
    ) : (
      <Empty tall icon={<IconHistory />} title={words.none} words={words.noneWords} />
    );
  }
  return (
    <Rows label={words.title} lead={48}>
      {entries.map((entry) => (
        <Row
          key={entry.id}
          stay
          to={eventAddress(search, entry.id)}
          lead={<span className={classes.leaf}>{entry.leaf === null ? words.soon : `#${entry.leaf}`}</span>}
          title={words.names[entry.event] ?? entry.event}
          aside={
            entry.from &&
            entry.to && (
              <span className={classes.moved}>
                {entry.from} → {entry.to}
              </span>
            )
          }
          words={[entry.flag_key || entry.app || entry.subject, entry.environment, entry.reason]
            .filter(Boolean)
            .join(" · ")}
          end={<Who email={entry.actor} />}
          at={<When at={entry.timestamp} />}
        />
      ))}
    </Rows>
  );
}

/** The address of an event's detail, with the filters as they are. */
function eventAddress(search: string, id: string): string {
  const params = new URLSearchParams(search);
  params.set("id", id);
  return `?${params}`;
}
