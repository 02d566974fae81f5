import { Button } from "@mantine/core";
import { IconAlertTriangle, IconCheck, IconGavel, IconPlus, IconPower } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { AdminPage, useWrites } from "../../admin/AdminPage";
import { policiesQuery } from "../../admin/calls";
import { PolicySwitch } from "../../admin/PolicySwitch";
import { Proposed } from "../../admin/Proposed";
import { useWrite } from "../../admin/useWrite";
import type { Policy } from "../../api/types";
import { m } from "../../messages";
import { aboutOf } from "../../model/policyInput";
import { sentence } from "../../model/text";
import { Chip } from "../../pieces/Chip";
import { Empty } from "../../pieces/Empty";
import { Missing } from "../../pieces/Notice";
import { Panel } from "../../pieces/Page";
import { Row, RowSkeleton, Rows } from "../../pieces/Rows";

/** The policies, each with its switch. */
export function Component() {
  const query = useQuery(policiesQuery);
  const writes = useWrites("policies");
  const write = useWrite();
  const words = m.recipes.policies;
  const items = [...(query.data?.items ?? [])].sort((a, b) => a.name.localeCompare(b.name));
  const make = writes && (
    <Button component={Link} to="/admin/policies/new" leftSection={<IconPlus size={16} aria-hidden />}>
      {words.make}
    </Button>
  );
  return (
    <AdminPage section="policies" words={words.words} actions={make}>
      {write.proposed && <Proposed words={write.proposed} />}
      {query.error && !query.data && <Missing problem={query.error} retry={query.refetch} />}
      <Panel flush>
        {query.isPending && <RowSkeleton rows={6} />}
        {query.data && items.length === 0 && (
          <Empty tall icon={<IconGavel />} title={words.none} words={words.noneWords}>
            {make}
          </Empty>
        )}
        <Rows label={words.title}>
          {items.map((policy) => (
            <Row
              key={policy.name}
              to={`/admin/policies/${encodeURIComponent(policy.name)}`}
              stay
              title={policy.name}
              words={
                <>
                  {sentence(aboutOf(policy.source))}
                  <span style={{ display: "block", fontSize: 12 }}>{factsOf(policy)}</span>
                </>
              }
              end={
                <>
                  <PolicyChip policy={policy} />
                  {writes && <PolicySwitch policy={policy} run={write.run} />}
                </>
              }
            />
          ))}
        </Rows>
      </Panel>
    </AdminPage>
  );
}

function factsOf(policy: Policy): string {
  const { origin, judges, replaces } = m.recipes.policies;
  const judged: Record<string, string> = judges;
  return [
    origin[policy.origin],
    judged[policy.judges],
    policy.replaces_standard ? replaces : "",
    policy.owner,
  ]
    .filter(Boolean)
    .join(" · ");
}

function PolicyChip({ policy }: { policy: Policy }) {
  const words = m.recipes.policies;
  if (policy.problem) {
    return (
      <Chip tone="danger" icon={<IconAlertTriangle />}>
        {words.broken}
      </Chip>
    );
  }
  if (policy.warnings?.some((item) => item.severity === "warning")) {
    return (
      <Chip tone="warn" icon={<IconAlertTriangle />}>
        {words.unheard}
      </Chip>
    );
  }
  return policy.active ? (
    <Chip tone="on" icon={<IconCheck />}>
      {words.inForce}
    </Chip>
  ) : (
    <Chip tone="off" icon={<IconPower />}>
      {words.off}
    </Chip>
  );
}
