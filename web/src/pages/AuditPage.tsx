import { Button } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useCallback } from "react";
import { about } from "../api/calls";
import { api, unwrap } from "../api/client";
import type { AuditFilter } from "../api/types";
import classes from "../audit/Audit.module.css";
import { Detail } from "../audit/Detail";
import { Events } from "../audit/Events";
import { Filters } from "../audit/Filters";
import { Verify } from "../audit/Verify";
import { m } from "../messages";
import { text, time } from "../model/address";
import { NoAccess } from "../pieces/Empty";
import { LiveSwitch } from "../pieces/LiveSwitch";
import { Loading } from "../pieces/Loading";
import { Missing } from "../pieces/Notice";
import { Columns, Page, Panel } from "../pieces/Page";
import { useFilters } from "../pieces/useFilters";
import { useSelf } from "../session/session";

/** The audit log, for auditors and administrators; the others learn whom to ask. */
export function Component() {
  const self = useSelf();
  return (
    <Page title={m.audit.title} words={m.audit.words}>
      {self.can.includes("audit.read") ? (
        <Log />
      ) : (
        <Panel>
          <NoAccess words={m.audit.noAccessWords} />
        </Panel>
      )}
    </Page>
  );
}

const filters = {
  q: text,
  actor: text,
  event: text,
  flag: text,
  app: text,
  request: text,
  subject: text,
  from: time,
  to: time,
  after: text,
};

const address = { ...filters, id: text };

function Log() {
  const { read, set, clear } = useFilters(address);
  const filter: AuditFilter = Object.fromEntries(
    (Object.keys(filters) as (keyof typeof filters)[]).flatMap((name) => {
      const value = read(name);
      return value ? [[name, value]] : [];
    }),
  );
  const key = ["events", filter];
  const log = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET("/api/v1/audit/events", { params: { query: { ...filter, limit: 50, cursor: pageParam } } }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next,
    meta: about("audit"),
    placeholderData: (before) => before,
  });
  const id = read("id") ?? "";
  const close = useCallback(() => set("id", null), [set]);
  const entries = log.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <>
      <Columns after aside={<Verify />}>
        <Panel>
          <Filters filter={filter} set={set} clear={clear} />
        </Panel>
        <Panel flush title={m.audit.events} aside={<LiveSwitch queryKey={key} />}>
          {log.isPending && <Loading panels={[480]} />}
          {log.error && !log.data && <Missing problem={log.error} retry={log.refetch} />}
          {log.data && <Events entries={entries} filtered={Object.keys(filter).length > 0} clear={clear} />}
          {log.hasNextPage && (
            <div className={classes.more}>
              <Button
                variant="subtle"
                size="xs"
                loading={log.isFetchingNextPage}
                onClick={() => log.fetchNextPage()}
              >
                {m.audit.older}
              </Button>
            </div>
          )}
        </Panel>
      </Columns>
      <Detail id={id} entry={entries.find((entry) => entry.id === id)} close={close} />
    </>
  );
}
