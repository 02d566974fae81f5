import { IconAlertTriangle, IconCheck } from "@tabler/icons-react";
import { Link, useLocation } from "react-router";
import type { Finding } from "../api/types";
import { m } from "../messages";
import type { Step } from "../model/findings";
import classes from "./StepNav.module.css";

interface Props {
  steps: readonly Step[];
  current: Step;
  /** Findings that are told, by step. */
  told: Map<Step, Finding[]>;
  /** Whether a step has nothing left to be filled in. */
  done: (step: Step) => boolean;
}

/** The steps as links; one that holds something to mend says so. */
export function StepNav({ steps, current, told, done }: Props) {
  const { search } = useLocation();
  return (
    <nav aria-label={m.publish.stepsLabel}>
      <ol className={classes.steps}>
        {steps.map((step, i) => {
          const open = told.get(step)?.length ?? 0;
          const state = open > 0 ? "mend" : done(step) ? "done" : "open";
          return (
            <li
              key={step}
              data-current={step === current || undefined}
              data-state={state}
              className={classes.step}
            >
              <Link
                to={stepAddress(search, step)}
                aria-current={step === current ? "step" : undefined}
                className={classes.link}
              >
                <span className={classes.mark} aria-hidden>
                  {state === "mend" ? (
                    <IconAlertTriangle size={16} />
                  ) : state === "done" ? (
                    <IconCheck size={16} />
                  ) : (
                    i + 1
                  )}
                </span>
                <span>
                  <span className={classes.name}>{m.publish.steps[step]}</span>
                  {open > 0 && <span className={classes.open}>{m.publish.toMend(open)}</span>}
                </span>
              </Link>
            </li>
          );
        })}
      </ol>
    </nav>
  );
}

/** The address of a step, with all else of the address as it is; a template that is named is chosen there. */
export function stepAddress(search: string, step: Step, template?: string): string {
  const params = new URLSearchParams(search);
  params.set("step", step);
  if (template) params.set("template", template);
  return `?${params}`;
}
