import { Button, TextInput } from "@mantine/core";
import { IconHandStop, IconPower } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { requestsQuery } from "../api/calls";
import type { Flag, FlagEnvironment } from "../api/types";
import { ReceiptLines } from "../kill/ReceiptLines";
import { m } from "../messages";
import { sentence } from "../model/text";
import { Notice, NoticeBox } from "../pieces/Notice";
import { When } from "../pieces/When";
import { Who } from "../pieces/Who";
import classes from "./KillZone.module.css";
import { useKill, useRestore } from "./useFlag";

interface Props {
  flag: Flag;
  /** Where the big button acts: production. */
  state: FlagEnvironment;
  governed: boolean;
}

/** The big switch: one click turns the flag off for everybody in production; what can be said about it comes after. */
export function KillZone({ flag, state, governed }: Props) {
  const [reason, setReason] = useState("");
  const kill = useKill(flag.key);
  const where = state.environment;
  if (state.kill) {
    return (
      <NoticeBox tone="danger" title={sentence(m.flag.killed(where))}>
        <p>
          <Who email={state.kill.by} /> · <When at={state.kill.at} /> · <q>{state.kill.reason}</q>
        </p>
        {state.kill.uncommitted && !kill.data && <p>{m.flag.uncommitted}</p>}
        {kill.data && <ReceiptLines first={kill.data.receipt} />}
        {flag.can.includes("restore") && <RestoreForm flag={flag} environment={where} governed={governed} />}
      </NoticeBox>
    );
  }
  if (!flag.can.includes("kill")) return null;
  return (
    <section className={classes.zone} aria-label={m.flag.kill}>
      <div className={classes.act}>
        <Button
          size="lg"
          color="red"
          leftSection={<IconHandStop size={20} aria-hidden />}
          loading={kill.isPending}
          onClick={() => kill.mutate({ environment: where, reason: reason.trim() })}
        >
          {m.flag.kill}
        </Button>
        <p className={classes.words}>{whatKillDoes(flag, state)}</p>
      </div>
      <TextInput
        label={m.flag.killReason}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
        className={classes.reason}
      />
      {kill.error && <Notice problem={kill.error} />}
      {kill.data && <ReceiptLines first={kill.data.receipt} />}
    </section>
  );
}

/** What one click does, before it is made. */
function whatKillDoes(flag: Flag, state: FlagEnvironment): string {
  const serves = state.kill_serves ?? flag.off;
  if (!state.live) return flag.imported ? m.flag.killNotImported : m.flag.killEarly;
  const chosen = !flag.imported || !flag.gaps.some((gap) => gap.code === "no_off_value");
  return chosen ? m.flag.killWhat(serves) : m.flag.killNoOff(serves);
}

interface RestoreProps {
  flag: Flag;
  environment: string;
  governed: boolean;
}

/** Turns a killed flag on again, or asks for it where others must agree. */
function RestoreForm({ flag, environment, governed }: RestoreProps) {
  const [reason, setReason] = useState("");
  const restore = useRestore(flag.key);
  const open = useQuery(
    requestsQuery({ flag_key: flag.key, state: ["needs_approval"], kind: ["restore_flag"] }),
  ).data?.items;
  const asked =
    restore.data?.request ??
    open?.find((request) => request.kind === "restore_flag" && request.environment === environment);
  if (asked) {
    return (
      <p>
        <strong>{m.flag.restoreAsked}.</strong> {m.flag.restoreAskedWords}{" "}
        <Link to={`/requests/${asked.id}`}>{m.flag.openRequest}</Link>
      </p>
    );
  }
  return (
    <div className={classes.restore}>
      <TextInput
        label={m.flag.restoreReason}
        description={governed ? m.flag.restoreGoverned : undefined}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
        className={classes.reason}
      />
      <Button
        variant="default"
        leftSection={<IconPower size={16} aria-hidden />}
        loading={restore.isPending}
        onClick={() => restore.mutate({ environment, reason: reason.trim() })}
      >
        {m.flag.restore}
      </Button>
      {restore.error && <Notice problem={restore.error} />}
    </div>
  );
}
