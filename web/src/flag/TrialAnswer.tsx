import { IconCheck, IconX } from "@tabler/icons-react";
import type { Explanation, Trial } from "../api/types";
import { m } from "../messages";
import { readTests } from "../model/rule";
import { tenth } from "../model/trial";
import { Chip } from "../pieces/Chip";
import classes from "./TryPanel.module.css";

type Condition = Explanation["conditions"][number];
type Split = Explanation["splits"][number];

/** What was answered, in one line, and below it what was asked on the way. */
export function TrialAnswer({ trial, person }: { trial: Trial; person: string }) {
  const words = m.trial;
  const { now } = trial;
  const given = now.variant !== undefined;
  const note = trial.killed ? words.killed : !trial.live ? words.notLive : "";
  return (
    <>
      <p className={classes.outcome}>
        <strong>{person || words.somebody}</strong> {given ? words.gets(now.variant ?? "") : words.ownDefault}{" "}
        {given && <code className={classes.value}>{JSON.stringify(now.value)}</code>}
      </p>
      <p className={classes.lead}>{now.error_details || note || words.reason[now.reason]}</p>
      {now.conditions.length > 0 && (
        <>
          <h3 className={classes.heading}>{words.steps}</h3>
          <ol className={classes.steps}>
            {now.conditions.map((condition, i) => (
              <Step
                key={i}
                condition={condition}
                decides={
                  now.matched?.path === condition.path && now.matched.evaluator === condition.evaluator
                }
              />
            ))}
          </ol>
        </>
      )}
      {now.evaluators.length > 0 && (
        <ul className={classes.used}>
          {now.evaluators.map((one, i) => (
            <li key={i}>{words.audience(one.name, plain(one.gave))}</li>
          ))}
        </ul>
      )}
      {now.splits.map((split, i) => (
        <SplitBar key={i} split={split} />
      ))}
      {now.truncated && <p className={classes.lead}>{words.truncated}</p>}
    </>
  );
}

function Step({ condition, decides }: { condition: Condition; decides: boolean }) {
  const words = m.trial;
  return (
    <li className={classes.step} data-decides={decides || undefined}>
      <Chip
        tone={condition.holds ? "on" : "off"}
        icon={condition.holds ? <IconCheck size={14} /> : <IconX size={14} />}
      >
        {condition.holds ? words.holds : words.fails}
      </Chip>
      <div>
        <p>
          {m.change.testsWords(readTests(condition.rule))}
          {condition.evaluator && ` (${words.inside(condition.evaluator)})`}
          {decides && <strong> – {words.decides}</strong>}
        </p>
        {condition.attributes.map((read) => (
          <p key={read.name} className={classes.read}>
            {read.present ? words.given(read.name, JSON.stringify(read.value)) : words.absent(read.name)}
          </p>
        ))}
      </div>
    </li>
  );
}

/** Where a person lies among the shares of a split. */
function SplitBar({ split }: { split: Split }) {
  const words = m.trial;
  const chosen = split.buckets[split.chosen];
  return (
    <div className={classes.split}>
      <h3 className={classes.heading}>{split.bucket_by ? words.split(split.bucket_by) : words.noSplit}</h3>
      <div className={classes.bar} aria-hidden>
        {split.buckets.map((bucket, i) => (
          <span
            key={i}
            className={classes.share}
            data-chosen={i === split.chosen || undefined}
            style={{ flexGrow: bucket.to - bucket.from }}
          />
        ))}
        {split.point !== undefined && (
          <span className={classes.point} style={{ insetInlineStart: `${split.point}%` }} />
        )}
      </div>
      <ul className={classes.used}>
        {split.point !== undefined && chosen && (
          <li>
            <strong>{words.place(tenth(split.point), plain(chosen.variant))}</strong>. {words.splitWords}
          </li>
        )}
        {split.buckets.map((bucket, i) => (
          <li key={i}>{words.bucket(plain(bucket.variant), tenth(bucket.from), tenth(bucket.to))}</li>
        ))}
      </ul>
    </div>
  );
}

/** JSON as people read it: a text without its quotes, yes and no. */
function plain(value: unknown): string {
  if (typeof value === "boolean") return value ? m.trial.holds : m.trial.fails;
  return typeof value === "string" ? value : JSON.stringify(value);
}
