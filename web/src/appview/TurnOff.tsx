import { Button, TextInput } from "@mantine/core";
import { IconHandStop } from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "react-router";
import type { FlagSummary, Receipt } from "../api/types";
import { ReceiptLines } from "../kill/ReceiptLines";
import { useKillMany } from "../kill/useKillMany";
import type { AppDetail } from "../market/types";
import { m } from "../messages";
import { Notice, NoticeBox } from "../pieces/Notice";
import { When } from "../pieces/When";
import { Who } from "../pieces/Who";
import classes from "./AppView.module.css";

interface Props {
  app: AppDetail;
  /** The environment that counts: production. */
  environment: string;
}

const stateIn = (flag: FlagSummary, environment: string) =>
  flag.environments.find((one) => one.environment === environment);
const killIn = (flag: FlagSummary, environment: string) => stateIn(flag, environment)?.kill;

/** The big switch of an app: one click turns all of it off for everybody, with nothing in between. */
export function TurnOff({ app, environment }: Props) {
  const killed = app.flags.filter((flag) => killIn(flag, environment));
  const rest = app.flags.filter((flag) => stateIn(flag, environment)?.live && !killIn(flag, environment));
  const [done, setDone] = useState<Receipt>();
  return (
    <>
      {killed.length > 0 && (
        <NoticeBox
          tone="danger"
          title={
            rest.length === 0
              ? m.app.killed(app.name, environment)
              : m.app.killedSome(killed.length, environment)
          }
        >
          {killed.map((flag) => (
            <Killed key={flag.key} flag={flag} environment={environment} />
          ))}
          <p>{m.app.killedWords}</p>
          {done && <ReceiptLines first={done} />}
        </NoticeBox>
      )}
      {rest.length > 0 && app.can.includes("turn_off") && (
        <Zone app={app} flags={rest} environment={environment} onDone={setDone} />
      )}
    </>
  );
}

function Killed({ flag, environment }: { flag: FlagSummary; environment: string }) {
  const kill = killIn(flag, environment);
  return (
    kill && (
      <p>
        <Link to={`/flags/${encodeURIComponent(flag.key)}`}>{flag.key}</Link> · <Who email={kill.by} /> ·{" "}
        <When at={kill.at} /> · <q>{kill.reason}</q>
      </p>
    )
  );
}

interface ZoneProps extends Props {
  flags: FlagSummary[];
  onDone: (receipt: Receipt) => void;
}

function Zone({ app, flags, environment, onDone }: ZoneProps) {
  const [reason, setReason] = useState("");
  const kill = useKillMany();
  return (
    <section className={classes.zone} aria-label={m.app.killApp(app.name)}>
      <div className={classes.act}>
        <Button
          size="lg"
          color="red"
          leftSection={<IconHandStop size={20} aria-hidden />}
          loading={kill.isPending}
          onClick={() => {
            // The button is gone by the time that everything was asked for again; what it was told is not.
            const body = { select: { app: app.slug }, environment, expect_flags: flags.length };
            kill.mutateAsync({ ...body, reason: reason.trim() || m.app.killDefault(app.name) }).then(
              (act) => onDone(act.receipt),
              () => undefined, // it is told below
            );
          }}
        >
          {m.app.kill}
        </Button>
        <p className={classes.words}>{m.app.killWords(app.name, environment, flags.length)}</p>
      </div>
      <TextInput
        label={m.app.killReason}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
        className={classes.reason}
      />
      {kill.error && <Notice problem={kill.error} />}
    </section>
  );
}
