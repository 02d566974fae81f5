import { useEffect, useRef } from "react";
import { Link, useSearchParams } from "react-router";
import classes from "./Tabs.module.css";

export interface Tab {
  id: string;
  label: string;
  /** How many are in it, where that helps to choose. */
  count?: number;
  /** Where it leads, if it is a screen of its own; else it is this one with ?tab=id. */
  to?: string;
}

interface Props {
  /** What the tabs are the parts of. */
  label: string;
  tabs: Tab[];
  /** Id of the one that is open. */
  open: string;
}

/** The parts of a screen as links: which one is open stands in the address, so Back and sharing work. */
export function Tabs({ label, tabs, open }: Props) {
  const [params] = useSearchParams();
  const nav = useRef<HTMLElement>(null);
  useEffect(() => {
    // On a narrow screen the open one may be out of sight at first.
    const current = nav.current?.querySelector<HTMLElement>(`[data-id="${CSS.escape(open)}"]`);
    if (nav.current && current) nav.current.scrollLeft = current.offsetLeft - 40;
  }, [open]);
  return (
    <nav ref={nav} aria-label={label} className={classes.tabs}>
      {tabs.map((tab) => (
        <Link
          key={tab.id}
          data-id={tab.id}
          to={tab.to ?? address(params, tab.id, tabs[0]?.id)}
          aria-current={tab.id === open ? "page" : undefined}
          preventScrollReset
          className={classes.tab}
        >
          {tab.label}
          {tab.count !== undefined && <span className={classes.count}>{tab.count}</span>}
        </Link>
      ))}
    </nav>
  );
}

// A tab begins with a clean list: filters of the one before mean nothing to it.
function address(params: URLSearchParams, id: string, first: string | undefined): string {
  const to = new URLSearchParams();
  if (id !== first) to.set("tab", id);
  const diff = params.get("diff");
  if (diff) to.set("diff", diff);
  return `?${to}`;
}

/** The tab that the address names, the first one if it names none that there is. */
export function useTab(tabs: Tab[]): string {
  const named = useSearchParams()[0].get("tab");
  return (tabs.find((tab) => tab.id === named) ?? tabs[0])?.id ?? "";
}
