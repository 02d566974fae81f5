import { Button, NativeSelect, Skeleton } from "@mantine/core";
import { IconApps, IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { about } from "../api/calls";
import { AppCard } from "../market/AppCard";
import cards from "../market/AppCard.module.css";
import { Categories } from "../market/Categories";
import { type AppFilter, facetsQuery, readApps } from "../market/calls";
import classes from "../market/Market.module.css";
import type { AppSummary } from "../market/types";
import { useTeamName } from "../market/useTeamName";
import { m } from "../messages";
import { keyOf, oneOf, text } from "../model/address";
import { Empty, NoMatch } from "../pieces/Empty";
import { FilterBar, FilterChoice } from "../pieces/FilterBar";
import { More } from "../pieces/Listing";
import { Missing } from "../pieces/Notice";
import { Page, Panel } from "../pieces/Page";
import { useArrows } from "../pieces/useArrows";
import { useFilters } from "../pieces/useFilters";
import { type Paged, useListing } from "../pieces/useListing";
import { useSelf } from "../session/session";

const address = {
  q: text,
  category: text,
  owner: text,
  status: keyOf(m.market.states),
  sort: oneOf("name", "created", "updated"),
};

/** The marketplace: every app that one may see, searched and narrowed by what stands in the address. */
export function Component() {
  const filters = useFilters(address);
  const { read, set } = filters;
  const q = read("q");
  const filter: AppFilter = {
    q,
    category: read("category"),
    owner: read("owner"),
    status: read("status"),
    sort: read("sort"),
  };
  const facets = useQuery(facetsQuery(q)).data;
  const list = useListing<AppSummary>({
    key: ["apps", filter],
    read: (cursor, signal) => readApps(filter, cursor, signal),
    meta: about("app", "flag", "rollout"),
  });
  const teamName = useTeamName();
  const may = useSelf().can.includes("request.make");
  const publish = may && (
    <Button component={Link} to="/publish" leftSection={<IconPlus size={16} aria-hidden />}>
      {m.market.publish}
    </Button>
  );
  const teams = (facets?.owners ?? []).map(({ name, apps }) => ({
    value: name,
    label: `${teamName(name)} (${apps})`,
  }));
  return (
    <Page title={m.market.title} words={m.market.words} actions={publish}>
      <div className={classes.tools}>
        <FilterBar filters={filters} search={m.market.search}>
          <FilterChoice filters={filters} name="owner" label={m.market.owner} data={teams} />
          <FilterChoice filters={filters} name="status" label={m.market.status} data={states} />
          <NativeSelect
            aria-label={m.market.sort}
            className={classes.sort}
            data={Object.entries(m.market.sorts)
              .filter(([value]) => q || value !== "best")
              .map(([value, label]) => ({ value, label }))}
            value={filter.sort ?? (q ? "best" : "created")}
            onChange={({ currentTarget: { value } }) =>
              set("sort", value === (q ? "best" : "created") ? null : value)
            }
          />
        </FilterBar>
        <Categories facets={facets} open={filter.category ?? ""} params={filters.params} />
      </div>
      <Cards list={list} q={q ?? ""} filtered={filters.filtered} clear={filters.clear} publish={publish} />
    </Page>
  );
}

const states = Object.entries(m.market.states).map(([value, label]) => ({ value, label }));

interface CardsProps {
  list: Paged<AppSummary>;
  q: string;
  filtered: boolean;
  clear: () => void;
  publish: React.ReactNode;
}

function Cards({ list, q, filtered, clear, publish }: CardsProps) {
  const onKeyDown = useArrows();
  const { items } = list;
  if (list.problem) return <Missing problem={list.problem} retry={list.retry} />;
  if (items?.length === 0 && !list.old) {
    return (
      <Panel>
        {filtered ? (
          <NoMatch title={m.market.noMatch(q)} words={m.market.noMatchWords} clear={clear} />
        ) : (
          <Empty tall icon={<IconApps />} title={m.market.none} words={m.market.noneWords}>
            {publish}
          </Empty>
        )}
      </Panel>
    );
  }
  return (
    <div>
      <h2 className={classes.hidden}>{m.market.found(items?.length ?? 0)}</h2>
      <ul className={cards.cards} data-old={list.old || undefined} onKeyDown={onKeyDown} aria-busy={!items}>
        {items
          ? items.map((app) => <AppCard key={app.slug} app={app} />)
          : Array.from({ length: 6 }, (_, i) => (
              <li key={i}>
                <Skeleton className={cards.skeleton} radius="lg" />
              </li>
            ))}
      </ul>
      <More list={list} />
    </div>
  );
}
