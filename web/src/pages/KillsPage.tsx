import { IconHandStop } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { environmentsQuery, killsQuery } from "../api/calls";
import type { KillAct } from "../api/types";
import { useSelf } from "../app/session";
import classes from "../kill/Kill.module.css";
import { KillForm } from "../kill/KillForm";
import { restoreKill } from "../kill/useKillMany";
import { m } from "../messages";
import { sentence } from "../model/text";
import { ConfirmButton } from "../pieces/Confirm";
import { Empty } from "../pieces/Empty";
import { Notice } from "../pieces/Notice";
import { Page, Panel } from "../pieces/Page";
import { Row, RowSkeleton, Rows } from "../pieces/Rows";
import { When } from "../pieces/When";
import { Who } from "../pieces/Who";

const words = m.kills;

/** What operators reach for when something burns, and what was done so before. */
export function Component() {
  const self = useSelf();
  const kills = useQuery(killsQuery);
  const environments = useQuery(environmentsQuery).data?.items ?? [];
  return (
    <Page title={words.title} words={words.words}>
      {self.can.includes("kill") && <KillForm />}
      <Panel title={words.list} flush>
        {kills.isPending && <RowSkeleton rows={3} />}
        {kills.error && <Notice problem={kills.error} retry={kills.refetch} />}
        {kills.data?.items.length === 0 && (
          <Empty icon={<IconHandStop />} title={words.none} words={words.noneWords} />
        )}
        {kills.data && kills.data.items.length > 0 && (
          <Rows label={words.list}>
            {kills.data.items.map((act) => (
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

function ActRow({ act, governed }: { act: KillAct; governed: boolean }) {
  const [asked, setAsked] = useState("");
  const what = words.whatOf(act);
  return (
    <Row
      title={sentence(`${what} · ${act.environment}`)}
      words={
        <>
          {words.standing(act.standing, act.flags)} · <Who email={act.by} /> · <q>{act.reason}</q>
          {asked && <strong> {asked}</strong>}
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
                const done = await restoreKill(act.id, reason);
                if (done.requests.length + done.left > 0)
                  setAsked(words.asked(done.requests.length, done.left));
              }}
            />
          </span>
        )
      }
      at={<When at={act.at} />}
    />
  );
}
