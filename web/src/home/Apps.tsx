import { Anchor } from "@mantine/core";
import { IconApps, IconExternalLink } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { appsQuery } from "../api/calls";
import type { App } from "../api/types";
import { useSelf } from "../app/session";
import { m } from "../messages";
import { Empty } from "../pieces/Empty";
import { Loading } from "../pieces/Loading";
import { Notice } from "../pieces/Notice";
import { Panel } from "../pieces/Page";
import classes from "./Apps.module.css";

/** The apps of one's teams, then all others. */
export function Apps() {
  const self = useSelf();
  const apps = useQuery(appsQuery);
  if (apps.isPending) return <Loading panels={[200]} />;
  if (apps.error && !apps.data) return <Notice problem={apps.error} retry={apps.refetch} />;
  const items = apps.data?.items ?? [];
  const mine = items.filter((app) => self.groups.includes(app.owner));
  const others = items.filter((app) => !self.groups.includes(app.owner));
  return (
    <>
      <Panel title={m.home.apps} flush={mine.length === 0}>
        {mine.length === 0 ? (
          <Empty icon={<IconApps />} title={m.home.appsEmpty} words={m.home.appsEmptyWords} />
        ) : (
          <Cards apps={mine} />
        )}
      </Panel>
      {(others.length > 0 || items.length === 0) && (
        <Panel title={m.home.allApps} flush={items.length === 0}>
          {items.length === 0 ? (
            <Empty icon={<IconApps />} title={m.home.noApps} words={m.home.noAppsWords} />
          ) : (
            <Cards apps={others} />
          )}
        </Panel>
      )}
    </>
  );
}

function Cards({ apps }: { apps: App[] }) {
  return (
    <ul className={classes.cards}>
      {apps.map((app) => (
        <li key={app.slug} className={classes.card}>
          <h3 className={classes.name}>{app.name}</h3>
          <p className={classes.words}>{app.description}</p>
          <p className={classes.facts}>
            {m.publish.app.categories[app.category as keyof typeof m.publish.app.categories] ?? app.category}{" "}
            · {app.owner}
          </p>
          <p className={classes.links}>
            <Link to={`/flags?app=${encodeURIComponent(app.slug)}`} aria-label={m.home.switchesOf(app.name)}>
              {m.home.switches}
            </Link>
            {/^https?:\/\//.test(app.url) && (
              <Anchor href={app.url} target="_blank" rel="noreferrer" aria-label={m.home.openApp(app.name)}>
                {m.home.open} <IconExternalLink size={14} aria-hidden />
              </Anchor>
            )}
          </p>
        </li>
      ))}
    </ul>
  );
}
