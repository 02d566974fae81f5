import { IconHandStop } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Fragment, useState } from "react";
import { Link } from "react-router";
import { earlyKillsQuery, environmentsQuery, killsQuery } from "../api/calls";
import type { KillAct } from "../api/types";
import classes from "../kill/Kill.module.css";
import { KillForm } from "../kill/KillForm";
import { endKill, restoreKill } from "../kill/useKillMany";
import { m } from "../messages";
import { sentence } from "../model/text";
import { ConfirmButton } from "../pieces/Confirm";
import { Empty } from "../pieces/Empty";
import { Notice } from "../pieces/Notice";
import { Page, Panel } from "../pieces/Page";
import { Row, RowSkeleton, Rows } from "../pieces/Rows";
import { When } from "../pieces/When";
import { Who } from "../pieces/Who";
import { useSelf } from "../session/session";

const words = m.kills;

/** What operators reach for when something burns, and what was done so before. */
export function Component() {
  const self = useSelf();
  const kills = useQuery(killsQuery);
  const early = useQuery(earlyKillsQuery).data?.items ?? [];
  const committed = kills.data?.items.filter((act) => act.committed_at) ?? [];
  const environments = useQuery(environmentsQuery).data?.items ?? [];
  return (
    <Page title={words.title} words={words.words}>
      {self.can.includes("kill") && <KillForm />}
      {early.length > 0 && (
        <Panel title={words.early} flush>
          <Rows label={words.early}>
            {early.map((act) => (
              <EarlyRow key={act.id} act={act} />
            ))}
          </Rows>
        </Panel>
      )}
      <Panel title={words.list} flush>
        {kills.isPending && <RowSkeleton rows={3} />}
        {kills.error && <Notice problem={kills.error} retry={kills.refetch} />}
        {kills.data && committed.length === 0 && (
          <Empty icon={<IconHandStop />} title={words.none} words={words.noneWords} />
        )}
        {committed.length > 0 && (
          <Rows label={words.list}>
            {committed.map((act) => (
              <ActRow
                key={act.id}
                act={act}
                governed={environments.some((one) => one.name === act.environment && one.governed)}
              />
            ))}
          </Rows>
        )}
      </Panel>
    </Page>
  );
}

/** A kill that is not committed: there is nothing to take back yet, and an administrator may let go of it. */
function EarlyRow({ act }: { act: KillAct }) {
  const what = words.whatOf(act);
  return (
    <Row
      title={sentence(`${what} · ${act.environment}`)}
      words={
        <>
          {words.earlyWords(act.flags)} · <Who email={act.by} /> · <q>{act.reason}</q>
        </>
      }
      end={
        act.can.includes("end") && (
          <span className={classes.act}>
            <ConfirmButton
              label={words.end}
              title={words.endOf(what, act.environment)}
              danger
              reason="needed"
              button={{ size: "xs" }}
              happens={words.endHappens(act.environment)}
              run={(reason) => endKill(act.id, reason)}
            />
          </span>
        )
      }
      at={<When at={act.at} />}
    />
  );
}

/** How many of the requests that were made are linked to; all are in the list of requests. */
const shown = 3;

function ActRow({ act, governed }: { act: KillAct; governed: boolean }) {
  const [asked, setAsked] = useState<{ requests: string[]; words: string }>();
  const what = words.whatOf(act);
  return (
    <Row
      title={sentence(`${what} · ${act.environment}`)}
      words={
        <>
          {words.standing(act.standing, act.flags)} · <Who email={act.by} /> · <q>{act.reason}</q>
          {asked && <strong> {asked.words}</strong>}
          {asked?.requests.slice(0, shown).map((id) => (
            <Fragment key={id}>
              {" "}
              <Link to={`/requests/${id}`}>{words.openRequest}</Link>
            </Fragment>
          ))}
        </>
      }
      end={
        act.can.includes("restore") && (
          <span className={classes.act}>
            <ConfirmButton
              label={words.restore}
              title={words.restoreOf(what, act.environment)}
              reason="optional"
              button={{ size: "xs" }}
              happens={words.restoreHappens(act.standing, act.environment, governed)}
              run={async (reason) => {
                const { requests, left } = await restoreKill(act.id, reason);
                if (governed)
                  setAsked({
                    requests,
                    words:
                      requests.length + left > 0 ? words.asked(requests.length, left) : words.askedBefore,
                  });
              }}
            />
          </span>
        )
      }
      at={<When at={act.at} />}
    />
  );
}
