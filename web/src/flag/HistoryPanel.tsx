import { Button, Checkbox, Select } from "@mantine/core";
import { Link, useSearchParams } from "react-router";
import { about } from "../api/calls";
import { api, unwrap } from "../api/client";
import type { Environment, Flag, Revision } from "../api/types";
import { m } from "../messages";
import { chosenTwo } from "../model/revisions";
import { Notice } from "../pieces/Notice";
import { Panel } from "../pieces/Page";
import { ServingChip } from "../pieces/states";
import { useListing } from "../pieces/useListing";
import { When } from "../pieces/When";
import { Who } from "../pieces/Who";
import classes from "./HistoryPanel.module.css";
import { RevisionDiff } from "./RevisionDiff";
import { RollBack } from "./RollBack";

interface Props {
  flag: Flag;
  environments: Environment[];
}

/** What the flag was before, newest first. The environment and the two revisions that are compared stand in the address. */
export function HistoryPanel({ flag, environments }: Props) {
  const [params, setParams] = useSearchParams();
  const environment = params.get("environment") ?? undefined;
  const two = chosenTwo(params);
  const history = useListing<Revision>({
    key: ["history", flag.key, environment],
    read: (cursor, signal) =>
      unwrap(
        api.GET("/api/v1/flags/{key}/history", {
          params: { path: { key: flag.key }, query: { environment, limit: 20, cursor } },
          signal,
        }),
      ),
    meta: about("flag", "rollout"),
  });
  const rows = history.items ?? [];
  const write = (change: (params: URLSearchParams) => void) =>
    setParams(
      (before) => {
        change(before);
        return before;
      },
      { replace: true, preventScrollReset: true },
    );
  function look(value: string | null) {
    write((next) => {
      if (value) next.set("environment", value);
      else next.delete("environment");
      next.delete("from");
      next.delete("to");
    });
  }
  function choose(row: Revision) {
    write((next) => {
      const [from, to] = two.toggled(row.revision, row.environment === environment);
      next.set("environment", row.environment);
      for (const [name, value] of [
        ["from", from],
        ["to", to],
      ] as const) {
        if (value === undefined) next.delete(name);
        else next.set(name, String(value));
      }
    });
  }
  const isNewest = (row: Revision) =>
    flag.environments.find((one) => one.environment === row.environment)?.revision === row.revision;
  return (
    <Panel
      title={m.flag.history}
      flush
      id="history"
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
      {history.problem ? <Notice problem={history.problem} retry={history.retry} /> : null}
      {history.items && rows.length === 0 && <p className={classes.empty}>{m.flag.historyEmpty}</p>}
      {rows.length > 1 && <p className={classes.empty}>{m.flag.compareHelp}</p>}
      {environment && two.from !== undefined && two.to !== undefined && (
        <RevisionDiff flag={flag.key} environment={environment} from={two.from} to={two.to} />
      )}
      <ul className={classes.list}>
        {rows.map((row) => (
          <Row
            key={`${row.environment} ${row.revision}`}
            flag={flag}
            row={row}
            newest={isNewest(row)}
            chosen={row.environment === environment && two.has(row.revision)}
            choose={() => choose(row)}
          />
        ))}
      </ul>
      {history.more && (
        <div className={classes.more}>
          <Button variant="subtle" size="xs" loading={history.reading} onClick={() => history.more?.()}>
            {m.flag.more}
          </Button>
        </div>
      )}
    </Panel>
  );
}

interface RowProps {
  flag: Flag;
  row: Revision;
  newest: boolean;
  chosen: boolean;
  choose: () => void;
}

function Row({ flag, row, newest, chosen, choose }: RowProps) {
  const kill = row.killed ? { by: row.by, at: row.at, reason: row.reason } : undefined;
  const state = flag.environments.find((one) => one.environment === row.environment);
  const back = !newest && !row.killed && row.cause !== "removed" && state?.can?.includes("rollback");
  return (
    <li className={classes.row}>
      <Checkbox
        size="xs"
        className={classes.pick}
        aria-label={m.flag.compareRevision(row.revision, row.environment)}
        checked={chosen}
        onChange={choose}
      />
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
      {back && <RollBack flag={flag} environment={row.environment} to={row} />}
    </li>
  );
}
