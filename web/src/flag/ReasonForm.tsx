import { Button, Textarea } from "@mantine/core";
import { type FormEvent, useRef, useState } from "react";
import { m } from "../messages";
import classes from "./RolloutPanel.module.css";
import type { Act } from "./useFlag";

interface ReasonProps {
  act: Act;
  label: string;
  help: string;
  busy: boolean;
  submit: (reason: string) => void;
}

/** Asks for the reason that an act on a rollout needs. */
export function ReasonForm({ act, label, help, busy, submit }: ReasonProps) {
  const [reason, setReason] = useState("");
  const [asked, setAsked] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);
  function send(event: FormEvent) {
    event.preventDefault();
    setAsked(true);
    if (!reason.trim()) field.current?.focus();
    else if (!busy) submit(reason.trim());
  }
  return (
    <form onSubmit={send} noValidate className={classes.form}>
      <Textarea
        ref={field}
        autoFocus
        label={label}
        description={help}
        withAsterisk
        autosize
        minRows={2}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
        error={asked && !reason.trim() ? m.flag.actReason.missing : undefined}
      />
      <div>
        <Button type="submit" color={act === "abort" ? "red" : undefined} loading={busy}>
          {m.flag.act[act]}
        </Button>
      </div>
    </form>
  );
}
