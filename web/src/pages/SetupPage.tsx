import { Button } from "@mantine/core";
import { IconCircleCheckFilled, IconCircleDashed } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { setupQuery } from "../admin/calls";
import classes from "../admin/Setup.module.css";
import { placeOf } from "../admin/setup";
import type { SetupItem } from "../admin/types";
import { groupsQuery } from "../api/calls";
import { m } from "../messages";
import { sentence } from "../model/text";
import { NoAccess } from "../pieces/Empty";
import { Loading } from "../pieces/Loading";
import { MissingScreen, NoticeBox } from "../pieces/Notice";
import { Columns, Page, Panel } from "../pieces/Page";
import { useSelf } from "../session/session";

/** The checklist of the first administrator: each item leads to where it is done, and ticks itself. */
export function Component() {
  const self = useSelf();
  const words = m.setup;
  return (
    <Page title={words.title} words={words.words}>
      {self.can.includes("govern.write") ? (
        <Checklist />
      ) : (
        <Panel>
          <NoAccess words={words.noAccessWords} />
        </Panel>
      )}
    </Page>
  );
}

function Checklist() {
  const query = useQuery(setupQuery);
  const known = useQuery(groupsQuery);
  const words = m.setup;
  if (query.error && !query.data) return <MissingScreen problem={query.error} retry={query.refetch} />;
  if (!query.data) return <Loading panels={[480]} />;
  const { items } = query.data;
  const groups = known.data?.items ?? [];
  const done = items.filter((item) => item.done).length;
  const next = items.find((item) => !item.done);
  return (
    <Columns after aside={<HowItWorks />}>
      {!next && (
        <NoticeBox
          tone="on"
          title={words.all}
          actions={
            <Button component={Link} to="/" size="xs">
              {words.toHome}
            </Button>
          }
        >
          <p>{words.allWords}</p>
        </NoticeBox>
      )}
      <Panel title={<span role="status">{words.progress(done, items.length)}</span>} flush>
        <div className={classes.track} aria-hidden>
          <span style={{ width: `${(100 * done) / Math.max(1, items.length)}%` }} />
        </div>
        <ol className={classes.list}>
          {items.map((item) => (
            <Item key={item.id} item={item} to={placeOf(item, groups)} next={item === next} />
          ))}
        </ol>
      </Panel>
    </Columns>
  );
}

function Item({ item, to, next }: { item: SetupItem; to: string; next: boolean }) {
  const words = m.setup;
  const Icon = item.done ? IconCircleCheckFilled : IconCircleDashed;
  return (
    <li className={classes.item} data-done={item.done || undefined}>
      <Icon size={24} role="img" aria-label={item.done ? words.done : words.open} className={classes.icon} />
      <div className={classes.text}>
        <h2 className={classes.title}>{item.title}</h2>
        <p className={classes.words}>{sentence(item.words)}</p>
      </div>
      <Button
        component={Link}
        to={to}
        variant={next ? "filled" : item.done ? "subtle" : "default"}
        size="xs"
        aria-label={words.goName(item.title)}
      >
        {words.go}
      </Button>
    </li>
  );
}

function HowItWorks() {
  const words = m.setup.how;
  return (
    <Panel title={words.title}>
      <ol className={classes.how}>
        {words.steps.map((step) => (
          <li key={step}>{step}</li>
        ))}
      </ol>
    </Panel>
  );
}
