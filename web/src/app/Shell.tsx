import { useHotkeys } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { Navigate, Outlet, ScrollRestoration, useLocation } from "react-router";
import { sessionQuery } from "../api/calls";
import { m } from "../messages";
import { Loading } from "../pieces/Loading";
import { Notice, NoticeBox } from "../pieces/Notice";
import { Live } from "../session/Live";
import { SelfContext, useSelf } from "../session/session";
import { Header } from "./Header";
import classes from "./Shell.module.css";

const Suspended = lazy(() => import("../admin/Suspended"));
const Palette = lazy(() => import("../palette/Palette"));

/** The frame of every screen: skip link, brand, menu, the person, and the screen itself. */
export function Shell() {
  const session = useQuery(sessionQuery);
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
  return (
    <SelfContext value={{ ...person, can: can ?? [] }}>
      <Live key={person.email}>
        <Frame away={session.error !== null} />
      </Live>
    </SelfContext>
  );
}

function Frame({ away }: { away: boolean }) {
  const { suspended } = useSelf();
  const [finding, setFinding] = useState(false);
  useHotkeys([["mod+K", () => setFinding(true)]], []);
  return (
    <>
      <a href="#main" className={classes.skip}>
        {m.skip}
      </a>
      <Header find={() => setFinding(true)} />
      {away && (
        <div className={classes.away}>
          <NoticeBox tone="warn" title={m.error.away}>
            <p>{m.error.awayWords}</p>
          </NoticeBox>
        </div>
      )}
      {suspended && (
        <div className={classes.away}>
          <Suspense>
            <Suspended />
          </Suspense>
        </div>
      )}
      <Main />
      {finding && (
        <Suspense>
          <Palette close={() => setFinding(false)} />
        </Suspense>
      )}
      <ScrollRestoration />
    </>
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
