import { Button, type ButtonProps, Modal, Textarea, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { m } from "../messages";
import classes from "./Confirm.module.css";
import { Notice } from "./Notice";

interface PanelProps {
  /** What will happen and to whom, a sentence each. */
  happens: ReactNode[];
  /** The button that does it, named by what it does. */
  act: string;
  danger?: boolean;
  /** Whether one may, or must, say why. */
  reason?: "optional" | "needed";
  /** What has to be typed first, where there is no undo. */
  type?: string;
  run: (reason: string) => Promise<unknown>;
  close: () => void;
  /** Further fields of the act. */
  children?: ReactNode;
}

/** Says what an act will do and to whom, then does it: governance waits for the server, and what it refuses is told here. */
export function ConfirmPanel(props: PanelProps) {
  const { happens, act, danger, reason: asks, type, run, close, children } = props;
  const [reason, setReason] = useState("");
  const [typed, setTyped] = useState("");
  const [tried, setTried] = useState(false);
  const doing = useMutation({ mutationFn: () => run(reason.trim()), onSuccess: close });
  const noReason = asks === "needed" && !reason.trim();
  const notTyped = type !== undefined && typed.trim() !== type;
  function submit(event: FormEvent) {
    event.preventDefault();
    setTried(true);
    if (!noReason && !notTyped && !doing.isPending) doing.mutate();
  }
  return (
    <form onSubmit={submit} noValidate className={classes.panel}>
      <ul className={classes.what} aria-label={m.pieces.confirm.happens}>
        {happens.map((words, i) => (
          <li key={i}>{words}</li>
        ))}
      </ul>
      {children}
      {type !== undefined && (
        <TextInput
          label={m.pieces.confirm.type(type)}
          autoComplete="off"
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          error={tried && notTyped ? m.pieces.confirm.typeWrong(type) : undefined}
        />
      )}
      {asks && (
        <Textarea
          label={asks === "needed" ? m.pieces.confirm.reason : m.pieces.confirm.reasonOptional}
          autosize
          minRows={2}
          maxRows={6}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          error={tried && noReason ? m.pieces.confirm.needReason : undefined}
        />
      )}
      {doing.error && <Notice problem={doing.error} />}
      <div className={classes.buttons}>
        <Button type="submit" color={danger ? "red" : undefined} loading={doing.isPending}>
          {act}
        </Button>
        <Button variant="default" onClick={close}>
          {m.cancel}
        </Button>
      </div>
    </form>
  );
}

interface ButtonOwnProps extends Omit<PanelProps, "close" | "act"> {
  /** The button that opens it. */
  label: string;
  /** The question, as the title of the panel. */
  title: string;
  act?: string;
  button?: ButtonProps & { "aria-label"?: string };
}

/** A button whose act says first what it will do, in a dialog. */
export function ConfirmButton({ label, title, act, button, ...panel }: ButtonOwnProps) {
  const [open, setOpen] = useState(false);
  const close = () => setOpen(false);
  return (
    <>
      <Button variant="default" {...button} onClick={() => setOpen(true)}>
        {label}
      </Button>
      <Modal opened={open} onClose={close} title={title} closeButtonProps={{ "aria-label": m.close }}>
        <ConfirmPanel {...panel} act={act ?? label} close={close} />
      </Modal>
    </>
  );
}
