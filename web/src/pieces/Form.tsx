import { Button } from "@mantine/core";
import { type FormEvent, type ReactNode, useEffect } from "react";
import { useBlocker } from "react-router";
import { m } from "../messages";
import classes from "./Form.module.css";
import { Notice, NoticeBox } from "./Notice";
import { StaleNotice } from "./StaleNotice";
import type { Edit } from "./useEdit";

/** A form that tells the findings itself, and sends once. */
export function Form({
  label,
  submit,
  children,
}: {
  label: string;
  submit: () => void;
  children: ReactNode;
}) {
  function send(event: FormEvent) {
    event.preventDefault();
    submit();
  }
  return (
    <form aria-label={label} noValidate onSubmit={send} className={classes.form}>
      {children}
    </form>
  );
}

/** Fields beside each other where there is room. */
export const Pair = ({ children }: { children: ReactNode }) => <div className={classes.pair}>{children}</div>;

interface Props<V> {
  edit: Edit<V>;
  /** What a path of the value is called to people. */
  nameOf?: (path: string) => string;
  saveLabel?: string;
  /** Shown though nothing is typed: for something new. */
  always?: boolean;
}

/** Save and discard, as long as something is not saved; what the server refused; what somebody else changed meanwhile. */
export function SaveBar<V>({ edit, nameOf, saveLabel, always }: Props<V>) {
  const words = m.pieces.save;
  const errors = [...edit.findings.values()].flat().length;
  return (
    <>
      {edit.theirs !== undefined && (
        <StaleNotice
          theirs={edit.theirs}
          yours={edit.value}
          keep={edit.keep}
          take={edit.take}
          nameOf={nameOf}
        />
      )}
      {edit.problem !== null && errors === 0 && <Notice problem={edit.problem} />}
      <Leaving when={edit.dirty && !edit.busy} />
      {(edit.dirty || always) && (
        <div className={classes.bar}>
          <p className={classes.words} role="status">
            {errors > 0 ? words.mend(errors) : edit.dirty && !always ? words.unsaved : ""}
          </p>
          <div className={classes.buttons}>
            {edit.dirty && !always && (
              <Button variant="default" onClick={edit.discard} disabled={edit.busy}>
                {words.discard}
              </Button>
            )}
            <Button type="submit" loading={edit.busy} disabled={edit.theirs !== undefined}>
              {saveLabel ?? words.save}
            </Button>
          </div>
        </div>
      )}
    </>
  );
}

/** Asks before what was typed is lost by leaving the screen. */
export function Leaving({ when }: { when: boolean }) {
  const blocker = useBlocker(
    ({ currentLocation, nextLocation }) => when && currentLocation.pathname !== nextLocation.pathname,
  );
  useEffect(() => {
    if (!when) return;
    const stop = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", stop);
    return () => window.removeEventListener("beforeunload", stop);
  }, [when]);
  if (blocker.state !== "blocked") return null;
  const words = m.pieces.save;
  return (
    <NoticeBox
      tone="danger"
      title={words.leave}
      actions={
        <>
          <Button size="xs" autoFocus onClick={() => blocker.reset()}>
            {words.stay}
          </Button>
          <Button size="xs" variant="default" onClick={() => blocker.proceed()}>
            {words.go}
          </Button>
        </>
      }
    >
      <p>{words.leaveWords}</p>
    </NoticeBox>
  );
}
