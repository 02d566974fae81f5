import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "react-router";
import { rolloutQuery } from "../api/calls";
import type { Request } from "../api/types";
import { useRolloutAct } from "../flag/useFlag";
import { m } from "../messages";
import { Notice, NoticeBox } from "../pieces/Notice";

/** Where a request has led, and the next step from there. */
export function Outcome({ request }: { request: Request }) {
  const words = m.request.next;
  switch (request.state) {
    case "needs_approval":
      return null;
    case "needs_fixes":
      return (
        <NoticeBox
          tone="warn"
          title={words.fixes}
          actions={
            request.can.includes("edit") && (
              <Button size="xs" component={Link} to={`/requests/${request.id}/edit`}>
                {words.mend}
              </Button>
            )
          }
        >
          <p>{words.fixesWords}</p>
        </NoticeBox>
      );
    case "denied":
      return <NoticeBox tone="danger" title={words.denied} />;
    case "withdrawn":
      return <NoticeBox tone="info" title={words.withdrawn} />;
    case "approved":
      return <Approved request={request} />;
  }
}

function Approved({ request }: { request: Request }) {
  const words = m.request.next;
  const navigate = useNavigate();
  const id = request.rollout_id ?? "";
  const rollout = useQuery({ ...rolloutQuery(id), enabled: id !== "" }).data;
  const act = useRolloutAct(id);
  const key = request.flag?.key ?? request.flag_key ?? "";
  const address = `/flags/${encodeURIComponent(key)}`;
  const ready = rollout?.state === "ready";
  const mine = ready && rollout.can.includes("start");
  return (
    <NoticeBox
      tone="on"
      title={words.approved}
      actions={
        <>
          {mine && (
            <Button
              size="xs"
              loading={act.isPending}
              onClick={() => act.mutate({ act: "start" }, { onSuccess: () => navigate(address) })}
            >
              {words.start}
            </Button>
          )}
          {key && (
            <Button size="xs" variant="default" component={Link} to={address}>
              {words.open}
            </Button>
          )}
        </>
      }
    >
      {ready && <p>{mine ? words.startWords : words.ownerStarts(request.app?.owner ?? "")}</p>}
      {request.kind === "restore_flag" && <p>{words.restored}</p>}
      {act.error && <Notice problem={act.error} />}
    </NoticeBox>
  );
}
