import { Anchor, Button } from "@mantine/core";
import { IconAlertTriangle, IconCircleX, IconInfoCircle, IconMapOff } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { Problem, unreachable } from "../api/client";
import { m } from "../messages";
import { sentence } from "../model/text";
import { Empty, NoAccess } from "./Empty";
import classes from "./Notice.module.css";
import { Page, Panel } from "./Page";

type Tone = "danger" | "warn" | "info" | "on";

interface BoxProps {
  tone: Tone;
  title: ReactNode;
  children?: ReactNode;
  actions?: ReactNode;
}

const icons = { danger: IconCircleX, warn: IconAlertTriangle, info: IconInfoCircle, on: IconInfoCircle };

/** A note inside a screen: what is the matter and what to do. Dangers are read out at once, the rest when there is time. */
export function NoticeBox({ tone, title, children, actions }: BoxProps) {
  const Icon = icons[tone];
  return (
    <div className={classes.notice} data-tone={tone} role={tone === "danger" ? "alert" : "status"}>
      <Icon size={20} aria-hidden className={classes.icon} />
      <div className={classes.text}>
        <p className={classes.title}>{title}</p>
        {children && <div className={classes.words}>{children}</div>}
      </div>
      {actions && <div className={classes.actions}>{actions}</div>}
    </div>
  );
}

/** An error of the server, or of the way there, with its mend. */
export function Notice({ problem, retry }: { problem: unknown; retry?: () => unknown }) {
  const known = problem instanceof Problem ? problem : null;
  const offline = known?.status === unreachable;
  const words = known?.message ?? (problem instanceof Error ? problem.message : String(problem));
  const fix = offline ? m.error.unreachableFix : (known?.remediation ?? "");
  const items = (known?.errors ?? []).filter((item) => item.message !== known?.message);
  return (
    <NoticeBox
      tone="danger"
      title={offline ? m.error.unreachable : sentence(words)}
      actions={
        retry && (
          <Button size="xs" variant="default" onClick={() => retry()}>
            {m.retry}
          </Button>
        )
      }
    >
      {fix && <p>{sentence(fix)}</p>}
      {items.length > 0 && (
        <ul>
          {items.map((item) => (
            <li key={`${item.field} ${item.code} ${item.message}`}>
              {sentence(item.message)} {item.remediation && sentence(item.remediation)}
            </li>
          ))}
        </ul>
      )}
      {known?.traceId && <p>{m.error.trace(known.traceId)}</p>}
    </NoticeBox>
  );
}

/** A screen that could not be had: not there, not allowed, or an error with another try. */
export function Missing({ problem, retry }: { problem: unknown; retry: () => unknown }) {
  if (problem instanceof Problem && (problem.status === 404 || problem.status === 403)) {
    const gone = problem.status === 404;
    return (
      <NoticeBox
        tone="info"
        title={gone ? m.error.notFound : m.noAccess}
        actions={
          <Anchor component={Link} to="/">
            {m.error.home}
          </Anchor>
        }
      >
        <p>{sentence(problem.remediation || problem.message || m.error.notFoundFix)}</p>
      </NoticeBox>
    );
  }
  return <Notice problem={problem} retry={retry} />;
}

/** A whole screen that could not be had, with a title of its own. */
export function MissingScreen({ problem, retry }: { problem: unknown; retry: () => unknown }) {
  const status = problem instanceof Problem ? problem.status : unreachable;
  const fix = problem instanceof Problem ? sentence(problem.remediation || problem.message) : "";
  if (status === 403) {
    return (
      <Page title={m.noAccess}>
        <Panel>
          <NoAccess words={fix}>
            <Button variant="default" component={Link} to="/">
              {m.error.home}
            </Button>
          </NoAccess>
        </Panel>
      </Page>
    );
  }
  if (status === 404) {
    return (
      <Page title={m.error.notFound}>
        <Panel>
          <Empty tall icon={<IconMapOff />} title={m.error.notFound} words={fix || m.error.notFoundFix}>
            <Button variant="default" component={Link} to="/">
              {m.error.home}
            </Button>
          </Empty>
        </Panel>
      </Page>
    );
  }
  return (
    <Page title={m.error.failed}>
      <Notice problem={problem} retry={retry} />
    </Page>
  );
}
