import {
  IconAlertTriangle,
  IconArchive,
  IconBan,
  IconCheck,
  IconCircleDashed,
  IconCircleX,
  IconClock,
  IconHandStop,
  IconListDetails,
  IconMinus,
  IconPencil,
  IconPlayerPause,
  IconPlayerPlay,
  IconPower,
  IconProgress,
  IconTool,
  IconTrash,
} from "@tabler/icons-react";
import type { ReactNode } from "react";
import type {
  App,
  CheckStatus,
  FlagEnvironment,
  LifecycleState,
  RequestState,
  Risk,
  RolloutState,
} from "../api/types";
import { m } from "../messages";
import { Chip, type Tone } from "./Chip";

// One chip for every state that anything in Souk can be in; the words stand in the catalogue.

type AppState = App["status"]["word"];
type Look = [Tone, ReactNode];

const request: Record<RequestState, Look> = {
  draft: ["off", <IconPencil key="i" />],
  checking: ["info", <IconCircleDashed key="i" />],
  needs_fixes: ["warn", <IconTool key="i" />],
  needs_approval: ["info", <IconClock key="i" />],
  approved: ["on", <IconCheck key="i" />],
  denied: ["danger", <IconCircleX key="i" />],
  withdrawn: ["off", <IconBan key="i" />],
};
const check: Record<CheckStatus, Look> = {
  pending: ["off", <IconCircleDashed key="i" />],
  passed: ["on", <IconCheck key="i" />],
  warned: ["warn", <IconAlertTriangle key="i" />],
  failed: ["danger", <IconCircleX key="i" />],
  not_needed: ["off", <IconMinus key="i" />],
};
const risk: Record<Risk, Look> = {
  low: ["on", <IconCheck key="i" />],
  medium: ["warn", <IconAlertTriangle key="i" />],
  high: ["danger", <IconAlertTriangle key="i" />],
};
const rollout: Record<RolloutState, Look> = {
  ready: ["info", <IconClock key="i" />],
  running: ["on", <IconProgress key="i" />],
  paused: ["warn", <IconPlayerPause key="i" />],
  completed: ["on", <IconCheck key="i" />],
  aborted: ["danger", <IconHandStop key="i" />],
};
const lifecycle: Record<LifecycleState, Look> = {
  proposed: ["off", <IconCircleDashed key="i" />],
  approved: ["info", <IconCheck key="i" />],
  staged: ["info", <IconPlayerPlay key="i" />],
  active: ["on", <IconCheck key="i" />],
  deprecated: ["warn", <IconArchive key="i" />],
  removed: ["off", <IconTrash key="i" />],
};
const app: Record<AppState, Look> = {
  live: ["on", <IconPower key="i" />],
  rolling_out: ["on", <IconProgress key="i" />],
  off: ["off", <IconPower key="i" />],
  waiting: ["info", <IconClock key="i" />],
  retired: ["off", <IconArchive key="i" />],
};

function chip([tone, icon]: Look, word: string) {
  return (
    <Chip tone={tone} icon={icon}>
      {word}
    </Chip>
  );
}

export const AppChip = ({ state }: { state: AppState }) => chip(app[state], m.market.states[state]);
export const RequestChip = ({ state }: { state: RequestState }) =>
  chip(request[state], m.state.request[state]);
export const CheckChip = ({ status }: { status: CheckStatus }) => chip(check[status], m.state.check[status]);
export const RiskChip = ({ risk: level }: { risk: Risk }) => chip(risk[level], m.state.risk[level]);
export const RolloutChip = ({ state }: { state: RolloutState }) =>
  chip(rollout[state], m.state.rollout[state]);
export const LifecycleChip = ({ state }: { state: LifecycleState }) =>
  chip(lifecycle[state], m.state.lifecycle[state]);

/** What a flag does in one environment, in a word or two. */
export function ServingChip({ state }: { state: Pick<FlagEnvironment, "live" | "serving" | "kill"> }) {
  const { live, serving, kill } = state;
  if (kill) return chip(["danger", <IconHandStop key="i" />], m.state.serving.killed);
  if (!live) return chip(["off", <IconCircleDashed key="i" />], m.state.serving.notLive);
  if (serving.mode === "on") return chip(["on", <IconPower key="i" />], m.state.serving.on);
  if (serving.mode === "off") return chip(["off", <IconPower key="i" />], m.state.serving.off);
  if (serving.mode === "custom")
    return chip(["on", <IconListDetails key="i" />], serving.title || m.state.serving.custom);
  return chip(
    ["on", <IconProgress key="i" />],
    m.state.serving.share(serving.percent ?? 0, serving.audience ?? ""),
  );
}
