import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useNavigate, useSearchParams } from "react-router";
import { groupsQuery, requestQuery } from "../api/calls";
import type { Content, Request } from "../api/types";
import { KeptLine } from "../form/KeptLine";
import { Obstacle } from "../form/Obstacle";
import { useRequestForm } from "../form/useRequestForm";
import { appQuery } from "../market/calls";
import { m } from "../messages";
import { Loading } from "../pieces/Loading";
import { Missing, MissingScreen, NoticeBox } from "../pieces/Notice";
import { Page } from "../pieces/Page";
import { When } from "../pieces/When";
import { AppForm } from "../publish/AppForm";
import { Drafts } from "../publish/Drafts";
import { PublishForm } from "../publish/PublishForm";
import { likelyTeam } from "../publish/useTeams";
import { useSelf } from "../session/session";

type Kind = "publish_app" | "create_flag" | "change_app";

/** Publish an app, give it another switch, or change what is known of it: kind and app stand in the address. */
export function Component() {
  const [params] = useSearchParams();
  const self = useSelf();
  const [round, setRound] = useState(0);
  const [id, setId] = useState(params.get("draft") ?? "");
  const kind = kindOf(params.get("kind"));
  const slug = kind === "publish_app" ? "" : (params.get("app") ?? "");
  const draft = useQuery({ ...requestQuery(id), enabled: id !== "", refetchInterval: false });
  const groups = useQuery(groupsQuery);
  const problem = (id && !draft.data && draft.error) || (!groups.data && groups.error);
  if (problem)
    return <MissingScreen problem={problem} retry={() => Promise.all([draft.refetch(), groups.refetch()])} />;
  if (!groups.data || (id && !draft.data)) return <Loading panels={[60, 320]} />;
  const fresh: Content =
    kind === "publish_app"
      ? { kind, app: { kind: "external", contact: self.email, owner: likelyTeam(self, groups.data.items) } }
      : { kind, app: { slug } };
  return (
    <New
      key={`${kind} ${slug} ${round}`}
      fresh={fresh}
      draft={draft.data}
      round={round}
      again={() => {
        setId("");
        setRound(round + 1);
      }}
    />
  );
}

const kindOf = (text: string | null | undefined): Kind =>
  text === "create_flag" || text === "change_app" ? text : "publish_app";

interface Props {
  fresh: Content;
  draft: Request | undefined;
  /** How often it was begun anew. */
  round: number;
  again: () => void;
}

function New({ fresh, draft, round, again }: Props) {
  const navigate = useNavigate();
  const [params] = useSearchParams();
  const slug = fresh.kind === "publish_app" ? "" : (fresh.app?.slug ?? "");
  const form = useRequestForm({
    about: slug ? `${fresh.kind} ${slug}` : "new",
    fresh,
    request: draft,
    keep: true,
    made(id) {
      // The address as it is by now: one may have gone on to another step, or away, since the save began.
      const { pathname, search } = window.location;
      const now = new URLSearchParams(search);
      now.set("draft", id);
      if (pathname === "/publish") navigate(`/publish?${now}`, { replace: true, preventScrollReset: true });
    },
    done: (request) => navigate(`/requests/${request.id}`),
  });
  const { content, act } = form;
  const template = params.get("template");
  // Begun anew, the address of before may still be there for a moment.
  const [before] = useState(round > 0 ? template : null);
  useEffect(() => {
    if (template && template !== before) act({ do: "template", id: template });
  }, [template, before, act]);
  const kind = kindOf(content.kind);
  const words = m.publish.titles[kind];
  async function anew() {
    await navigate(slug ? `/publish?kind=${kind}&app=${encodeURIComponent(slug)}` : "/publish");
    again();
  }
  const common = {
    ...form,
    editing: form.id,
    submitLabel: m.publish.review.submit,
    problem: form.problem,
    obstacle: <Obstacle form={form} />,
    after: <KeptLine form={form} gone={anew} />,
  };
  return (
    <Page title={words.title(content.app?.slug ?? "")} words={words.words}>
      {form.found && (
        <NoticeBox
          tone="info"
          title={
            <>
              {m.publish.kept} <When at={form.found} />
            </>
          }
          actions={
            <Button size="xs" variant="default" onClick={() => form.discard().then(anew)}>
              {m.publish.startOver}
            </Button>
          }
        />
      )}
      {!form.id && <Drafts kind={kind} app={slug} />}
      {kind === "change_app" ? <OfApp {...common} slug={slug} /> : <PublishForm {...common} />}
    </Page>
  );
}

function OfApp({ slug, ...props }: Parameters<typeof PublishForm>[0] & { slug: string }) {
  const app = useQuery({ ...appQuery(slug), refetchInterval: false });
  const { act, content } = props;
  const revision = app.data?.revision;
  useEffect(() => {
    if (revision !== undefined && content.base_revision === undefined)
      act({ do: "replace", content: { ...content, base_revision: revision } });
  }, [revision, content, act]);
  if (app.data) return <AppForm {...props} app={app.data} />;
  return app.error ? <Missing problem={app.error} retry={app.refetch} /> : <Loading panels={[320]} />;
}
