import { Link } from "react-router";
import type { Request, TimelineEntry } from "../api/types";
import { m } from "../messages";
import { sentence } from "../model/text";
import { Panel } from "../pieces/Page";
import { Happening, Timeline } from "../pieces/Timeline";
import { When } from "../pieces/When";
import { Who } from "../pieces/Who";
import { useSelf } from "../session/session";
import { CommentForm } from "./Comments";
import classes from "./History.module.css";

/** What happened to a request and what people said of it, each with its number in the audit log, and a place to say more. */
export function History({ request }: { request: Request }) {
  const auditor = useSelf().can.includes("audit.read");
  return (
    <Panel title={m.request.timeline}>
      {request.timeline.length === 0 && m.request.noTimeline}
      <Timeline>
        {request.timeline.map((entry) => (
          <Happening
            key={entry.id}
            title={titleOf(entry)}
            meta={
              <>
                <Who email={entry.by} /> · <When at={entry.at} /> ·{" "}
                {entry.leaf === null ? (
                  m.request.leafSoon
                ) : auditor ? (
                  <Link to={`/audit?request=${request.id}&id=${entry.id}`}>{m.request.leaf(entry.leaf)}</Link>
                ) : (
                  m.request.leaf(entry.leaf)
                )}
              </>
            }
          >
            {isComment(entry) ? (
              <p className={classes.comment}>{entry.reason}</p>
            ) : (
              entry.reason &&
              !entry.words.toLowerCase().includes(entry.reason.toLowerCase()) && <q>{entry.reason}</q>
            )}
          </Happening>
        ))}
      </Timeline>
      <CommentForm request={request} />
    </Panel>
  );
}

const isComment = (entry: TimelineEntry) =>
  (entry.event === "request.commented" || entry.event === "request.answered") && Boolean(entry.reason);

function titleOf(entry: TimelineEntry) {
  return isComment(entry) ? (
    <>
      <Who email={entry.by} />{" "}
      {entry.event === "request.answered" ? m.request.comment.answered : m.request.comment.said}
    </>
  ) : (
    sentence(entry.words)
  );
}
