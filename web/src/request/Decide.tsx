import { Button, Kbd, Select, Textarea } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { IconCheck, IconMessageQuestion, IconX } from "@tabler/icons-react";
import { type FormEvent, useRef, useState } from "react";
import { flushSync } from "react-dom";
import type { Request } from "../api/types";
import { m } from "../messages";
import { Notice, NoticeBox } from "../pieces/Notice";
import { Panel } from "../pieces/Page";
import { useSelf } from "../session/session";
import classes from "./Decide.module.css";
import { TakeBack } from "./TakeBack";
import { useDecision, type Verdict } from "./useRequest";

/** The decision of an approver: approve, ask for a change or deny with a reason, by pointer or by the keys a and d. */
export function Decide({ request }: { request: Request }) {
  const self = useSelf();
  const can = (verdict: Verdict) => request.can.includes(verdict);
  // What was read when the screen opened: an edit since must be read before it is decided on.
  const [read, setRead] = useState(request.digest);
  const [verdict, setVerdict] = useState<Verdict | null>(null);
  const [reason, setReason] = useState("");
  const [domain, setDomain] = useState<string | null>(request.can_domains[0] ?? null);
  const [asked, setAsked] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);
  const decision = useDecision(request.id);
  const words = m.request.you;

  function choose(next: Verdict) {
    if (!can(next)) return;
    // At once, so that what is typed next goes into the field and is no key of the screen.
    flushSync(() => {
      setVerdict(next);
      setAsked(false);
      decision.reset();
    });
    field.current?.focus();
  }
  useHotkeys([
    ["a", () => choose("approve")],
    ["d", () => choose("deny")],
  ]);

  const mine = request.decisions.find((one) => one.by_id === self.id && !one.void);
  if (!can("approve") && !can("deny")) {
    if (request.state !== "needs_approval" && !request.can.includes("take_back")) return null;
    return (
      <Panel title={words.title}>
        {mine ? (
          <TakeBack request={request} decision={mine} />
        ) : request.requester_id === self.id ? (
          words.own
        ) : (
          words.cannot
        )}
      </Panel>
    );
  }
  // Whoever decided may still decide otherwise, so the form does not go by itself.
  function close() {
    setVerdict(null);
    setReason("");
  }
  const missing = verdict !== null && verdict !== "approve" && !reason.trim();
  function send(event: FormEvent) {
    event.preventDefault();
    setAsked(true);
    if (missing) field.current?.focus();
    else if (verdict && !decision.isPending) {
      decision.mutate(
        { verdict, digest: read, domain: domain ?? undefined, reason: reason.trim() || undefined },
        { onSuccess: close },
      );
    }
  }
  return (
    <Panel title={words.title}>
      {read !== request.digest && (
        <NoticeBox
          tone="warn"
          title={m.request.changed}
          actions={
            <Button size="xs" variant="default" onClick={() => setRead(request.digest)}>
              {m.request.readAgain}
            </Button>
          }
        />
      )}
      {mine && <TakeBack request={request} decision={mine} />}
      <div className={classes.buttons}>
        {can("approve") && (
          <Button
            variant={verdict === "approve" ? "filled" : "light"}
            aria-pressed={verdict === "approve"}
            leftSection={<IconCheck size={16} aria-hidden />}
            aria-keyshortcuts="a"
            rightSection={
              <Kbd size="xs" aria-hidden>
                a
              </Kbd>
            }
            onClick={() => choose("approve")}
          >
            {words.approve}
          </Button>
        )}
        <Button
          variant={verdict === "ask" ? "filled" : "light"}
          color="gray"
          aria-pressed={verdict === "ask"}
          leftSection={<IconMessageQuestion size={16} aria-hidden />}
          onClick={() => choose("ask")}
        >
          {words.ask}
        </Button>
        <Button
          variant={verdict === "deny" ? "filled" : "light"}
          color="red"
          aria-pressed={verdict === "deny"}
          leftSection={<IconX size={16} aria-hidden />}
          aria-keyshortcuts="d"
          rightSection={
            <Kbd size="xs" aria-hidden>
              d
            </Kbd>
          }
          onClick={() => choose("deny")}
        >
          {words.deny}
        </Button>
      </div>
      {verdict === null && can("approve") && <p className={classes.hint}>{words.keys}</p>}
      {verdict && (
        <form onSubmit={send} noValidate className={classes.form}>
          {request.can_domains.length > 1 && (
            <Select
              label={words.domain}
              data={request.can_domains}
              value={domain}
              onChange={setDomain}
              allowDeselect={false}
            />
          )}
          <Textarea
            ref={field}
            label={words.labels[verdict]}
            description={words.helps[verdict]}
            withAsterisk={verdict !== "approve"}
            autosize
            minRows={2}
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send(event);
            }}
            error={asked && missing ? words.needReason : undefined}
          />
          {decision.error && <Notice problem={decision.error} />}
          <Button
            type="submit"
            color={verdict === "deny" ? "red" : undefined}
            loading={decision.isPending}
            fullWidth
          >
            {words.confirm[verdict]}
          </Button>
        </form>
      )}
    </Panel>
  );
}
