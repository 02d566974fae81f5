import { Button, Textarea } from "@mantine/core";
import { type FormEvent, useRef, useState } from "react";
import type { Request } from "../api/types";
import { m } from "../messages";
import { Notice } from "../pieces/Notice";
import classes from "./Decide.module.css";
import { useComment } from "./useRequest";

/** Says something about a request to all who see it. It counts for nothing; it is kept for good. */
export function CommentForm({ request }: { request: Request }) {
  const [words, setWords] = useState("");
  const [asked, setAsked] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);
  const comment = useComment(request.id);
  if (!request.can.includes("comment")) return null;
  const missing = !words.trim();
  function send(event: FormEvent) {
    event.preventDefault();
    setAsked(true);
    if (missing) field.current?.focus();
    else if (!comment.isPending) {
      comment.mutate(
        { words: words.trim(), digest: request.digest },
        {
          onSuccess: () => {
            setWords("");
            setAsked(false);
          },
        },
      );
    }
  }
  return (
    <form onSubmit={send} noValidate className={classes.form}>
      <Textarea
        ref={field}
        label={m.request.comment.label}
        description={m.request.comment.help}
        autosize
        minRows={2}
        maxRows={8}
        value={words}
        onChange={(event) => setWords(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send(event);
        }}
        error={asked && missing ? m.request.comment.missing : undefined}
      />
      {comment.error && <Notice problem={comment.error} />}
      <div>
        <Button type="submit" variant="default" loading={comment.isPending}>
          {m.request.comment.send}
        </Button>
      </div>
    </form>
  );
}
