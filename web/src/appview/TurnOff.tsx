import { Button, TextInput } from "@mantine/core";
import { IconHandStop } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { api, unwrap } from "../api/client";
import { queries } from "../api/queries";
import type { FlagSummary } from "../api/types";
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

const killIn = (flag: FlagSummary, environment: string) =>
  flag.environments.find((one) => one.environment === environment)?.kill;

/** The big switch of an app: one click turns all of it off for everybody, with nothing in between. */
export function TurnOff({ app, environment }: Props) {
  const killed = app.flags.filter((flag) => killIn(flag, environment));
  const rest = app.flags.filter((flag) => !killIn(flag, environment));
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
        </NoticeBox>
      )}
      {rest.length > 0 && app.can.includes("turn_off") && (
        <Zone app={app} flags={rest} environment={environment} />
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

function Zone({ app, flags, environment }: Props & { flags: FlagSummary[] }) {
  const [reason, setReason] = useState("");
  const turnOff = useMutation({
    mutationFn: async () => {
      const body = { reason: reason.trim() || m.app.killDefault(app.name) };
      const done = await Promise.allSettled(
        flags.map(({ key }) =>
          unwrap(
            api.POST("/api/v1/flags/{key}/environments/{environment}/kill", {
              params: { path: { key, environment } },
              body,
            }),
          ),
        ),
      );
      const failed = done.find((one) => one.status === "rejected");
      if (failed) throw failed.reason;
    },
    onSettled: () => queries.invalidateQueries(),
  });
  return (
    <section className={classes.zone} aria-label={m.app.killApp(app.name)}>
      <div className={classes.act}>
        <Button
          size="lg"
          color="red"
          leftSection={<IconHandStop size={20} aria-hidden />}
          loading={turnOff.isPending}
          onClick={() => turnOff.mutate()}
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
      {turnOff.error && <Notice problem={turnOff.error} />}
    </section>
  );
}
