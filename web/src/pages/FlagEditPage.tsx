import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "react-router";
import { environmentsQuery, flagQuery } from "../api/calls";
import type { Content, Flag, FlagEnvironment } from "../api/types";
import { ChangeForm } from "../flag/ChangeForm";
import { stateIn } from "../flag/FlagChange";
import { Obstacle } from "../form/Obstacle";
import { useRequestForm } from "../form/useRequestForm";
import { m } from "../messages";
import { Loading } from "../pieces/Loading";
import { MissingScreen, NoticeBox } from "../pieces/Notice";
import { Page } from "../pieces/Page";

/** The change editor of an app switch in one environment. */
export function Component() {
  const { key = "", environment = "" } = useParams();
  const flag = useQuery(flagQuery(key));
  const known = useQuery(environmentsQuery);
  const problem = (!flag.data && flag.error) || (!known.data && known.error);
  if (problem)
    return <MissingScreen problem={problem} retry={() => Promise.all([flag.refetch(), known.refetch()])} />;
  if (!flag.data || !known.data) return <Loading panels={[320, 200]} />;
  const state = stateIn(flag.data, environment);
  const governed = known.data.items.find((one) => one.name === environment)?.governed ?? true;
  const address = `/flags/${encodeURIComponent(key)}`;
  const reason = state ? obstacleOf(flag.data, state, governed) : m.error.notFound;
  return (
    <Page
      title={m.change.title(flag.data.key, environment)}
      above={<Link to={address}>{flag.data.key}</Link>}
      words={m.change.words}
    >
      {state && !reason ? (
        <Editor key={`${key} ${environment}`} flag={flag.data} state={state} governed={governed} />
      ) : (
        <NoticeBox
          tone="info"
          title={m.change.readOnlyTitle}
          actions={<Link to={address}>{m.life.back}</Link>}
        >
          <p>{reason}</p>
        </NoticeBox>
      )}
    </Page>
  );
}

/** Why it cannot be edited at the moment; "" if it can. */
function obstacleOf(flag: Flag, state: FlagEnvironment, governed: boolean): string {
  const readOnly = m.change.readOnly[flag.lifecycle.state];
  if (readOnly) return readOnly;
  if (flag.imported) return m.flag.imported.words;
  const open = flag.rollouts.some((one) => one.state !== "completed" && one.state !== "aborted");
  if (open && governed) return m.change.running;
  return state.can?.includes("change") ? "" : m.change.notYours(flag.owner_group);
}

function Editor({ flag, state, governed }: { flag: Flag; state: FlagEnvironment; governed: boolean }) {
  const navigate = useNavigate();
  const fresh: Content = {
    kind: "change_flag",
    flag_key: flag.key,
    environment: state.environment,
    base_revision: state.revision,
  };
  const form = useRequestForm({
    about: `change ${flag.key} ${state.environment}`,
    fresh,
    keep: false,
    // Where nobody has to agree the change is done: its switch tells more than its request.
    done: (request) =>
      navigate(
        request.state === "approved" ? `/flags/${encodeURIComponent(flag.key)}` : `/requests/${request.id}`,
      ),
  });
  return (
    <ChangeForm
      {...form}
      flag={flag}
      state={state}
      governed={governed}
      submitLabel={governed ? m.change.ask : m.change.askNow}
      obstacle={<Obstacle form={form} />}
    />
  );
}
