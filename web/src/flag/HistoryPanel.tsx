import { Button, Select } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useSearchParams } from "react-router";
import { aboutOne } from "../api/calls";
import { api, unwrap } from "../api/client";
import type { Environment, Revision } from "../api/types";
import { m } from "../messages";
import { Notice } from "../pieces/Notice";
import { Panel } from "../pieces/Page";
import { ServingChip } from "../pieces/states";
import { When } from "../pieces/When";
import { Who } from "../pieces/Who";
import classes from "./HistoryPanel.module.css";

/** What the flag was before, newest first; the environment that is looked at stands in the address. */
export function HistoryPanel({ flag, environments }: { flag: string; environments: Environment[] }) {
  const [params, setParams] = useSearchParams();
  const environment = params.get("environment") ?? undefined;
  const history = useInfiniteQuery({
    queryKey: ["history", flag, environment],
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET("/api/v1/flags/{key}/history", {
          params: { path: { key: flag }, query: { environment, limit: 20, cursor: pageParam } },
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next,
    meta: aboutOne("flag", flag),
  });
  const rows = history.data?.pages.flatMap((page) => page.items) ?? [];
  function look(value: string | null) {
    setParams(value ? { environment: value } : {}, { replace: true, preventScrollReset: true });
  }
  return (
    <Panel
      title={m.flag.history}
      flush
      aside={
        <Select
          size="xs"
          w={160}
          aria-label={m.flag.filterEnvironment}
          placeholder={m.flag.allEnvironments}
          clearable
          data={environments.map((one) => one.name)}
          value={environment ?? null}
          onChange={look}
        />
      }
    >
      {history.error && <Notice problem={history.error} retry={history.refetch} />}
      {history.isSuccess && rows.length === 0 && <p className={classes.empty}>{m.flag.historyEmpty}</p>}
      <ul className={classes.list}>
        {rows.map((row) => (
          <Row key={`${row.environment} ${row.revision}`} row={row} />
        ))}
      </ul>
      {history.hasNextPage && (
        <div className={classes.more}>
          <Button
            variant="subtle"
            size="xs"
            loading={history.isFetchingNextPage}
            onClick={() => history.fetchNextPage()}
          >
            {m.flag.more}
          </Button>
        </div>
      )}
    </Panel>
  );
}

function Row({ row }: { row: Revision }) {
  const kill = row.killed ? { by: row.by, at: row.at, reason: row.reason } : undefined;
  return (
    <li className={classes.row}>
      <div className={classes.what}>
        <strong>{m.state.cause[row.cause]}</strong> {m.flag.step.where(row.environment)}
        <div className={classes.meta}>
          {m.flag.columns.revision} {row.revision} · <Who email={row.by} /> · <When at={row.at} />
          {row.request_id && (
            <>
              {" "}
              · <Link to={`/requests/${row.request_id}`}>{m.flag.openRequest}</Link>
            </>
          )}
        </div>
        {row.reason && <q className={classes.reason}>{row.reason}</q>}
      </div>
      <ServingChip state={{ live: row.cause !== "removed", serving: row.serving, kill }} />
    </li>
  );
}
