import { Link } from "react-router";
import type { TimelineEntry } from "../api/types";
import { useSelf } from "../app/session";
import { m } from "../messages";
import { sentence } from "../model/text";
import { Panel } from "../pieces/Page";
import { Happening, Timeline } from "../pieces/Timeline";
import { When } from "../pieces/When";
import { Who } from "../pieces/Who";

/** What happened to a request, each with its number in the audit log; auditors can follow the number. */
export function History({ entries, request }: { entries: TimelineEntry[]; request: string }) {
  const auditor = useSelf().can.includes("audit.read");
  return (
    <Panel title={m.request.timeline}>
      {entries.length === 0 && m.request.noTimeline}
      <Timeline>
        {entries.map((entry) => (
          <Happening
            key={entry.id}
            title={sentence(entry.words)}
            meta={
              <>
                <Who email={entry.by} /> · <When at={entry.at} /> ·{" "}
                {entry.leaf === null ? (
                  m.request.leafSoon
                ) : auditor ? (
                  <Link to={`/audit?request=${request}&id=${entry.id}`}>{m.request.leaf(entry.leaf)}</Link>
                ) : (
                  m.request.leaf(entry.leaf)
                )}
              </>
            }
          >
            {entry.reason && !entry.words.includes(entry.reason) && <q>{entry.reason}</q>}
          </Happening>
        ))}
      </Timeline>
    </Panel>
  );
}
