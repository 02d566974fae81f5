import { Button, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import type { Request } from "../api/types";
import { m } from "../messages";
import { Notice } from "../pieces/Notice";
import classes from "./Decide.module.css";
import { useWithdrawal } from "./useRequest";

/** Takes a request back. It cannot be undone, so that it asks for a second click beside what will happen. */
export function Withdraw({ request, close }: { request: Request; close: () => void }) {
  const [reason, setReason] = useState("");
  const draft = request.state === "draft";
  const withdrawal = useWithdrawal(request.id);
  function send(event: FormEvent) {
    event.preventDefault();
    if (!withdrawal.isPending) withdrawal.mutate(reason.trim(), { onSuccess: close });
  }
  return (
    <form onSubmit={send} className={classes.form}>
      <p className={classes.hint}>{draft ? m.request.discardHelp : m.request.withdrawHelp}</p>
      {!draft && (
        <TextInput
          label={m.request.withdrawReason}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          data-autofocus
        />
      )}
      {withdrawal.error && <Notice problem={withdrawal.error} />}
      <Button type="submit" color="red" loading={withdrawal.isPending}>
        {draft ? m.request.discardConfirm : m.request.withdrawConfirm}
      </Button>
    </form>
  );
}
