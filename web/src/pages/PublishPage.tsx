import { Button } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { useNavigate, useSearchParams } from "react-router";
import { groupsQuery } from "../api/calls";
import { api, newKey, unwrap } from "../api/client";
import { queries } from "../api/queries";
import type { Content } from "../api/types";
import { useSelf } from "../app/session";
import { m } from "../messages";
import { Loading } from "../pieces/Loading";
import { Missing, NoticeBox } from "../pieces/Notice";
import { Page } from "../pieces/Page";
import { When } from "../pieces/When";
import { PublishForm } from "../publish/PublishForm";
import { useDraft } from "../publish/useDraft";
import { likelyTeam } from "../publish/useTeams";

const about = "new";

/** Publish: from a template to a submitted request. */
export function Component() {
  const self = useSelf();
  const [round, setRound] = useState(0);
  const groups = useQuery(groupsQuery);
  if (groups.error && !groups.data) return <Missing problem={groups.error} retry={groups.refetch} />;
  if (!groups.data) return <Loading panels={[60, 320]} />;
  const fresh: Content = {
    kind: "publish_app",
    app: { kind: "external", contact: self.email, owner: likelyTeam(self, groups.data.items) },
  };
  return <NewApp key={round} fresh={fresh} again={() => setRound(round + 1)} />;
}

function NewApp({ fresh, again }: { fresh: Content; again: () => void }) {
  const self = useSelf();
  const navigate = useNavigate();
  const { draft, act, drop } = useDraft(self.email, about, fresh);
  const [found] = useState(draft.savedAt);
  const template = useSearchParams()[0].get("template");
  useEffect(() => {
    if (template) act({ do: "template", id: template });
  }, [template, act]);
  const send = useSubmit();
  function submit(content: Content) {
    send.mutate(content, {
      onSuccess: (request) => {
        drop();
        queries.invalidateQueries();
        navigate(`/requests/${request.id}`);
      },
    });
  }
  function startOver() {
    drop();
    navigate("/publish");
    again();
  }
  return (
    <Page title={m.publish.title} words={m.publish.words}>
      {found && (
        <NoticeBox
          tone="info"
          title={
            <>
              {m.publish.kept} <When at={found} />
            </>
          }
          actions={
            <Button size="xs" variant="default" onClick={startOver}>
              {m.publish.startOver}
            </Button>
          }
        />
      )}
      <PublishForm
        content={draft.content}
        touched={draft.touched}
        act={act}
        submit={submit}
        submitLabel={m.publish.review.submit}
        busy={send.isPending || send.isSuccess}
        problem={send.error}
      />
    </Page>
  );
}

/** Submits a content once, however often it is asked to: a repeated send of the same content carries the same key. */
function useSubmit() {
  const sent = useRef({ body: "", key: "" });
  return useMutation({
    mutationFn: (content: Content) => {
      const body = JSON.stringify(content);
      if (sent.current.body !== body) sent.current = { body, key: newKey() };
      return unwrap(
        api.POST("/api/v1/requests", { body: content, headers: { "Idempotency-Key": sent.current.key } }),
      );
    },
  });
}
