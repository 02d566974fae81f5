import { Anchor } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, Navigate, useSearchParams } from "react-router";
import { sessionQuery } from "../api/calls";
import { api, unwrap } from "../api/client";
import { Entrance } from "../entry/Entrance";
import classes from "../entry/Entrance.module.css";
import { PasswordForm, People, TokenForm } from "../entry/forms";
import { Refused } from "../entry/Refused";
import { useEnter } from "../entry/useEnter";
import { m } from "../messages";
import { Loading } from "../pieces/Loading";
import { Notice, NoticeBox } from "../pieces/Notice";

type Proof = { email: string } | { email: string; password: string } | { token: string };
type Way = "people" | "password" | "token";

/** Sign-in: by e-mail and password, in the demo by choosing a person, with an API token where one looks for it. */
export function Component() {
  const [params] = useSearchParams();
  const session = useQuery(sessionQuery);
  const enter = useEnter((proof: Proof) => unwrap(api.POST("/api/v1/session", { body: proof })));
  if (session.data?.person) return <Navigate to={inside(params.get("next"))} replace />;
  const people = session.data?.demo_people ?? [];
  const ways: Way[] = people.length > 0 ? ["people", "password", "token"] : ["password", "token"];
  const way = ways.find((one) => one === params.get("with")) ?? ways[0];
  const words = m.entry.signIn;
  const named = { people: words.byPeople, password: words.byPassword, token: words.byToken };
  return (
    <Entrance title={words.title} heading={m.product} words={words.pitch}>
      {session.error && !session.data && <Notice problem={session.error} retry={session.refetch} />}
      {session.isPending && <Loading panels={[320]} />}
      {session.data?.setup && (
        <NoticeBox tone="info" title={words.fresh}>
          <p>{words.freshWords}</p>
        </NoticeBox>
      )}
      {enter.error && <Refused problem={enter.error} />}
      {session.data && way === "people" && (
        <People people={people} busy={enter.isPending} choose={(email) => enter.mutate({ email })} />
      )}
      {session.data && way === "password" && (
        <PasswordForm busy={enter.isPending} submit={(proof) => enter.mutate(proof)} />
      )}
      {session.data && way === "token" && (
        <TokenForm busy={enter.isPending} submit={(token) => enter.mutate({ token })} />
      )}
      {session.data && (
        <nav aria-label={words.ways} className={classes.more}>
          <div className={classes.ways}>
            {ways
              .filter((one) => one !== way)
              .map((one) => (
                <Anchor key={one} component={Link} to={otherWay(params, one)} replace onClick={enter.reset}>
                  {named[one]}
                </Anchor>
              ))}
          </div>
        </nav>
      )}
    </Entrance>
  );
}

function otherWay(params: URLSearchParams, way: Way): string {
  const next = new URLSearchParams(params);
  next.set("with", way);
  return `?${next}`;
}

/** Only addresses of this console are followed after sign-in. */
function inside(next: string | null): string {
  return next?.startsWith("/") && !next.startsWith("//") && !next.startsWith("/\\") ? next : "/";
}
