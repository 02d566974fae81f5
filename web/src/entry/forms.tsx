import { Button, PasswordInput, TextInput, UnstyledButton } from "@mantine/core";
import { type FormEvent, useRef, useState } from "react";
import type { DemoPerson } from "../api/types";
import { m } from "../messages";
import { Initials } from "../pieces/Who";
import classes from "./Entrance.module.css";

interface PeopleProps {
  people: DemoPerson[];
  busy: boolean;
  choose: (email: string) => void;
}

/** The people of the demo, as buttons. */
export function People({ people, busy, choose }: PeopleProps) {
  return (
    <section aria-labelledby="who">
      <h2 id="who" className={classes.ask}>
        {m.entry.signIn.demo}
      </h2>
      <p className={classes.hint}>{m.entry.signIn.demoHint}</p>
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

interface PasswordProps {
  busy: boolean;
  submit: (proof: { email: string; password: string }) => void;
}

/** E-mail and password. What was typed stays when it is refused. */
export function PasswordForm({ busy, submit }: PasswordProps) {
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [asked, setAsked] = useState(false);
  const first = useRef<HTMLInputElement>(null);
  const second = useRef<HTMLInputElement>(null);
  function send(event: FormEvent) {
    event.preventDefault();
    setAsked(true);
    if (!email.trim()) first.current?.focus();
    else if (!password) second.current?.focus();
    else submit({ email: email.trim(), password });
  }
  const words = m.entry.signIn;
  return (
    <form onSubmit={send} noValidate className={classes.form}>
      <TextInput
        ref={first}
        type="email"
        name="email"
        label={words.email}
        autoComplete="username"
        autoFocus
        value={email}
        onChange={(event) => setEmail(event.currentTarget.value)}
        error={asked && !email.trim() ? words.emptyEmail : undefined}
      />
      <PasswordInput
        ref={second}
        name="password"
        label={words.password}
        autoComplete="current-password"
        value={password}
        onChange={(event) => setPassword(event.currentTarget.value)}
        error={asked && !password ? words.emptyPassword : undefined}
        visibilityToggleButtonProps={{ "aria-label": m.entry.join.show, tabIndex: 0 }}
      />
      <Button type="submit" loading={busy} fullWidth>
        {words.submit}
      </Button>
      <p className={classes.note}>{words.forgotten}</p>
    </form>
  );
}

/** An API token, for those who have no password: service accounts, or the first minutes. */
export function TokenForm({ busy, submit }: { busy: boolean; submit: (token: string) => void }) {
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
        label={m.entry.signIn.token}
        description={m.entry.signIn.tokenHint}
        autoComplete="off"
        autoFocus
        value={token}
        onChange={(event) => setToken(event.currentTarget.value)}
        error={asked && !token.trim() ? m.entry.signIn.emptyToken : undefined}
        visibilityToggleButtonProps={{ "aria-label": m.entry.join.show, tabIndex: 0 }}
      />
      <Button type="submit" loading={busy} fullWidth>
        {m.entry.signIn.submit}
      </Button>
    </form>
  );
}
