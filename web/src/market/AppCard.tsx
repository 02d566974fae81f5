import { IconExternalLink, IconMail } from "@tabler/icons-react";
import { Link } from "react-router";
import { m } from "../messages";
import { shortName } from "../model/text";
import { AppMark } from "../pieces/AppMark";
import { AppChip } from "../pieces/states";
import classes from "./AppCard.module.css";
import { categoryOf } from "./category";
import type { AppSummary } from "./types";
import { useTeamName } from "./useTeamName";

/** An app at a glance: what it is for, how it does, whose it is, and the way in. */
export function AppCard({ app }: { app: AppSummary }) {
  const teamName = useTeamName();
  return (
    <li className={classes.card}>
      <div className={classes.head}>
        <AppMark slug={app.slug} name={app.name} />
        <div className={classes.names}>
          <h3 className={classes.name}>
            <Link to={`/apps/${encodeURIComponent(app.slug)}`} className={classes.link} data-row>
              {app.name}
            </Link>
          </h3>
          <p className={classes.quiet}>{categoryOf(app.category)}</p>
        </div>
        <AppChip state={app.status.word} />
      </div>
      <p className={classes.words}>{app.description}</p>
      <div className={classes.foot}>
        <div className={classes.whom}>
          <span className={classes.quiet}>{m.market.by(teamName(app.owner))}</span>
          {app.contact && (
            <a
              className={classes.contact}
              href={`mailto:${app.contact}`}
              aria-label={m.market.contact(app.contact)}
            >
              <IconMail size={14} aria-hidden />
              {shortName(app.contact)}
            </a>
          )}
        </div>
        {opens(app) && (
          <a
            className={classes.open}
            href={app.url}
            target="_blank"
            rel="noreferrer"
            aria-label={m.market.openApp(app.name)}
          >
            {m.market.open}
            <IconExternalLink size={14} aria-hidden />
          </a>
        )}
      </div>
    </li>
  );
}

/** Whether there is something to open: what is off, waits or is retired is for nobody. */
export const opens = (app: AppSummary): boolean =>
  isAddress(app.url) && (app.status.word === "live" || app.status.word === "rolling_out");

/** Only addresses of the web are links. */
export const isAddress = (url: string): boolean => /^https?:\/\//.test(url);
