import { Button, Select, Skeleton } from "@mantine/core";
import { IconActivity, IconLock } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useSearchParams } from "react-router";
import { usageQuery } from "../api/calls";
import type { Environment, Flag, FlagUsage, UsageClient, UsageSeries } from "../api/types";
import { m } from "../messages";
import { columnsOf, linesOf, type Period, periodOf, periods, roundUp } from "../model/usage";
import { Bars } from "../pieces/Bars";
import { Empty } from "../pieces/Empty";
import { Notice } from "../pieces/Notice";
import { Panel } from "../pieces/Page";
import { When } from "../pieces/When";
import classes from "./UsagePanel.module.css";

interface Props {
  flag: Flag;
  known: Environment[];
  /** The environment that is shown unless the address names another. */
  usual: string | undefined;
}

/** How often the flag is asked for, with what answers, and by whom. Environment and period stand in the address. */
export function UsagePanel({ flag, known, usual }: Props) {
  const [params, setParams] = useSearchParams();
  const period = periodOf(params.get("period"));
  const named = known.find((one) => one.name === params.get("in"))?.name;
  const environment = named ?? usual ?? known[0]?.name ?? "";
  const usage = useQuery(usageQuery(flag.key, environment, periods[period]));
  const live = flag.environments.find((one) => one.environment === environment)?.live ?? false;
  const write = (name: string, value: string, without: string | undefined) =>
    setParams(
      (before) => {
        if (value === without) before.delete(name);
        else before.set(name, value);
        return before;
      },
      { replace: true, preventScrollReset: true },
    );
  return (
    <Panel
      title={m.usage.title}
      id="usage"
      aside={
        <div className={classes.choice}>
          <Select
            size="xs"
            w={140}
            aria-label={m.usage.environment}
            allowDeselect={false}
            data={known.map((one) => one.name)}
            value={environment}
            onChange={(value) => value && write("in", value, usual)}
          />
          <Select
            size="xs"
            w={140}
            aria-label={m.usage.period}
            allowDeselect={false}
            data={Object.keys(periods).map((name) => ({
              value: name,
              label: m.usage.periods[name as Period],
            }))}
            value={period}
            onChange={(value) => value && write("period", value, "day")}
          />
        </div>
      }
    >
      {usage.error && !usage.data && <Notice problem={usage.error} retry={usage.refetch} />}
      {usage.isPending && <Skeleton height={220} />}
      {usage.data && (
        <Used
          flag={flag}
          usage={usage.data}
          environment={environment}
          live={live}
          period={period}
          lookBack={() => write("period", "year", "day")}
        />
      )}
    </Panel>
  );
}

interface UsedProps {
  flag: Flag;
  usage: FlagUsage;
  environment: string;
  live: boolean;
  period: Period;
  lookBack: () => void;
}

function Used({ flag, usage, environment, live, period, lookBack }: UsedProps) {
  if (!usage.last_evaluated) {
    if (usage.synced_at) {
      return (
        <>
          <Grades usage={usage} />
          <Clients clients={usage.clients} />
        </>
      );
    }
    return live ? (
      <Empty
        icon={<IconActivity />}
        title={m.usage.never(environment)}
        words={m.usage.neverWords(window.location.origin)}
      >
        <Button component="a" href="#ask" variant="default">
          {m.usage.neverNext}
        </Button>
      </Empty>
    ) : (
      <Empty icon={<IconLock />} title={m.usage.notLive} words={m.usage.notLiveWords(environment)} />
    );
  }
  const words = m.usage.periods[period];
  return (
    <>
      <p className={classes.figures}>
        <strong>{m.usage.total(usage.total, words)}</strong> · {m.usage.lastSeen}{" "}
        <When at={usage.last_evaluated} />
      </p>
      <Grades usage={usage} />
      {usage.errors.length > 0 && (
        <p className={classes.failed}>
          {m.usage.failed(
            usage.errors.reduce((sum, one) => sum + one.count, 0),
            usage.errors.map((one) => one.code).join(", "),
          )}
        </p>
      )}
      {usage.total > 0 ? (
        <Answers flag={flag} usage={usage} words={words} />
      ) : (
        <Empty icon={<IconActivity />} title={m.usage.quiet} words={<When at={usage.last_evaluated} />}>
          {period !== "year" && (
            <Button variant="default" onClick={lookBack}>
              {m.usage.quietNext}
            </Button>
          )}
        </Empty>
      )}
      {(usage.untold ?? 0) > 0 && <p className={classes.figures}>{m.usage.untold(usage.untold ?? 0)}</p>}
      <Clients clients={usage.clients} />
    </>
  );
}

/** What is known of its use, grade by grade: only asking by its key shows that an app has the switch. */
function Grades({ usage }: { usage: FlagUsage }) {
  const at = { asked: usage.asked_at, bulk: usage.bulk_at, synced: usage.synced_at };
  return (
    <ul className={classes.grades}>
      {(["asked", "bulk", "synced"] as const).map((grade) => (
        <li key={grade}>
          {m.usage.grades[grade]}: {at[grade] ? <When at={at[grade]} /> : m.usage.grades.never}
        </li>
      ))}
    </ul>
  );
}

const named = (series: UsageSeries) =>
  series.variant
    ? m.usage.variant(series.variant)
    : (m.usage.reason[series.reason ?? ""] ?? series.reason ?? "");

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const hour = new Intl.DateTimeFormat("en-GB", { weekday: "short", hour: "2-digit", minute: "2-digit" });
const date = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" }); // days are counted in UTC
const formats = { minute: clock, hour, day: date };

function Answers({ flag, usage, words }: { flag: Flag; usage: FlagUsage; words: string }) {
  const lines = linesOf(usage, Object.keys(flag.variants));
  const columns = columnsOf(usage, lines);
  const told = (counts: number[]) =>
    lines.flatMap((line, n) => (counts[n] ? [m.usage.line(named(line.series), counts[n])] : [])).join(", ");
  return (
    <Bars
      label={m.usage.chart(words, told(lines.map((line) => line.series.total)))}
      lines={lines.map((line) => ({
        id: line.id,
        name: named(line.series),
        colour: line.colour,
        total: m.usage.count(line.series.total),
      }))}
      columns={columns.map((column) => {
        const when = formats[usage.step].format(column.at);
        return {
          ...column,
          id: column.at.toISOString(),
          when,
          words: m.usage.column(when, told(column.counts)),
        };
      })}
      top={roundUp(Math.max(...columns.map((column) => column.total)))}
      format={m.usage.count}
      tableTitle={m.usage.table}
      whenTitle={m.usage.when}
    />
  );
}

function Clients({ clients }: { clients: UsageClient[] }) {
  return (
    <>
      <h3 className={classes.who}>{m.usage.clients}</h3>
      <ul className={classes.clients}>
        {clients.map((client) => (
          <li key={`${client.environment} ${client.sdk_key_id ?? ""}`} className={classes.client}>
            <span>
              <strong>{client.name || (client.sdk_key_id ? m.usage.goneKey : m.usage.noKey)}</strong>{" "}
              <span className={classes.dim}>
                {[
                  client.app || m.usage.allApps,
                  client.client_side && m.usage.browser,
                  client.revoked && m.usage.revoked,
                ]
                  .filter(Boolean)
                  .join(" · ")}
              </span>
            </span>
            <span className={classes.dim}>
              {client.count > 0 ? m.usage.clientWords(client.count, client.errors) : m.usage.grades.synced} ·{" "}
              <When at={client.last_seen} />
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}
