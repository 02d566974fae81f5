import { useQuery } from "@tanstack/react-query";
import { environmentsQuery, flagQuery } from "../api/calls";
import type { Flag, FlagEnvironment } from "../api/types";
import type { FormProps } from "../form/form";
import { Loading } from "../pieces/Loading";
import { Missing } from "../pieces/Notice";
import { ChangeForm } from "./ChangeForm";

/** The change editor over the content of a request: reads the flag that it is about. */
export function FlagChange(props: FormProps) {
  const { flag_key: key = "", environment = "" } = props.content;
  const flag = useQuery(flagQuery(key));
  const known = useQuery(environmentsQuery);
  const problem = (!flag.data && flag.error) || (!known.data && known.error);
  if (problem)
    return <Missing problem={problem} retry={() => Promise.all([flag.refetch(), known.refetch()])} />;
  if (!flag.data || !known.data) return <Loading panels={[320]} />;
  const state = stateIn(flag.data, environment);
  const governed = known.data.items.find((one) => one.name === environment)?.governed ?? true;
  return state && <ChangeForm {...props} flag={flag.data} state={state} governed={governed} />;
}

export const stateIn = (flag: Flag, environment: string): FlagEnvironment | undefined =>
  flag.environments.find((one) => one.environment === environment);
