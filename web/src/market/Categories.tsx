import { Link } from "react-router";
import { m } from "../messages";
import { categoryOf } from "./category";
import classes from "./Market.module.css";
import type { Facets } from "./types";

interface Props {
  facets: Facets | undefined;
  /** The one that the list is narrowed to; empty is all. */
  open: string;
  params: URLSearchParams;
}

/** What apps are for, with how many there are of each; links, so that each can be shared. */
export function Categories({ facets, open, params }: Props) {
  const known = facets?.categories ?? [];
  const all = [
    { name: "", apps: facets?.total },
    ...known.filter(({ apps, name }) => apps > 0 || name === open),
  ];
  return (
    <nav aria-label={m.market.categories} className={classes.categories}>
      {all.map(({ name, apps }) => (
        <Link
          key={name}
          to={narrowed(params, name)}
          replace
          preventScrollReset
          aria-current={name === open || undefined}
          className={classes.category}
        >
          {name ? categoryOf(name) : m.market.all}
          {apps !== undefined && <span className={classes.count}>{apps}</span>}
        </Link>
      ))}
    </nav>
  );
}

function narrowed(params: URLSearchParams, category: string): string {
  const to = new URLSearchParams(params);
  if (category) to.set("category", category);
  else to.delete("category");
  return `?${to}`;
}
