import { Button } from "@mantine/core";
import { IconDownload, IconToggleLeft } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { about, environmentsQuery, groupsQuery, tagsQuery } from "../api/calls";
import { api, unwrap } from "../api/client";
import type { FlagQuery, FlagSummary } from "../api/types";
import { m } from "../messages";
import { keyOf, text, whole } from "../model/address";
import { Empty } from "../pieces/Empty";
import { FilterBar, FilterChoice } from "../pieces/FilterBar";
import { type Column, Listing, Under } from "../pieces/Listing";
import { Page, Panel } from "../pieces/Page";
import { LifecycleChip, ServingChip } from "../pieces/states";
import { useFilters } from "../pieces/useFilters";
import { useListing } from "../pieces/useListing";
import { useSort } from "../pieces/useSort";
import { When } from "../pieces/When";

const words = m.flag;
const dayLength = 86_400_000;

const address = {
  q: text,
  app: text,
  owner: text,
  template: text,
  tag: text,
  environment: text,
  state: keyOf(m.state.lifecycle),
  serving: keyOf(m.state.servingModes),
  expires: whole(3650),
  older: whole(3650),
};

const sorts = ["created", "key", "updated", "expires"] as const;

/** All flags: searched, filtered, sorted and paged by the server; filters and sort stand in the address. */
export function Component() {
  const filters = useFilters(address);
  const { read, set } = filters;
  const sort = useSort(sorts, "created", "desc");
  const known = useQuery(environmentsQuery).data?.items ?? [];
  const groups = useQuery(groupsQuery).data?.items ?? [];
  const tags = useQuery(tagsQuery("")).data?.items ?? [];
  const production = known.find((one) => one.tier === "production")?.name;
  const serving = read("serving");
  const older = read("older");
  const environment = read("environment") ?? production;
  const query: FlagQuery = {
    q: read("q"),
    app: read("app"),
    owner: read("owner"),
    template_id: read("template"),
    tag: read("tag"),
    state: read("state"),
    serving,
    environment: serving ? environment : undefined,
    expires_before: inDays(read("expires")),
    created_before: inDays(older && -older),
    sort: sort.by,
    order: sort.order,
    limit: 50,
  };
  const list = useListing<FlagSummary>({
    key: ["flags", query],
    read: (cursor, signal) =>
      unwrap(api.GET("/api/v1/flags", { params: { query: { ...query, cursor } }, signal })),
    meta: about("flag", "lifecycle"),
    enabled: !serving || environment !== undefined,
  });
  const app = read("app");
  return (
    <Page
      title={words.listTitle}
      words={words.listWords}
      actions={
        <>
          <Button variant="default" component={Link} to="/compliance">
            {m.bring.lacksTitle}
          </Button>
          {environment && (
            <Button
              variant="default"
              component="a"
              href={`/api/v1/environments/${encodeURIComponent(environment)}/export?format=flagd`}
              download
              title={words.imported.exportHelp(environment)}
              leftSection={<IconDownload size={16} aria-hidden />}
            >
              {words.imported.exports(environment)}
            </Button>
          )}
        </>
      }
    >
      <FilterBar filters={filters} search={words.search}>
        <FilterChoice filters={filters} name="state" label={words.life} data={choices(m.state.lifecycle)} />
        <FilterChoice
          filters={filters}
          name="serving"
          label={words.serves}
          data={choices(m.state.servingModes)}
        />
        {serving && known.length > 1 && (
          <FilterChoice
            filters={filters}
            name="environment"
            label={words.filterEnvironment}
            data={known.map((one) => ({ value: one.name, label: one.name }))}
          />
        )}
        <FilterChoice
          filters={filters}
          name="owner"
          label={words.owner}
          data={groups.map((group) => ({ value: group.name, label: group.title || group.name }))}
        />
        {(tags.length > 0 || read("tag")) && (
          <FilterChoice
            filters={filters}
            name="tag"
            label={words.tags.one}
            data={tagChoices(tags, read("tag"))}
          />
        )}
        <FilterChoice
          filters={filters}
          name="expires"
          label={words.expires}
          data={[7, 14, 30, 90].map((days) => ({ value: String(days), label: words.within(days) }))}
        />
        <FilterChoice
          filters={filters}
          name="older"
          label={words.age}
          data={[30, 90, 180, 365].map((days) => ({ value: String(days), label: words.olderThan(days) }))}
        />
        {app && (
          <Button size="xs" variant="light" onClick={() => set("app", null)}>
            {words.ofApp(app)}
          </Button>
        )}
      </FilterBar>
      <Panel flush>
        <Listing
          label={words.listTitle}
          columns={columns(environment)}
          list={list}
          rowKey={(flag) => flag.key}
          href={(flag) => `/flags/${encodeURIComponent(flag.key)}`}
          sort={sort}
          filtered={filters.filtered}
          clear={filters.clear}
          nothing={
            <Empty tall icon={<IconToggleLeft />} title={words.empty} words={words.noneWords}>
              <Button component={Link} to="/publish">
                {words.publish}
              </Button>
            </Empty>
          }
        />
      </Panel>
    </Page>
  );
}

const choices = (names: Record<string, string>) =>
  Object.entries(names).map(([value, label]) => ({ value, label }));

/** The tags that there are, and the one that is chosen, though there be too many to list. */
const tagChoices = (tags: { name: string }[], chosen: string | undefined) =>
  [...new Set([...tags.map((tag) => tag.name), ...(chosen ? [chosen] : [])])].map((name) => ({
    value: name,
    label: name,
  }));

/** The start of the day that many days from today: the same all day long, so that a list is asked for once. */
function inDays(days: number | undefined): string | undefined {
  if (!days) return undefined;
  const today = Math.floor(Date.now() / dayLength) * dayLength;
  return new Date(today + days * dayLength).toISOString();
}

const columns = (environment: string | undefined): Column<FlagSummary>[] => [
  {
    title: words.key,
    sort: ["key", "asc"],
    cell: (flag) => (
      <>
        {flag.key}
        <Under>{flag.name}</Under>
      </>
    ),
  },
  { title: words.owner, cell: (flag) => flag.owner_group || "–" },
  {
    title: environment ?? words.production,
    narrow: "bare",
    cell: (flag) => {
      const state = flag.environments.find((one) => one.environment === environment);
      return state && <ServingChip state={state} />;
    },
  },
  { title: words.life, narrow: "bare", cell: (flag) => <LifecycleChip state={flag.lifecycle.state} /> },
  {
    title: words.expires,
    sort: ["expires", "asc"],
    end: true,
    cell: (flag) => (flag.lifecycle.expires_at ? <When at={flag.lifecycle.expires_at} /> : "–"),
  },
  {
    title: words.facts.created,
    sort: ["created", "desc"],
    end: true,
    narrow: "hide",
    cell: (flag) => <When at={flag.created_at} />,
  },
];
