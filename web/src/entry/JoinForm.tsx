import { Button, PasswordInput, TextInput } from "@mantine/core";
import { type FormEvent, useRef, useState } from "react";
import { useNavigate } from "react-router";
import { api, Problem, unwrap } from "../api/client";
import type { JoinLink, Person } from "../api/types";
import { m } from "../messages";
import { passes, strengthOf } from "../model/strength";
import { list, sentence } from "../model/text";
import { exact } from "../model/time";
import { NoticeBox } from "../pieces/Notice";
import { Entrance } from "./Entrance";
import classes from "./Entrance.module.css";
import { Refused } from "./Refused";
import { StrengthHint, strengthWords } from "./Strength";
import { useEnter } from "./useEnter";

interface Props {
  secret: string;
  link: JoinLink;
  signedIn: Person | null;
}

/** Name and password for a one-time link; then one is signed in, and the first administrator is at the checklist. */
export function JoinForm({ secret, link, signedIn }: Props) {
  const navigate = useNavigate();
  const words = m.entry.join;
  const { kind } = link;
  const [email, setEmail] = useState(link.email ?? "");
  const [name, setName] = useState(link.display_name ?? "");
  const [password, setPassword] = useState("");
  const [asked, setAsked] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const enter = useEnter(() =>
    unwrap(
      api.POST("/api/v1/links:use", {
        body: {
          secret,
          ...(kind === "setup" ? { email: email.trim() } : {}),
          ...(kind === "reset" ? {} : { display_name: name.trim() }),
          password,
        },
      }),
    ),
  );
  const about = [email, name];
  const strength = strengthOf(password, about);
  const told = enter.error instanceof Problem ? enter.error.errors : [];
  const said = (field: string) => {
    const finding = told.find((one) => one.field === field);
    return finding ? `${sentence(finding.message)} ${sentence(finding.remediation ?? "")}`.trim() : undefined;
  };
  const wrong = {
    email:
      kind !== "setup" || /^\S+@\S+$/.test(email.trim())
        ? undefined
        : email
          ? words.badEmail
          : words.emptyEmail,
    name: kind === "reset" || name.trim() ? undefined : words.emptyName,
    password: passes(strength) ? undefined : strengthWords(strength),
  };
  function send(event: FormEvent) {
    event.preventDefault();
    setAsked(true);
    const first = (["email", "name", "password"] as const).find((field) => wrong[field]);
    if (first) form.current?.querySelector<HTMLInputElement>(`[name=${first}]`)?.focus();
    else
      enter.mutate(undefined, {
        onSuccess: () => navigate(kind === "setup" ? "/setup" : "/", { replace: true }),
      });
  }
  const known = told.some((one) => ["email", "display_name", "password"].includes(one.field ?? ""));
  return (
    <Entrance title={words[kind]} heading={words[kind]} words={<Lead link={link} />}>
      {signedIn && signedIn.email !== link.email && (
        <NoticeBox tone="warn" title={words.other(signedIn.display_name)} />
      )}
      {enter.error && !known && <Refused problem={enter.error} />}
      <form ref={form} onSubmit={send} noValidate className={classes.form}>
        <TextInput
          type="email"
          name="email"
          label={words.email}
          description={kind === "setup" ? words.emailHint : undefined}
          autoComplete="username"
          autoFocus={kind === "setup"}
          readOnly={kind !== "setup"}
          value={email}
          onChange={(event) => setEmail(event.currentTarget.value)}
          error={(asked && wrong.email) || said("email")}
        />
        {kind !== "reset" && (
          <TextInput
            name="name"
            label={words.name}
            description={words.nameHint}
            autoComplete="name"
            autoFocus={kind === "invite"}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            error={(asked && wrong.name) || said("display_name")}
          />
        )}
        <PasswordInput
          name="password"
          label={words.password}
          autoComplete="new-password"
          autoFocus={kind === "reset"}
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          error={asked && wrong.password ? true : said("password")}
          aria-describedby="strength"
          visibilityToggleButtonProps={{ "aria-label": words.show, tabIndex: 0 }}
        />
        <StrengthHint id="strength" password={password} about={about} />
        <Button type="submit" loading={enter.isPending} fullWidth>
          {words.submit[kind]}
        </Button>
        <p className={classes.note}>
          {words.goodUntil} {exact(new Date(link.expires_at))}.
        </p>
      </form>
    </Entrance>
  );
}

/** Who invited, and to what. */
function Lead({ link }: { link: JoinLink }) {
  const words = m.entry.join;
  return (
    <>
      {link.kind === "invite" && link.invited_by && <>{words.invitedBy(link.invited_by)} </>}
      {link.kind === "setup"
        ? words.setupWords
        : link.kind === "invite"
          ? words.inviteWords
          : words.resetWords}
      {link.kind === "invite" && link.groups.length > 0 && (
        <>
          {" "}
          {words.groups} <b>{list(link.groups)}</b>.
        </>
      )}
    </>
  );
}
