import { Button } from "@mantine/core";
import { IconExternalLink, IconPencil } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "react-router";
import { environmentsQuery } from "../api/calls";
import { About } from "../appview/About";
import classes from "../appview/AppView.module.css";
import { Happened } from "../appview/Happened";
import { Keys } from "../appview/Keys";
import { OpenRequests } from "../appview/OpenRequests";
import { Switches } from "../appview/Switches";
import { TurnOff } from "../appview/TurnOff";
import { opens } from "../market/AppCard";
import { appQuery } from "../market/calls";
import type { AppDetail } from "../market/types";
import { m } from "../messages";
import { sentence } from "../model/text";
import { AppMark } from "../pieces/AppMark";
import { Loading } from "../pieces/Loading";
import { MissingScreen } from "../pieces/Notice";
import { Columns, Page } from "../pieces/Page";
import { AppChip } from "../pieces/states";

/** An app: what it is, how it does, whom to ask, and for those who may, the switch that turns it off. */
export function Component() {
  const { slug = "" } = useParams();
  const app = useQuery(appQuery(slug));
  const environments = useQuery(environmentsQuery);
  const production = environments.data?.items.find((one) => one.tier === "production")?.name ?? "production";
  if (app.data) return <Screen app={app.data} production={production} />;
  return app.error ? (
    <MissingScreen problem={app.error} retry={app.refetch} />
  ) : (
    <Loading panels={[92, 220, 320]} />
  );
}

function Screen({ app, production }: { app: AppDetail; production: string }) {
  return (
    <Page
      title={app.name}
      above={<Link to="/apps">{m.app.back}</Link>}
      heading={
        <span className={classes.heading}>
          <AppMark slug={app.slug} name={app.name} size="lg" />
          {app.name}
        </span>
      }
      words={app.description}
      actions={<Actions app={app} />}
    >
      <div className={classes.status}>
        <AppChip state={app.status.word} />
        {app.status.words.toLowerCase() !== m.market.states[app.status.word].toLowerCase() && (
          <span className={classes.dim}>{sentence(app.status.words)}</span>
        )}
        {!app.listed && <span className={classes.dim}>{m.app.notListed}</span>}
      </div>
      <TurnOff app={app} environment={production} />
      <Columns after aside={<About app={app} />}>
        <OpenRequests requests={app.open_requests} />
        <Switches slug={app.slug} flags={app.flags} add={app.can.includes("change")} />
        {app.can.includes("change") && <Keys slug={app.slug} />}
        <Happened events={app.history} />
      </Columns>
    </Page>
  );
}

function Actions({ app }: { app: AppDetail }) {
  return (
    <>
      {app.can.includes("change") && (
        <Button
          variant="default"
          component={Link}
          to={`/publish?kind=change_app&app=${encodeURIComponent(app.slug)}`}
          leftSection={<IconPencil size={16} aria-hidden />}
        >
          {m.app.change}
        </Button>
      )}
      {opens(app) && (
        <Button
          component="a"
          href={app.url}
          target="_blank"
          rel="noreferrer"
          rightSection={<IconExternalLink size={16} aria-hidden />}
        >
          {m.app.open}
        </Button>
      )}
    </>
  );
}
