import { Button } from "@mantine/core";
import { IconHandStop, IconPencil, IconPower } from "@tabler/icons-react";
import { Link } from "react-router";
import type { Environment, Flag, FlagEnvironment } from "../api/types";
import { ReceiptLines } from "../kill/ReceiptLines";
import { m } from "../messages";
import { planOf } from "../model/change";
import { sentence } from "../model/text";
import { Notice } from "../pieces/Notice";
import { Panel } from "../pieces/Page";
import { ServingChip } from "../pieces/states";
import { When } from "../pieces/When";
import { Who } from "../pieces/Who";
import classes from "./Environments.module.css";
import { RollBack } from "./RollBack";
import { useKill, useRestore } from "./useFlag";

interface Props {
  flag: Flag;
  known: Environment[];
}

/** What the flag serves in each environment, from the most harmless on. */
export function Environments({ flag, known }: Props) {
  const position = (name: string) => known.find((one) => one.name === name)?.position ?? 0;
  const states = [...flag.environments].sort((a, b) => position(a.environment) - position(b.environment));
  return (
    <Panel title={m.flag.environments} flush>
      <ul className={classes.list}>
        {states.map((state) => (
          <Row
            key={state.environment}
            flag={flag}
            state={state}
            production={known.find((one) => one.name === state.environment)?.tier === "production"}
          />
        ))}
      </ul>
    </Panel>
  );
}

function Row({ flag, state, production }: { flag: Flag; state: FlagEnvironment; production: boolean }) {
  const kill = useKill(flag.key);
  const restore = useRestore(flag.key);
  const where = state.environment;
  const problem = kill.error ?? restore.error;
  return (
    <li className={classes.row}>
      <div className={classes.name}>
        <span className={classes.environment}>{where}</span>
        <span className={classes.meta}>
          {m.flag.updated} <When at={state.updated_at} />
        </span>
      </div>
      <div className={classes.state}>
        <ServingChip state={state} />
        {state.live && state.serving.mode === "custom" && !state.serving.title && (
          <span className={classes.meta}>
            {m.change.planWords(planOf(flag, state), flag).map((line, i) => (
              <span key={i} className={classes.rule}>
                {sentence(line)}
              </span>
            ))}
          </span>
        )}
        {state.kill && (
          <span className={classes.meta}>
            <Who email={state.kill.by} />: <q>{state.kill.reason}</q>
          </span>
        )}
        {!state.live && !state.kill && (
          <span className={classes.meta}>{flag.imported ? m.flag.notImported : m.flag.notLive}</span>
        )}
      </div>
      <div className={classes.acts}>
        {state.can?.includes("change") && (
          <Button
            size="xs"
            variant="default"
            component={Link}
            to={`/flags/${encodeURIComponent(flag.key)}/edit/${encodeURIComponent(where)}`}
            leftSection={<IconPencil size={14} aria-hidden />}
            aria-label={m.change.editIn(where)}
          >
            {m.change.edit}
          </Button>
        )}
        {state.can?.includes("rollback") && <RollBack flag={flag} environment={where} />}
        {!production && state.kill && flag.can.includes("restore") && (
          <Button
            size="xs"
            variant="default"
            leftSection={<IconPower size={14} aria-hidden />}
            aria-label={m.flag.restoreIn(where)}
            loading={restore.isPending}
            onClick={() => restore.mutate({ environment: where, reason: "" })}
          >
            {m.flag.restore}
          </Button>
        )}
        {!production && !state.kill && state.live && flag.can.includes("kill") && (
          <Button
            size="xs"
            variant="subtle"
            color="red"
            leftSection={<IconHandStop size={14} aria-hidden />}
            aria-label={m.flag.killIn(where)}
            loading={kill.isPending}
            onClick={() => kill.mutate({ environment: where, reason: "" })}
          >
            {m.flag.turnOff}
          </Button>
        )}
      </div>
      {restore.data?.request && <Link to={`/requests/${restore.data.request.id}`}>{m.flag.openRequest}</Link>}
      {kill.data && state.kill && <ReceiptLines first={kill.data.receipt} />}
      {problem && <Notice problem={problem} />}
    </li>
  );
}
