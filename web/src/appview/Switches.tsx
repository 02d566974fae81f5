import { Button } from "@mantine/core";
import { IconPlus, IconToggleLeft } from "@tabler/icons-react";
import { Link } from "react-router";
import type { FlagSummary } from "../api/types";
import { m } from "../messages";
import { Empty } from "../pieces/Empty";
import { Panel } from "../pieces/Page";
import { Row, Rows } from "../pieces/Rows";
import { LifecycleChip, ServingChip } from "../pieces/states";
import { When } from "../pieces/When";
import classes from "./AppView.module.css";

interface Props {
  slug: string;
  flags: FlagSummary[];
  /** Whether the person may ask for another one. */
  add: boolean;
}

/** The switches of an app, each with what it does in every environment. */
export function Switches({ slug, flags, add }: Props) {
  const more = add && (
    <Button
      size="xs"
      variant="default"
      component={Link}
      to={`/publish?kind=create_flag&app=${encodeURIComponent(slug)}`}
      leftSection={<IconPlus size={14} aria-hidden />}
    >
      {m.app.addSwitch}
    </Button>
  );
  return (
    <Panel title={m.app.switches} aside={flags.length > 0 && more} flush>
      {flags.length === 0 ? (
        <Empty icon={<IconToggleLeft />} title={m.app.noSwitches} words={m.app.noSwitchesWords}>
          {more}
        </Empty>
      ) : (
        <Rows label={m.app.switches}>
          {flags.map((flag) => (
            <Row
              key={flag.key}
              to={`/flags/${encodeURIComponent(flag.key)}`}
              title={flag.key}
              words={<States flag={flag} />}
              end={<LifecycleChip state={flag.lifecycle.state} />}
              at={
                flag.lifecycle.expires_at && (
                  <>
                    {m.app.expires} <When at={flag.lifecycle.expires_at} />
                  </>
                )
              }
            />
          ))}
        </Rows>
      )}
    </Panel>
  );
}

function States({ flag }: { flag: FlagSummary }) {
  return (
    <span className={classes.states}>
      {flag.environments.map((one) => (
        <span key={one.environment}>
          <span className={classes.where}>{one.environment}</span> <ServingChip state={one} />
        </span>
      ))}
    </span>
  );
}
