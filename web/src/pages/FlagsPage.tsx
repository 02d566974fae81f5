import { Button, Checkbox } from "@mantine/core";
import { IconSearch, IconToggleLeft } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useCallback } from "react";
import { Link } from "react-router";
import { environmentsQuery, flagsQuery } from "../api/calls";
import type { FlagSummary } from "../api/types";
import { m } from "../messages";
import { Empty } from "../pieces/Empty";
import { Loading } from "../pieces/Loading";
import { Missing } from "../pieces/Notice";
import { Page, Panel } from "../pieces/Page";
import { Search } from "../pieces/Search";
import { LifecycleChip, ServingChip } from "../pieces/states";
import { useFilters } from "../pieces/useFilters";
import classes from "./FlagsPage.module.css";

/** All flags, a page at a time; the filters and the page stand in the address. */
export function Component() {
  const { params, set } = useFilters();
  const read = (name: string) => params.get(name) || undefined;
  const filter = { q: read("q"), app: read("app"), killed: params.get("killed") === "true" || undefined };
  const filtered = Boolean(filter.q || filter.app || filter.killed);
  const flags = useQuery({
    ...flagsQuery({ ...filter, cursor: read("cursor"), limit: 50 }),
    placeholderData: keepPreviousData,
  });
  const search = useCallback((value: string) => set("q", value), [set]);
  const older = new URLSearchParams(params);
  older.set("cursor", flags.data?.next ?? "");
  return (
    <Page title={m.flag.listTitle} words={m.flag.listWords}>
      <search className={classes.filters}>
        <Search
          aria-label={m.flag.search}
          placeholder={m.flag.search}
          leftSection={<IconSearch size={16} aria-hidden />}
          value={filter.q ?? ""}
          commit={search}
          className={classes.search}
        />
        <Checkbox
          label={m.flag.killedOnly}
          checked={filter.killed ?? false}
          onChange={(event) => set("killed", event.currentTarget.checked ? "true" : null)}
        />
        {filter.app && (
          <Button size="xs" variant="light" onClick={() => set("app", null)}>
            {m.flag.ofApp(filter.app)}
          </Button>
        )}
      </search>
      {flags.isPending && <Loading panels={[320]} />}
      {flags.error && !flags.data && <Missing problem={flags.error} retry={flags.refetch} />}
      {flags.data && (
        <Panel flush>
          {flags.data.items.length === 0 ? (
            <None filtered={filtered} />
          ) : (
            <ul className={classes.list}>
              {flags.data.items.map((flag) => (
                <Row key={flag.key} flag={flag} />
              ))}
            </ul>
          )}
        </Panel>
      )}
      <nav className={classes.pages} aria-label={m.flag.pages}>
        {params.has("cursor") && <Link to={`?${firstPage(params)}`}>{m.flag.firstPage}</Link>}
        {flags.data?.next && <Link to={`?${older}`}>{m.older}</Link>}
      </nav>
    </Page>
  );
}

function firstPage(params: URLSearchParams): URLSearchParams {
  const first = new URLSearchParams(params);
  first.delete("cursor");
  return first;
}

function None({ filtered }: { filtered: boolean }) {
  return filtered ? (
    <Empty tall icon={<IconSearch />} title={m.flag.noMatch} words={m.flag.noMatchWords}>
      <Button component={Link} to="/flags" variant="default">
        {m.flag.showAll}
      </Button>
    </Empty>
  ) : (
    <Empty tall icon={<IconToggleLeft />} title={m.flag.none} words={m.flag.noneWords}>
      <Button component={Link} to="/publish">
        {m.flag.publish}
      </Button>
    </Empty>
  );
}

function Row({ flag }: { flag: FlagSummary }) {
  const known = useQuery(environmentsQuery).data?.items ?? [];
  const production = known.find((one) => one.tier === "production")?.name;
  const state = flag.environments.find((one) => one.environment === production);
  return (
    <li className={classes.row}>
      <div className={classes.text}>
        <Link to={`/flags/${encodeURIComponent(flag.key)}`} className={classes.link}>
          {flag.key}
        </Link>
        <p className={classes.words}>
          {flag.name} · {flag.owner_group}
        </p>
      </div>
      <div className={classes.chips}>
        {state && <ServingChip state={state} />}
        <LifecycleChip state={flag.lifecycle.state} />
      </div>
    </li>
  );
}
