import { Button, Textarea } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { Link } from "react-router";
import type { Decision, Request } from "../api/types";
import { m } from "../messages";
import { Notice, NoticeBox } from "../pieces/Notice";
import { Who } from "../pieces/Who";
import classes from "./Decide.module.css";
import { useComment } from "./useRequest";

/** What approvers ask for before they decide, and for the requester a place to answer. */
export function Asked({ request }: { request: Request }) {
  const questions = request.decisions.filter(isOpen);
  if (questions.length === 0) return null;
  const words = m.request.asked;
  return (
    <NoticeBox
      tone="warn"
      title={words.title}
      actions={
        request.can.includes("edit") && (
          <Button size="xs" variant="default" component={Link} to={`/requests/${request.id}/edit`}>
            {m.request.edit}
          </Button>
        )
      }
    >
      {questions.map((one) => (
        <p key={one.id}>
          <Who email={one.by} />: <q>{one.reason}</q>
        </p>
      ))}
      {request.can.includes("answer") ? <Answer request={request} /> : <p>{words.waits}</p>}
    </NoticeBox>
  );
}

function isOpen(decision: Decision) {
  return decision.verdict === "asked" && !decision.void;
}

function Answer({ request }: { request: Request }) {
  const [answer, setAnswer] = useState("");
  const [sent, setSent] = useState(false);
  const comment = useComment(request.id);
  const words = m.request.asked;
  function send(event: FormEvent) {
    event.preventDefault();
    setSent(true);
    if (answer.trim() && !comment.isPending) {
      comment.mutate({ words: answer.trim(), digest: request.digest, answers: true });
    }
  }
  return (
    <form onSubmit={send} noValidate className={classes.form}>
      <Textarea
        label={words.answer}
        description={words.help}
        autosize
        minRows={2}
        value={answer}
        onChange={(event) => setAnswer(event.currentTarget.value)}
        error={sent && !answer.trim() ? m.request.comment.missing : undefined}
      />
      {comment.error && <Notice problem={comment.error} />}
      <div>
        <Button type="submit" loading={comment.isPending}>
          {words.send}
        </Button>
      </div>
    </form>
  );
}
