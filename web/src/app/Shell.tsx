import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { Navigate, NavLink, Outlet, ScrollRestoration, useLocation, useNavigation } from "react-router";
import { sessionQuery } from "../api/calls";
import { m } from "../messages";
import { Loading } from "../pieces/Loading";
import { Notice, NoticeBox } from "../pieces/Notice";
import { Live } from "./Live";
import { PersonMenu } from "./PersonMenu";
import classes from "./Shell.module.css";
import { SelfContext } from "./session";

/** The frame of every screen: skip link, brand, menu, the person, and the screen itself. */
export function Shell() {
  const session = useQuery({
    ...sessionQuery,
    refetchInterval: (query) => (query.state.error ? 5000 : false),
  });
  const location = useLocation();
  if (!session.data) {
    return session.error ? (
      <main className={classes.main}>
        <Notice problem={session.error} retry={session.refetch} />
      </main>
    ) : (
      <Loading />
    );
  }
  const { person, can } = session.data;
  if (!person) {
    const next = location.pathname + location.search;
    return <Navigate to={next === "/" ? "/sign-in" : `/sign-in?next=${encodeURIComponent(next)}`} replace />;
  }
  const self = { ...person, can: can ?? [] };
  return (
    <SelfContext value={self}>
      <Live>
        <a href="#main" className={classes.skip}>
          {m.skip}
        </a>
        <Header auditor={self.can.includes("audit.read")} />
        {session.error && (
          <div className={classes.away}>
            <NoticeBox tone="warn" title={m.error.away}>
              <p>{m.error.awayWords}</p>
            </NoticeBox>
          </div>
        )}
        <Main />
        <ScrollRestoration />
      </Live>
    </SelfContext>
  );
}

function Header({ auditor }: { auditor: boolean }) {
  const busy = useNavigation().state !== "idle";
  return (
    <header className={classes.header}>
      <div className={classes.bar}>
        <NavLink to="/" className={classes.brand} aria-label={m.nav.home}>
          <img src="/icon.svg" alt="" width="24" height="24" />
          <span>{m.product}</span>
        </NavLink>
        <nav aria-label={m.nav.label} className={classes.nav}>
          <NavLink to="/publish">{m.nav.publish}</NavLink>
          <NavLink to="/flags">{m.nav.flags}</NavLink>
          {auditor && <NavLink to="/audit">{m.nav.audit}</NavLink>}
        </nav>
        <PersonMenu />
      </div>
      {busy && <div className={classes.busy} aria-hidden />}
    </header>
  );
}

// A reader of screens lands in the new screen, not at the top of the page, when the address changes.
function Main() {
  const main = useRef<HTMLElement>(null);
  const { pathname } = useLocation();
  const last = useRef(pathname);
  useEffect(() => {
    if (last.current !== pathname) main.current?.focus({ preventScroll: true });
    last.current = pathname;
  }, [pathname]);
  return (
    <main id="main" ref={main} tabIndex={-1} className={classes.main}>
      <Outlet />
    </main>
  );
}
