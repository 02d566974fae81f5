import { Popover, UnstyledButton } from "@mantine/core";
import { IconMenu2, IconSearch } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Link, useLocation, useNavigation } from "react-router";
import { inboxQuery } from "../api/calls";
import { m } from "../messages";
import { type Place, placesOf } from "../palette/places";
import { useSelf } from "../session/session";
import classes from "./Header.module.css";
import { PersonMenu } from "./PersonMenu";

/** Brand, menu, search and the person; the same on every screen. On a narrow one the menu is behind a button. */
export function Header({ find }: { find: () => void }) {
  const busy = useNavigation().state !== "idle";
  const places = placesOf(useSelf());
  return (
    <header className={classes.header}>
      <div className={classes.bar}>
        <CompactMenu places={places} />
        <Link to="/" className={classes.brand} aria-label={m.nav.brand}>
          <img src="/icon.svg" alt="" width="24" height="24" />
          <span>{m.product}</span>
        </Link>
        <nav aria-label={m.nav.label} className={classes.nav}>
          {places.map((place) => (
            <PlaceLink key={place.id} place={place} />
          ))}
        </nav>
        <UnstyledButton
          className={classes.find}
          onClick={find}
          aria-label={m.nav.find}
          aria-keyshortcuts="Control+K Meta+K"
        >
          <IconSearch size={16} aria-hidden />
          <span className={classes.findWords} aria-hidden>
            {m.nav.findShort}
          </span>
          <kbd className={classes.keys} aria-hidden>
            {isMac ? "⌘ K" : "Ctrl K"}
          </kbd>
        </UnstyledButton>
        <PersonMenu />
      </div>
      {busy && <div className={classes.busy} aria-hidden />}
    </header>
  );
}

const isMac = /Mac|iPhone|iPad/.test(navigator.userAgent);

function PlaceLink({ place, icon }: { place: Place; icon?: boolean }) {
  const { id, to, icon: Icon } = place;
  const { pathname } = useLocation();
  // All of administration is one place, whichever part of it the link leads to.
  const root = id === "admin" ? "/admin" : to;
  const here = pathname === root || (root !== "/" && pathname.startsWith(`${root}/`));
  return (
    <Link to={to} aria-current={here ? "page" : undefined}>
      {icon && <Icon size={18} aria-hidden />}
      {m.nav.places[id]}
      {id === "reviews" && <Waiting />}
    </Link>
  );
}

/** How many decisions wait for the person. */
function Waiting() {
  const inbox = useQuery(inboxQuery);
  const waiting = inbox.data?.items.filter((item) => item.kind === "approve").length ?? 0;
  if (waiting === 0) return null;
  return (
    <span className={classes.count}>
      <span aria-hidden>{waiting}</span>
      <span className={classes.hidden}>{m.nav.waiting(waiting)}</span>
    </span>
  );
}

function CompactMenu({ places }: { places: Place[] }) {
  const [open, setOpen] = useState(false);
  const { pathname } = useLocation();
  // biome-ignore lint/correctness/useExhaustiveDependencies: it closes when the address changes
  useEffect(() => setOpen(false), [pathname]);
  return (
    <Popover opened={open} onChange={setOpen} position="bottom-start" width={248} trapFocus>
      <Popover.Target>
        <UnstyledButton className={classes.menu} aria-label={m.nav.menu} onClick={() => setOpen(!open)}>
          <IconMenu2 size={20} aria-hidden />
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown aria-label={m.nav.menu} p={8}>
        <nav aria-label={m.nav.label} className={classes.compact}>
          {places.map((place) => (
            <PlaceLink key={place.id} place={place} icon />
          ))}
        </nav>
      </Popover.Dropdown>
    </Popover>
  );
}
