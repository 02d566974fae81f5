import { useHotkeys } from "@mantine/hooks";
import { IconChecks, IconGavel } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useRef } from "react";
import { about, groupsQuery } from "../api/calls";
import { api, unwrap } from "../api/client";
import type { Group, Request, RequestQuery } from "../api/types";
import { m } from "../messages";
import { keyOf, text } from "../model/address";
import { shortName } from "../model/text";
import { Empty } from "../pieces/Empty";
import { FilterBar, FilterChoice } from "../pieces/FilterBar";
import { type Column, Listing, Under } from "../pieces/Listing";
import { Page, Panel } from "../pieces/Page";
import { RequestChip, RiskChip } from "../pieces/states";
import { type Tab, Tabs, useTab } from "../pieces/Tabs";
import { useFilters } from "../pieces/useFilters";
import { useListing } from "../pieces/useListing";
import { type Sort, useSort } from "../pieces/useSort";
import { When } from "../pieces/When";
import { Who } from "../pieces/Who";
import { titleOf } from "../request/title";
import { type Self, useSelf } from "../session/session";
import classes from "./ReviewsPage.module.css";

const words = m.reviews;

/** The queue of an approver: what waits for a decision, oldest first, what is delegated, and what was decided. */
export function Component() {
  const self = useSelf();
  const groups = useQuery(groupsQuery).data?.items ?? [];
  const tabs = tabsOf(self, groups);
  const tab = useTab(tabs);
  return (
    <Page title={words.title} words={words.words}>
      <Tabs label={words.title} tabs={tabs} open={tab} />
      <Queue key={tab} tab={tab} />
    </Page>
  );
}

/** Delegated approvers decide low risk only: what waits for them is a list of its own. */
function tabsOf(self: Self, groups: Group[]): Tab[] {
  const delegated = groups.some((group) => group.delegated && self.groups.includes(group.name));
  return [
    { id: "waiting", label: words.tabs.waiting },
    ...(delegated ? [{ id: "delegated", label: words.tabs.delegated }] : []),
    { id: "open", label: words.tabs.open },
    { id: "decided", label: words.tabs.decided },
  ];
}

const scopes: Record<string, RequestQuery> = {
  waiting: { waiting_for: "me" },
  delegated: { waiting_for: "me", risk: "low" },
  open: { state: ["needs_approval"] },
  decided: { decided_by: "me" },
};

const address = { q: text, kind: keyOf(m.request.kinds), risk: keyOf(m.state.risk) };

const sorts = ["created", "updated", "risk"] as const;

function Queue({ tab }: { tab: string }) {
  const filters = useFilters(address);
  const { read } = filters;
  const kind = read("kind");
  const sort = useSort(sorts, tab === "decided" ? "updated" : "created", tab === "decided" ? "desc" : "asc");
  const query: RequestQuery = {
    q: read("q"),
    kind: kind && [kind],
    risk: read("risk"),
    ...scopes[tab],
    sort: sort.by,
    order: sort.order,
    limit: 50,
  };
  const list = useListing<Request>({
    key: ["requests", query],
    read: (cursor, signal) =>
      unwrap(api.GET("/api/v1/requests", { params: { query: { ...query, cursor } }, signal })),
    meta: about("request", "group"),
  });
  const table = useRef<HTMLDivElement>(null);
  useHotkeys([
    ["j", () => step(table.current, 1)],
    ["k", () => step(table.current, -1)],
  ]);
  return (
    <>
      <FilterBar filters={filters} search={words.search}>
        {tab !== "delegated" && (
          <FilterChoice filters={filters} name="risk" label={words.risk} data={choices(m.state.risk)} />
        )}
        <FilterChoice filters={filters} name="kind" label={words.kind} data={choices(m.request.kinds)} />
      </FilterBar>
      <Panel flush>
        <div ref={table}>
          <Listing
            label={words.title}
            columns={columns(tab)}
            list={list}
            rowKey={(request) => request.id}
            href={(request) => `/requests/${request.id}`}
            sort={sort as Sort}
            filtered={filters.filtered}
            clear={filters.clear}
            nothing={
              tab === "decided" ? (
                <Empty tall icon={<IconGavel />} title={words.noneDecided} words={words.noneDecidedWords} />
              ) : (
                <Empty tall icon={<IconChecks />} title={words.none} words={words.noneWords} />
              )
            }
          />
        </div>
      </Panel>
      <p className={classes.keys}>{words.keys}</p>
    </>
  );
}

const choices = (names: Record<string, string>) =>
  Object.entries(names).map(([value, label]) => ({ value, label }));

/** Moves the focus to the row after, or before, the one that has it; to the first if none has. */
function step(table: HTMLElement | null, by: 1 | -1) {
  const rows = [...(table?.querySelectorAll<HTMLElement>("[data-row]") ?? [])];
  const at = rows.indexOf(document.activeElement as HTMLElement);
  const to = at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + by));
  rows[to]?.focus();
}

const columns = (tab: string): Column<Request>[] => [
  {
    title: words.columns.what,
    cell: (request) => (
      <>
        {titleOf(request)}
        <Under>
          {words.by(shortName(request.requester))}
          {request.reason && ` · ${request.reason}`}
        </Under>
      </>
    ),
  },
  {
    title: words.columns.risk,
    narrow: "bare",
    sort: ["risk", "desc"],
    cell: (request) => <RiskChip risk={request.risk} />,
  },
  tab === "decided"
    ? {
        title: words.columns.state,
        narrow: "bare",
        cell: (request) => <RequestChip state={request.state} />,
      }
    : { title: words.columns.needs, cell: (request) => <Needs request={request} /> },
  {
    title: tab === "decided" ? words.columns.changed : words.columns.waits,
    sort: tab === "decided" ? ["updated", "desc"] : ["created", "asc"],
    end: true,
    cell: (request) => (
      <When at={tab === "decided" ? request.updated_at : (request.waiting_since ?? request.created_at)} />
    ),
  },
];

/** What is still to be decided on a request, and by whom. */
function Needs({ request }: { request: Request }) {
  const open = request.approvals_needed.filter((need) => need.given < need.quorum);
  return open.map((need, i) => (
    <span key={need.domain}>
      {i > 0 && ", "}
      {need.domain}
      {need.eligible.length === 1 && need.eligible[0] && (
        <>
          {" "}
          (<Who email={need.eligible[0]} />)
        </>
      )}
    </span>
  ));
}
