import { Button } from "@mantine/core";
import { IconRoute } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { requestsQuery } from "../api/calls";
import type { Rollout } from "../api/types";
import { m } from "../messages";
import { Empty } from "../pieces/Empty";
import { Notice, NoticeBox } from "../pieces/Notice";
import { Panel } from "../pieces/Page";
import { RolloutChip } from "../pieces/states";
import { When } from "../pieces/When";
import { ReasonForm } from "./ReasonForm";
import classes from "./RolloutPanel.module.css";
import { Track } from "./Track";
import { notSeen, Unseen } from "./Unseen";
import { type Act, useRolloutAct, useWatchedLongEnough } from "./useFlag";

/** The rollouts of a flag: the newest as a track with what can be done, the earlier ones below it. */
export function RolloutPanel({ flag, rollouts }: { flag: string; rollouts: Rollout[] }) {
  const [newest, ...earlier] = rollouts;
  const request = useQuery({ ...requestsQuery({ flag_key: flag, limit: 1 }), enabled: !newest }).data
    ?.items[0];
  if (!newest) {
    return (
      <Panel title={m.flag.rollout} flush>
        <Empty icon={<IconRoute />} title={m.flag.noRollout} words={m.flag.noRolloutWords}>
          {request && (
            <Button variant="default" component={Link} to={`/requests/${request.id}`}>
              {m.flag.itsRequest}
            </Button>
          )}
        </Empty>
      </Panel>
    );
  }
  return (
    <Panel title={m.flag.rollout} aside={<RolloutChip state={newest.state} />} id="rollout">
      {newest.reason && (
        <p className={classes.reason}>
          <q>{newest.reason}</q>
        </p>
      )}
      {newest.unseen && (
        <p className={classes.reason}>
          {m.flag.unseen.was} <q>{newest.unseen}</q>
        </p>
      )}
      {newest.verdict === "wait" && (
        <NoticeBox tone="warn" title={m.flag.unseen.waits}>
          <p>{m.flag.unseen.waitsWords}</p>
        </NoticeBox>
      )}
      <Track rollout={newest} />
      <Acts rollout={newest} key={newest.id} />
      {earlier.length > 0 && (
        <details className={classes.earlier}>
          <summary>{m.flag.pastRollouts}</summary>
          <ul>
            {earlier.map((rollout) => (
              <li key={rollout.id}>
                <Link to={`/requests/${rollout.request_id}`}>
                  <When at={rollout.created_at} />
                </Link>{" "}
                <RolloutChip state={rollout.state} />
              </li>
            ))}
          </ul>
        </details>
      )}
    </Panel>
  );
}

const order: Act[] = ["start", "promote", "resume", "pause", "abort"];

/** What the person may do with the rollout now. Starting and pausing act at once; going on and stopping ask for a reason. */
function Acts({ rollout }: { rollout: Rollout }) {
  const act = useRolloutAct(rollout.id);
  const [asking, setAsking] = useState<Act | null>(null);
  useWatchedLongEnough(rollout);
  const can = order.filter((one) => rollout.can.includes(one));
  function choose(next: Act) {
    act.reset();
    if (next === "promote" || next === "abort") setAsking(asking === next ? null : next);
    else act.mutate({ act: next });
  }
  if (can.length === 0) return null;
  return (
    <div className={classes.acts}>
      <div className={classes.buttons}>
        {can.map((one) => (
          <Button
            key={one}
            variant={one === "start" || one === "promote" || one === "resume" ? "filled" : "default"}
            loading={act.isPending && act.variables?.act === one}
            aria-expanded={one === "promote" || one === "abort" ? asking === one : undefined}
            onClick={() => choose(one)}
          >
            {m.flag.act[one]}
          </Button>
        ))}
      </div>
      {asking && !notSeen(act.error) && can.includes(asking) && (
        <ReasonForm
          key={asking}
          act={asking}
          label={m.flag.actReason.needed}
          help={m.flag.actHelp[asking === "promote" && rollout.verdict === "nothing" ? "early" : asking]}
          busy={act.isPending}
          submit={(reason) => act.mutate({ act: asking, reason }, { onSuccess: () => setAsking(null) })}
        />
      )}
      {act.error && <Notice problem={act.error} />}
      <Unseen act={act} done={() => setAsking(null)} />
    </div>
  );
}
