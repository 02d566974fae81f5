import type { RolloutStep } from "../api/types";
import { m } from "../messages";
import classes from "./PlanWords.module.css";

/** A rollout plan in words, one line a step. */
export function PlanWords({ steps }: { steps: RolloutStep[] }) {
  return (
    <ol className={classes.plan}>
      {steps.map((step, i) => (
        <li key={i}>
          <strong>{m.flag.step.gives(step)}</strong> {m.flag.step.where(step.environment)}
          <span className={classes.then}>{m.flag.step.after(step.bake_seconds, step.promote)}</span>
        </li>
      ))}
    </ol>
  );
}
