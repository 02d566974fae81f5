import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "react-router";
import { AdminPage, useWrites } from "../../admin/AdminPage";
import { policyQuery } from "../../admin/calls";
import { PolicyEditor } from "../../admin/PolicyEditor";
import type { Policy } from "../../api/types";
import { m } from "../../messages";
import { Code } from "../../pieces/Code";
import { Loading } from "../../pieces/Loading";
import { Missing } from "../../pieces/Notice";
import { Panel } from "../../pieces/Page";

const fresh: Policy = {
  name: "",
  source: m.recipes.policies.sample,
  active: false,
  judges: "requests",
  origin: "custom",
  revision: 0,
  syntax: "v1",
};

/** One policy, or a new one. */
export function Component() {
  const { name = "" } = useParams();
  const make = name === "new";
  const writes = useWrites("policies");
  const query = useQuery({ ...policyQuery(name), enabled: !make });
  const policy = make ? fresh : query.data;
  const words = m.recipes.policies;
  return (
    <AdminPage
      section="policies"
      title={make ? words.newTitle : name}
      above={<Link to="/admin/policies">{words.title}</Link>}
      words={make ? undefined : policy && words.origin[policy.origin]}
    >
      {!make && query.isPending && <Loading panels={[480]} />}
      {!make && query.error && !query.data && <Missing problem={query.error} retry={query.refetch} />}
      {policy &&
        (writes ? (
          <PolicyEditor key={policy.name} policy={policy} />
        ) : (
          <Panel>
            <Code label={words.source} copy={policy.source}>
              {policy.source}
            </Code>
          </Panel>
        ))}
    </AdminPage>
  );
}
