import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { requestQuery } from "../api/calls";
import type { Request } from "../api/types";
import { FlagChange } from "../flag/FlagChange";
import { LifeForm } from "../flag/LifeForm";
import { AskForm } from "../form/AskForm";
import type { FormProps } from "../form/form";
import { KeptLine } from "../form/KeptLine";
import { Obstacle } from "../form/Obstacle";
import { useRequestForm } from "../form/useRequestForm";
import { appQuery } from "../market/calls";
import { m } from "../messages";
import { Loading } from "../pieces/Loading";
import { Missing, MissingScreen, NoticeBox } from "../pieces/Notice";
import { Page } from "../pieces/Page";
import { AppForm } from "../publish/AppForm";
import { PublishForm } from "../publish/PublishForm";
import { titleOf } from "../request/title";

/** Edits a request or a draft: the form of its kind, over what it says. */
export function Component() {
  const { id = "" } = useParams();
  const query = useQuery({ ...requestQuery(id), refetchInterval: false });
  const [base, setBase] = useState<Request | null>(null);
  if (query.data && base?.id !== query.data.id) setBase(query.data);
  if (base?.id === id) return <Editor key={id} base={base} />;
  return query.error ? (
    <MissingScreen problem={query.error} retry={query.refetch} />
  ) : (
    <Loading panels={[80, 480]} />
  );
}

function Editor({ base }: { base: Request }) {
  const navigate = useNavigate();
  const draft = base.state === "draft";
  const form = useRequestForm({
    about: base.id,
    fresh: { kind: base.kind },
    request: base,
    keep: draft,
    done: (request) => navigate(`/requests/${request.id}`),
  });
  const title = titleOf(base);
  const above = draft ? m.publish.draft.title : <Link to={`/requests/${base.id}`}>{title}</Link>;
  if (!base.can.includes("edit")) {
    return (
      <Page title={m.publish.editTitle} above={<Link to={`/requests/${base.id}`}>{title}</Link>}>
        <NoticeBox tone="info" title={m.publish.stale.closed(m.state.request[base.state].toLowerCase())} />
      </Page>
    );
  }
  return (
    <Page
      title={draft ? title : m.publish.editTitle}
      above={above}
      words={draft ? m.publish.draft.words : m.publish.editWords}
    >
      <FormOf
        {...form}
        editing={base.id}
        submitLabel={draft ? m.publish.review.submit : m.publish.review.save}
        obstacle={<Obstacle form={form} />}
        after={draft && <KeptLine form={form} gone={() => navigate("/")} />}
      />
    </Page>
  );
}

function FormOf(props: FormProps) {
  const { content } = props;
  switch (content.kind) {
    case undefined:
    case "publish_app":
    case "create_flag":
      return <PublishForm {...props} />;
    case "change_app":
      return <OfApp {...props} />;
    case "change_flag":
      return <FlagChange {...props} />;
    case "extend_ttl":
    case "deprecate":
    case "remove":
      return <LifeForm {...props} />;
    case "restore_flag":
    case "import_flags":
    case "change_segment":
      return (
        <AskForm {...props} fields={[]}>
          {() => null}
        </AskForm>
      );
  }
}

function OfApp(props: FormProps) {
  const app = useQuery(appQuery(props.content.app?.slug ?? ""));
  if (app.data) return <AppForm {...props} app={app.data} />;
  return app.error ? <Missing problem={app.error} retry={app.refetch} /> : <Loading panels={[320]} />;
}
