import { IconCheck, IconHandStop, IconPlayerPause } from "@tabler/icons-react";
import type { Rollout, RolloutStep } from "../api/types";
import { m } from "../messages";
import { clock } from "../model/time";
import { useNow, When } from "../pieces/When";
import { Who } from "../pieces/Who";
import classes from "./Track.module.css";

/** The steps of a rollout as a track: what is done, what is watched now and for how long yet, what is to come. */
export function Track({ rollout }: { rollout: Rollout }) {
  return (
    <ol className={classes.track}>
      {rollout.steps.map((step, i) => (
        <Stop
          key={i}
          step={step}
          number={i + 1}
          paused={rollout.state === "paused" && i === rollout.current}
        />
      ))}
    </ol>
  );
}

function Stop({ step, number, paused }: { step: RolloutStep; number: number; paused: boolean }) {
  const words = m.flag.step;
  return (
    <li
      className={classes.stop}
      data-state={step.state}
      aria-current={step.state === "baking" ? "step" : undefined}
    >
      <span className={classes.mark} aria-hidden>
        {mark(step, number, paused)}
      </span>
      <div className={classes.text}>
        <p className={classes.title}>
          {words.gives(step)} {words.where(step.environment)}
        </p>
        <p className={classes.meta}>
          <span className={classes.word}>{paused ? m.state.rollout.paused : words[step.state]}</span>
          {step.state === "baking" && !paused && <Watch step={step} />}
          {step.state === "pending" && <span>{words.after(step.bake_seconds, step.promote)}</span>}
          {step.state === "promoted" && step.ended_at && (
            <span>
              <When at={step.ended_at} />
              {step.ended_by && (
                <>
                  {" "}
                  {words.endedBy} <Who email={step.ended_by} />
                </>
              )}
            </span>
          )}
        </p>
        {step.reason && <q className={classes.reason}>{step.reason}</q>}
      </div>
    </li>
  );
}

function mark(step: RolloutStep, number: number, paused: boolean) {
  if (paused) return <IconPlayerPause size={14} />;
  if (step.state === "promoted") return <IconCheck size={14} />;
  if (step.state === "aborted") return <IconHandStop size={14} />;
  return number;
}

/** How long a step is still watched. */
function Watch({ step }: { step: RolloutStep }) {
  const now = useNow(1000);
  if (!step.baked_at) return null;
  const left = (new Date(step.baked_at).getTime() - now.getTime()) / 1000;
  const share = step.bake_seconds > 0 ? 1 - Math.max(0, left) / step.bake_seconds : 1;
  return (
    <>
      <span role="timer" className={classes.timer}>
        {left > 0 ? m.flag.step.left(clock(left)) : m.flag.step.baked}
      </span>
      <svg className={classes.bar} viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden>
        <rect width={Math.min(100, share * 100)} height="1" />
      </svg>
    </>
  );
}
