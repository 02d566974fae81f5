import { Button } from "@mantine/core";
import { IconToggleLeft } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { about, environmentsQuery } from "../api/calls";
import { api, unwrap } from "../api/client";
import type { FlagSummary } from "../api/types";
import { m } from "../messages";
import { Empty } from "../pieces/Empty";
import { FilterBar, FilterChoice } from "../pieces/FilterBar";
import { type Column, Listing, Under } from "../pieces/Listing";
import { Page, Panel } from "../pieces/Page";
import { LifecycleChip, ServingChip } from "../pieces/states";
import { useFilters } from "../pieces/useFilters";
import { useListing } from "../pieces/useListing";

/** All flags; the filters stand in the address. */
export function Component() {
  const filters = useFilters();
  const { read } = filters;
  const filter = { q: read("q"), app: read("app"), killed: read("killed") === "true" || undefined };
  const known = useQuery(environmentsQuery).data?.items ?? [];
  const production = known.find((one) => one.tier === "production")?.name;
  const list = useListing({
    key: ["flags", filter],
    read: (cursor, signal) =>
      unwrap(api.GET("/api/v1/flags", { params: { query: { ...filter, cursor, limit: 50 } }, signal })),
    meta: about("flag", "lifecycle"),
  });
  return (
    <Page title={m.flag.listTitle} words={m.flag.listWords}>
      <FilterBar filters={filters} search={m.flag.search}>
        <FilterChoice
          filters={filters}
          name="killed"
          label={m.state.serving.killed}
          data={[{ value: "true", label: m.flag.killedOnly }]}
        />
        {filter.app && (
          <Button size="xs" variant="light" onClick={() => filters.set("app", null)}>
            {m.flag.ofApp(filter.app)}
          </Button>
        )}
      </FilterBar>
      <Panel flush>
        <Listing
          label={m.flag.listTitle}
          columns={columns(production)}
          list={list}
          rowKey={(flag) => flag.key}
          href={(flag) => `/flags/${encodeURIComponent(flag.key)}`}
          filtered={filters.filtered}
          clear={filters.clear}
          nothing={
            <Empty tall icon={<IconToggleLeft />} title={m.flag.none} words={m.flag.noneWords}>
              <Button component={Link} to="/publish">
                {m.flag.publish}
              </Button>
            </Empty>
          }
        />
      </Panel>
    </Page>
  );
}

const columns = (production: string | undefined): Column<FlagSummary>[] => [
  {
    title: m.flag.key,
    cell: (flag) => (
      <>
        {flag.key}
        <Under>{flag.name}</Under>
      </>
    ),
  },
  { title: m.flag.owner, cell: (flag) => flag.owner_group },
  {
    title: m.flag.production,
    narrow: "bare",
    cell: (flag) => {
      const state = flag.environments.find((one) => one.environment === production);
      return state && <ServingChip state={state} />;
    },
  },
  { title: m.flag.life, narrow: "bare", cell: (flag) => <LifecycleChip state={flag.lifecycle.state} /> },
];
