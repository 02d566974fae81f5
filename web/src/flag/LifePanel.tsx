import { Button } from "@mantine/core";
import { IconCheck } from "@tabler/icons-react";
import { Link } from "react-router";
import type { Flag, LifecycleState } from "../api/types";
import { m } from "../messages";
import { day } from "../model/time";
import { Facts } from "../pieces/Facts";
import { Panel } from "../pieces/Page";
import { LifecycleChip } from "../pieces/states";
import { When } from "../pieces/When";
import classes from "./LifePanel.module.css";

const life: LifecycleState[] = ["proposed", "approved", "staged", "active", "deprecated", "removed"];
const asks = [
  ["extend", "extend_ttl"],
  ["deprecate", "deprecate"],
  ["remove", "remove"],
] as const;

/** Where a flag stands in its life, when its time is up, and what can be asked for. */
export function LifePanel({ flag }: { flag: Flag }) {
  const { lifecycle } = flag;
  const at = life.indexOf(lifecycle.state);
  // Who may extend a retired one may ask what still stands in the way of its removal.
  const can = asks.filter(
    ([act]) =>
      flag.can.includes(act) ||
      (act === "remove" && lifecycle.state === "deprecated" && flag.can.includes("extend")),
  );
  return (
    <Panel title={m.flag.lifecycle} aside={<LifecycleChip state={lifecycle.state} />}>
      <ol className={classes.life}>
        {life.map((state, i) => (
          <li
            key={state}
            className={classes.state}
            data-place={i < at ? "past" : i === at ? "now" : "next"}
            aria-current={i === at ? "step" : undefined}
          >
            <span className={classes.dot} aria-hidden>
              {i < at && <IconCheck size={10} />}
            </span>
            <span>{m.state.lifecycle[state]}</span>
            {i === at && <span className={classes.words}>{m.flag.lifecycleWords[state]}</span>}
          </li>
        ))}
      </ol>
      <Facts
        rows={[
          [m.flag.ttl, lifecycle.ttl_days > 0 ? m.flag.days(lifecycle.ttl_days) : m.flag.none],
          [
            m.flag.expires,
            lifecycle.expires_at ? (
              <>
                {day(new Date(lifecycle.expires_at))} (<When at={lifecycle.expires_at} />)
              </>
            ) : lifecycle.ttl_days > 0 ? (
              m.flag.expiresLater(lifecycle.ttl_days)
            ) : (
              m.flag.expiresNever
            ),
          ],
          ...(lifecycle.removal_plan
            ? [[m.flag.facts.plan, lifecycle.removal_plan] as [string, string]]
            : []),
        ]}
      />
      {can.length > 0 && (
        <nav className={classes.asks} aria-label={m.life.can}>
          {can.map(([, kind]) => (
            <Button
              key={kind}
              size="xs"
              variant="default"
              component={Link}
              to={`/flags/${encodeURIComponent(flag.key)}?ask=${kind}`}
            >
              {m.life.act[kind]}
            </Button>
          ))}
        </nav>
      )}
    </Panel>
  );
}
