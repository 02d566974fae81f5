import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "react-router";
import { rolloutQuery } from "../api/calls";
import type { Request } from "../api/types";
import { Unseen } from "../flag/Unseen";
import { useRolloutAct } from "../flag/useFlag";
import { m } from "../messages";
import { Notice, NoticeBox } from "../pieces/Notice";
import { Who } from "../pieces/Who";
import { useSelf } from "../session/session";
import { Asked } from "./Asked";
import { useCopy } from "./useRequest";

/** Where a request has led, and the next step from there. */
export function Outcome({ request }: { request: Request }) {
  const words = m.request.next;
  switch (request.state) {
    case "needs_approval":
      return null;
    case "checking":
      return (
        <NoticeBox tone="info" title={words.checking}>
          <p>{words.checkingWords}</p>
        </NoticeBox>
      );
    case "needs_fixes":
      if (request.checks.every((check) => check.status !== "failed" && check.status !== "pending")) {
        return <Asked request={request} />;
      }
      return (
        <>
          <Asked request={request} />
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
        </>
      );
    case "draft":
      return (
        <NoticeBox
          tone="info"
          title={words.draft}
          actions={
            request.can.includes("edit") && (
              <Button size="xs" component={Link} to={`/requests/${request.id}/edit`}>
                {words.continue}
              </Button>
            )
          }
        >
          <p>{words.draftWords}</p>
        </NoticeBox>
      );
    case "denied":
      return <Ended request={request} tone="danger" title={words.denied} />;
    case "withdrawn":
      return <Ended request={request} tone="info" title={words.withdrawn} />;
    case "approved":
      return <Approved request={request} />;
  }
}

/** A request that came to nothing: why, and the way to ask again with what it said. */
function Ended({ request, tone, title }: { request: Request; tone: "danger" | "info"; title: string }) {
  const words = m.request.next;
  const self = useSelf();
  const navigate = useNavigate();
  const copy = useCopy(request.id);
  const denial = request.decisions.find((one) => one.verdict === "denied");
  const mine = request.requester_id === self.id || request.editor_ids.includes(self.id);
  return (
    <NoticeBox
      tone={tone}
      title={title}
      actions={
        mine && (
          <Button
            size="xs"
            loading={copy.isPending}
            onClick={() =>
              copy.mutate(undefined, { onSuccess: (draft) => navigate(`/requests/${draft.id}/edit`) })
            }
          >
            {words.again}
          </Button>
        )
      }
    >
      {denial?.reason && (
        <p>
          <Who email={denial.by} />: <q>{denial.reason}</q>
        </p>
      )}
      {mine && <p>{words.againWords}</p>}
      {copy.error && <Notice problem={copy.error} />}
    </NoticeBox>
  );
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
  const restored = request.kind === "restore_flag"; // with what was left of a rollout that was stopped by the kill
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
          {request.kind === "change_app" && request.app_slug && (
            <Button
              size="xs"
              variant="default"
              component={Link}
              to={`/apps/${encodeURIComponent(request.app_slug)}`}
            >
              {words.openApp}
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
      {(!request.rollout_id || restored) && words.effect[request.kind] && <p>{words.effect[request.kind]}</p>}
      {ready && (
        <p>
          {(restored ? words.restStarts : words.starts)(
            mine ? undefined : (request.app?.owner ?? words.owners),
          )}
        </p>
      )}
      {rollout?.unseen && (
        <p>
          {m.flag.unseen.was} <q>{rollout.unseen}</q>
        </p>
      )}
      {act.error && <Notice problem={act.error} />}
      <Unseen act={act} done={() => navigate(address)} />
    </NoticeBox>
  );
}
