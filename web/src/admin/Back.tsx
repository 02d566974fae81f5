import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { m } from "../messages";
import { useSelf } from "../session/session";
import { setupQuery } from "./calls";
import classes from "./Setup.module.css";

/** The way back to the checklist, as long as something on it is open. */
export function BackToSetup() {
  const { can } = useSelf();
  const items = useQuery({ ...setupQuery, enabled: can.includes("govern.write") }).data?.items;
  const next = items?.find((item) => !item.done);
  if (!items || !next) return null;
  return (
    <Link to="/setup" className={classes.back}>
      {m.setup.back(items.filter((item) => item.done).length, items.length)}
    </Link>
  );
}
