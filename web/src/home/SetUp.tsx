import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { setupQuery } from "../admin/calls";
import { m } from "../messages";
import { sentence } from "../model/text";
import { Panel } from "../pieces/Page";
import { useSelf } from "../session/session";
import classes from "./Home.module.css";

/** What is left to set up, for administrators, until all of it is done. */
export function SetUp() {
  const self = useSelf();
  const items = useQuery({ ...setupQuery, enabled: self.can.includes("govern.write") }).data?.items ?? [];
  const done = items.filter((item) => item.done).length;
  const next = items.find((item) => !item.done);
  if (!next) return null;
  return (
    <Panel>
      <div className={classes.setup}>
        <div className={classes.setupText}>
          <h2 className={classes.title}>{m.home.setup(done, items.length)}</h2>
          <p className={classes.dim}>
            {m.home.setupNext} <Link to={next.href}>{next.title}</Link>. {sentence(next.words)}
          </p>
          <div className={classes.steps} aria-hidden>
            {items.map((item) => (
              <span key={item.id} className={classes.step} data-done={item.done || undefined} />
            ))}
          </div>
        </div>
        <Button variant="default" component={Link} to="/setup">
          {m.home.setupAll}
        </Button>
      </div>
    </Panel>
  );
}
