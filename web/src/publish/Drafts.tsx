import { Button } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { requestsQuery } from "../api/calls";
import { queries } from "../api/queries";
import type { Content, Request } from "../api/types";
import { withdraw } from "../form/useRequestForm";
import { m } from "../messages";
import { Notice, NoticeBox } from "../pieces/Notice";
import { When } from "../pieces/When";
import { titleOf } from "../request/title";
import classes from "./PublishForm.module.css";

/** The drafts of the same kind that one has begun before, in whatever browser: to go on with, or to throw away. */
export function Drafts({ kind, app }: { kind: Content["kind"]; app: string }) {
  const all = useQuery(requestsQuery({ state: ["draft"], mine: true, limit: 20 })).data?.items ?? [];
  const drafts = all.filter((one) => one.kind === kind && (!app || one.app?.slug === app)).slice(0, 3);
  if (drafts.length === 0) return null;
  return (
    <NoticeBox tone="info" title={m.publish.draft.found(drafts.length)}>
      <ul className={classes.drafts}>
        {drafts.map((draft) => (
          <Begun key={draft.id} draft={draft} />
        ))}
      </ul>
    </NoticeBox>
  );
}

function Begun({ draft }: { draft: Request }) {
  const title = titleOf(draft);
  const gone = useMutation({
    mutationFn: () => withdraw(draft.id),
    onSettled: () => queries.invalidateQueries(),
  });
  return (
    <li className={classes.draft}>
      <span>
        {title} · <When at={draft.updated_at} />
      </span>
      <Link to={`/requests/${draft.id}/edit`} aria-label={m.publish.draft.continueName(title)}>
        {m.publish.draft.continue}
      </Link>
      <Button
        size="compact-xs"
        variant="subtle"
        aria-label={m.publish.draft.discardName(title)}
        loading={gone.isPending}
        onClick={() => gone.mutate()}
      >
        {m.publish.draft.discard}
      </Button>
      {gone.error && <Notice problem={gone.error} />}
    </li>
  );
}
