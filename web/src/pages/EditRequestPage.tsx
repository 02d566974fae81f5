import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { requestQuery } from "../api/calls";
import { api, newKey, Problem, unwrap } from "../api/client";
import { queries } from "../api/queries";
import type { Content, Request } from "../api/types";
import { useSelf } from "../app/session";
import { m } from "../messages";
import { mergePatch } from "../model/findings";
import { Loading } from "../pieces/Loading";
import { Missing } from "../pieces/Notice";
import { Page } from "../pieces/Page";
import { PublishForm } from "../publish/PublishForm";
import { Stale } from "../publish/Stale";
import { useDraft } from "../publish/useDraft";
import { titleOf } from "../request/title";

/** Edits a request: the same form, over what was submitted. */
export function Component() {
  const { id = "" } = useParams();
  const query = useQuery({ ...requestQuery(id), refetchInterval: false });
  const [base, setBase] = useState<Request | null>(null);
  if (query.data && !base) setBase(query.data);
  if (base) return <Editor base={base} />;
  return query.error ? (
    <Missing problem={query.error} retry={query.refetch} />
  ) : (
    <Loading panels={[80, 480]} />
  );
}

/** The part of a request that people write. */
function contentOf(request: Request): Content {
  const { kind, template_id, reason, app, fields, attachments, removal_plan, flag_key, environment } =
    request;
  const content: Content = {
    kind,
    template_id,
    reason,
    app,
    fields,
    attachments,
    removal_plan,
    flag_key,
    environment,
  };
  return JSON.parse(JSON.stringify(content)) as Content; // without what is undefined
}

function Editor({ base: opened }: { base: Request }) {
  const self = useSelf();
  const navigate = useNavigate();
  const [base, setBase] = useState(opened);
  const { draft, act, drop } = useDraft(self.email, `${opened.id}@${opened.revision}`, contentOf(opened));
  const [newer, setNewer] = useState<Request | null>(null);
  const save = useMutation({
    mutationFn: (content: Content) =>
      unwrap(
        api.PATCH("/api/v1/requests/{id}", {
          params: { path: { id: base.id }, header: { "If-Match": `"${base.revision}"` } },
          body: mergePatch(contentOf(base), content) as Content,
          headers: { "Idempotency-Key": newKey() },
        }),
      ),
    onSuccess: (request) => {
      drop();
      queries.invalidateQueries();
      navigate(`/requests/${request.id}`);
    },
    onError: async (error) => {
      if (error instanceof Problem && error.status === 412) {
        setNewer(await queries.fetchQuery({ ...requestQuery(base.id), staleTime: 0 }));
      }
    },
  });
  function goOn(content: Content) {
    if (newer) setBase(newer);
    setNewer(null);
    save.reset();
    act({ do: "replace", content });
  }
  return (
    <Page
      title={m.publish.editTitle}
      above={<Link to={`/requests/${base.id}`}>{titleOf(base)}</Link>}
      words={m.publish.editWords}
    >
      <PublishForm
        content={draft.content}
        touched={draft.touched}
        editing={base.id}
        act={act}
        submit={(content) => save.mutate(content)}
        submitLabel={m.publish.review.save}
        busy={save.isPending || save.isSuccess}
        problem={newer ? null : save.error}
        obstacle={
          newer && <Stale theirs={contentOf(newer)} yours={draft.content} newer={newer} goOn={goOn} />
        }
      />
    </Page>
  );
}
