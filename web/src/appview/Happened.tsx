import { Button } from "@mantine/core";
import { useState } from "react";
import { Link } from "react-router";
import type { AppEvent } from "../market/types";
import { m } from "../messages";
import { sentence } from "../model/text";
import { Panel } from "../pieces/Page";
import { Happening, Timeline } from "../pieces/Timeline";
import { When } from "../pieces/When";
import { Who } from "../pieces/Who";

const few = 8;

/** What happened to an app and its switches, newest first. */
export function Happened({ events }: { events: AppEvent[] }) {
  const [all, setAll] = useState(false);
  const shown = all ? events : events.slice(0, few);
  return (
    <Panel title={m.app.history}>
      {events.length === 0 ? (
        m.app.noHistory
      ) : (
        <>
          <Timeline>
            {shown.map((event) => (
              <Happening
                key={event.id}
                title={<Told event={event} />}
                meta={
                  <>
                    <Who email={event.by} /> · <When at={event.at} />
                  </>
                }
              >
                {event.reason && <q>{event.reason}</q>}
              </Happening>
            ))}
          </Timeline>
          {shown.length < events.length && (
            <Button mt="sm" size="xs" variant="default" onClick={() => setAll(true)}>
              {m.app.earlier(events.length - shown.length)}
            </Button>
          )}
        </>
      )}
    </Panel>
  );
}

function Told({ event }: { event: AppEvent }) {
  const words = sentence(event.words);
  const to = event.request_id
    ? `/requests/${event.request_id}`
    : event.flag_key && `/flags/${encodeURIComponent(event.flag_key)}`;
  return to ? <Link to={to}>{words}</Link> : words;
}
