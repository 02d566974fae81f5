import { hueOf, markOf } from "../model/mark";
import classes from "./AppMark.module.css";

interface Props {
  slug: string;
  name: string;
  size?: "sm" | "md" | "lg";
}

/** The mark of an app: two letters on a colour that is always the same for it. Its name stands beside it, so it is silent. */
export function AppMark({ slug, name, size = "md" }: Props) {
  return (
    <span aria-hidden className={classes.mark} data-hue={hueOf(slug)} data-size={size}>
      {markOf(name || slug)}
    </span>
  );
}
