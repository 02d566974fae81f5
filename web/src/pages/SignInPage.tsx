import { Button, PasswordInput, UnstyledButton } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Navigate, useSearchParams } from "react-router";
import { sessionQuery } from "../api/calls";
import { api, unwrap } from "../api/client";
import { queries } from "../api/queries";
import type { DemoPerson } from "../api/types";
import { m } from "../messages";
import { Loading } from "../pieces/Loading";
import { Notice } from "../pieces/Notice";
import { Initials } from "../pieces/Who";
import classes from "./SignInPage.module.css";

type Proof = { email: string } | { token: string };

/** Sign-in: by choosing a person in the demo, by an API token anywhere. */
export function Component() {
  const [params] = useSearchParams();
  const session = useQuery(sessionQuery);
  const enter = useMutation({
    mutationFn: (proof: Proof) => unwrap(api.POST("/api/v1/session", { body: proof })),
    onSuccess: async () => {
      queries.removeQueries({ predicate: (query) => query.queryKey[0] !== "session" });
      await queries.invalidateQueries({ queryKey: ["session"] });
    },
  });
  if (session.data?.person) return <Navigate to={inside(params.get("next"))} replace />;
  const people = session.data?.demo_people ?? [];
  return (
    <main className={classes.page}>
      <title>{m.title(m.signIn.title)}</title>
      <div className={classes.box}>
        <img src="/icon.svg" alt="" width="40" height="40" />
        <h1 className={classes.title}>{m.product}</h1>
        <p className={classes.pitch}>{m.signIn.pitch}</p>
        {session.error && !session.data && <Notice problem={session.error} retry={session.refetch} />}
        {session.isPending && <Loading panels={[320]} />}
        {enter.error && <Notice problem={enter.error} />}
        {people.length > 0 && (
          <People people={people} busy={enter.isPending} choose={(email) => enter.mutate({ email })} />
        )}
        {session.data?.mode === "serve" && (
          <TokenForm busy={enter.isPending} submit={(token) => enter.mutate({ token })} />
        )}
      </div>
    </main>
  );
}

/** Only addresses of this console are followed after sign-in. */
function inside(next: string | null): string {
  return next?.startsWith("/") && !next.startsWith("//") && !next.startsWith("/\\") ? next : "/";
}

interface PeopleProps {
  people: DemoPerson[];
  busy: boolean;
  choose: (email: string) => void;
}

function People({ people, busy, choose }: PeopleProps) {
  return (
    <section aria-labelledby="who">
      <h2 id="who" className={classes.ask}>
        {m.signIn.demo}
      </h2>
      <p className={classes.hint}>{m.signIn.demoHint}</p>
      <ul className={classes.people}>
        {people.map((person) => (
          <li key={person.email}>
            <UnstyledButton className={classes.person} disabled={busy} onClick={() => choose(person.email)}>
              <Initials name={person.display_name} />
              <span>
                <span className={classes.name}>{person.short_name}</span>
                <span className={classes.does}>{person.does}</span>
              </span>
            </UnstyledButton>
          </li>
        ))}
      </ul>
    </section>
  );
}

function TokenForm({ busy, submit }: { busy: boolean; submit: (token: string) => void }) {
  const [token, setToken] = useState("");
  const [asked, setAsked] = useState(false);
  function send(event: FormEvent) {
    event.preventDefault();
    setAsked(true);
    if (token.trim()) submit(token.trim());
  }
  return (
    <form onSubmit={send} noValidate className={classes.form}>
      <PasswordInput
        label={m.signIn.token}
        description={m.signIn.tokenHint}
        autoComplete="off"
        autoFocus
        value={token}
        onChange={(event) => setToken(event.currentTarget.value)}
        error={asked && !token.trim() ? m.signIn.emptyToken : undefined}
      />
      <Button type="submit" loading={busy} fullWidth>
        {m.signIn.submit}
      </Button>
    </form>
  );
}
