import { Anchor, Skeleton } from "@mantine/core";
import { IconApps } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { AppCard } from "../market/AppCard";
import cards from "../market/AppCard.module.css";
import { appsOfQuery, facetsQuery, newestQuery } from "../market/calls";
import type { AppSummary } from "../market/types";
import { m } from "../messages";
import { Empty } from "../pieces/Empty";
import { Notice } from "../pieces/Notice";
import { Panel } from "../pieces/Page";
import { useSelf } from "../session/session";
import classes from "./Home.module.css";

const few = 6;

/** The apps of one's teams at a glance; below them, what is new from others. */
export function YourApps() {
  const self = useSelf();
  const facets = useQuery(facetsQuery(undefined));
  const teams = (facets.data?.owners ?? [])
    .map(({ name }) => name)
    .filter((name) => self.groups.includes(name));
  const mine = useQuery({ ...appsOfQuery(teams), enabled: facets.data !== undefined });
  const newest = useQuery(newestQuery);
  const problem = facets.error ?? mine.error ?? newest.error;
  if (problem && !mine.data) return <Notice problem={problem} retry={facets.refetch} />;
  if (!mine.data || !newest.data) return <Waiting />;
  const others = newest.data.items.filter((app) => !self.groups.includes(app.owner)).slice(0, 3);
  return (
    <>
      <Section title={m.home.apps} more={mine.data.length > few ? teams : undefined}>
        {mine.data.length === 0 ? (
          <Panel flush>
            <Empty icon={<IconApps />} title={m.home.appsEmpty} words={m.home.appsEmptyWords} />
          </Panel>
        ) : (
          <Cards apps={mine.data.slice(0, few)} />
        )}
      </Section>
      {others.length > 0 && (
        <Section title={m.home.newest} more={[]}>
          <Cards apps={others} />
        </Section>
      )}
    </>
  );
}

/** A part of Home without a surface of its own; more leads to the marketplace, narrowed to a team where there is one. */
function Section({ title, more, children }: { title: string; more?: string[]; children: ReactNode }) {
  const owner = more?.length === 1 ? `?owner=${encodeURIComponent(more[0] ?? "")}` : "";
  return (
    <section className={classes.section} aria-label={title}>
      <div className={classes.head}>
        <h2 className={classes.title}>{title}</h2>
        {more && (
          <Anchor component={Link} to={`/apps${owner}`}>
            {m.home.allApps}
          </Anchor>
        )}
      </div>
      {children}
    </section>
  );
}

function Cards({ apps }: { apps: AppSummary[] }) {
  return (
    <ul className={cards.cards}>
      {apps.map((app) => (
        <AppCard key={app.slug} app={app} />
      ))}
    </ul>
  );
}

function Waiting() {
  return (
    <Section title={m.home.apps}>
      <ul className={cards.cards} aria-busy>
        {Array.from({ length: 3 }, (_, i) => (
          <li key={i}>
            <Skeleton className={cards.skeleton} radius="lg" />
          </li>
        ))}
      </ul>
    </Section>
  );
}
