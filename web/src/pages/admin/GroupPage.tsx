import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { Link, useParams, useSearchParams } from "react-router";
import { AdminPage, useWrites } from "../../admin/AdminPage";
import { groupQuery } from "../../admin/calls";
import { GroupForm } from "../../admin/GroupForm";
import { GroupView } from "../../admin/GroupView";
import { freshGroup } from "../../admin/setup";
import { m } from "../../messages";
import { Loading } from "../../pieces/Loading";
import { Missing } from "../../pieces/Notice";
import { useSelf } from "../../session/session";

/** One group, or a new one. */
export function Component() {
  const { name = "" } = useParams();
  const make = name === "new";
  const writes = useWrites("groups");
  const query = useQuery({ ...groupQuery(name), enabled: !make });
  const self = useSelf();
  const [params] = useSearchParams();
  const fresh = useMemo(() => freshGroup(params, self.email), [params, self.email]);
  const group = make ? fresh : query.data;
  const words = m.admin.groups;
  return (
    <AdminPage
      section="groups"
      title={make ? words.newTitle : (group?.title ?? name)}
      above={<Link to="/admin/groups">{words.title}</Link>}
      words={make ? undefined : name}
    >
      {!make && query.isPending && <Loading panels={[480]} />}
      {!make && query.error && !query.data && <Missing problem={query.error} retry={query.refetch} />}
      {group && (writes ? <GroupForm key={group.name} group={group} /> : <GroupView group={group} />)}
    </AdminPage>
  );
}
