import { Button } from "@mantine/core";
import { IconPlus, IconServer } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { AdminPage, useWrites } from "../../admin/AdminPage";
import { EnvironmentForm } from "../../admin/EnvironmentForm";
import { environmentsQuery } from "../../api/calls";
import type { Environment } from "../../api/types";
import { m } from "../../messages";
import { text } from "../../model/address";
import { Loading } from "../../pieces/Loading";
import { Missing } from "../../pieces/Notice";
import { Panel } from "../../pieces/Page";
import { Row, Rows } from "../../pieces/Rows";
import { useFilters } from "../../pieces/useFilters";

const address = { id: text };

/** The environments in their order; which one is open stands in the address. */
export function Component() {
  const { read, set } = useFilters(address);
  const writes = useWrites("environments");
  const query = useQuery(environmentsQuery);
  const words = m.admin.environments;
  const items = [...(query.data?.items ?? [])].sort((a, b) => a.position - b.position);
  const open = items.find((one) => one.name === read("id"));
  const fresh: Environment = {
    name: "",
    position: Math.max(0, ...items.map((one) => one.position)) + 1,
    tier: "test",
    governed: false,
    revision: 0,
    version: 0,
  };
  const making = writes && read("id") === "new:";
  return (
    <AdminPage
      section="environments"
      words={words.words}
      actions={
        writes &&
        !making && (
          <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => set("id", "new:")}>
            {words.make}
          </Button>
        )
      }
    >
      {query.isPending && <Loading panels={[240]} />}
      {query.error && !query.data && <Missing problem={query.error} retry={query.refetch} />}
      {query.data && (
        <Panel flush>
          <Rows label={words.title}>
            {items.map((one) => (
              <Row
                key={one.name}
                lead={<IconServer size={20} aria-hidden />}
                to={writes ? `?id=${encodeURIComponent(one.name)}` : undefined}
                stay
                title={one.name}
                words={`${words.tiers[one.tier]} · ${words.tierHint[one.tier]}`}
                end={words.approval[one.governed ? "true" : "false"]}
              />
            ))}
          </Rows>
        </Panel>
      )}
      {making && <EnvironmentForm environment={fresh} close={(name) => set("id", name)} />}
      {writes && open && <EnvironmentForm key={open.name} environment={open} close={() => set("id", null)} />}
    </AdminPage>
  );
}
