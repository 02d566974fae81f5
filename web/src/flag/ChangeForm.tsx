import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { segmentsQuery } from "../api/calls";
import type { Flag, FlagChange, FlagEnvironment } from "../api/types";
import { AskForm } from "../form/AskForm";
import type { FormProps } from "../form/form";
import { m } from "../messages";
import { changeOf, type Plan, planGaps, planOf, planWith, sameChange, valueTypeOf } from "../model/change";
import { errorsOf, Warnings } from "../pieces/Findings";
import { NoticeBox } from "../pieces/Notice";
import { Panel } from "../pieces/Page";
import classes from "./ChangeForm.module.css";
import { ModeChoice } from "./ModeChoice";
import { Rehearse } from "./Rehearse";
import { RulesEditor } from "./RulesEditor";
import { Variants } from "./Variants";

interface Props extends FormProps {
  flag: Flag;
  state: FlagEnvironment;
  governed: boolean;
}

/** The change editor: what people get, in plain words, over what they get now. */
export function ChangeForm({ flag, state, governed, ...props }: Props) {
  const { content, act } = props;
  const segments = useQuery(segmentsQuery).data?.items ?? [];
  const now = planOf(flag, state);
  const [plan, setPlan] = useState<Plan>(() => planWith(now, content.change));
  // A content that comes from elsewhere (theirs, a patch) is shown; what is typed here is already.
  const sent = useRef(content.change);
  if (content.change !== sent.current) {
    sent.current = content.change;
    setPlan((before) => planWith(before, content.change));
  }
  const words = m.change;
  const names = plan.variants.map((variant) => variant.name.trim()).filter(Boolean);
  const wanted = changeOf(plan, flag, state) as FlagChange;
  const idle = sameChange(wanted, changeOf(now, flag, state)) && !props.editing;
  const moved = content.base_revision !== undefined && content.base_revision !== state.revision;

  function edit(next: Plan, base = content.base_revision ?? state.revision) {
    setPlan(next);
    const change = changeOf(next, flag, state) as NonNullable<typeof content.change>;
    sent.current = change;
    act({ do: "put", path: "change", content: { change, base_revision: base } });
  }
  const gaps = planGaps(plan, valueTypeOf(flag)).map(words.planGap);
  const stale = moved && (
    <NoticeBox
      tone="warn"
      title={words.stale.title}
      actions={
        <>
          <Button size="xs" onClick={() => edit(plan, state.revision)}>
            {words.stale.keep}
          </Button>
          <Button size="xs" variant="default" onClick={() => edit(now, state.revision)}>
            {words.stale.take}
          </Button>
        </>
      }
    >
      <p>{words.stale.words}</p>
      <ul>
        {words.planWords(now, flag).map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </NoticeBox>
  );
  return (
    <AskForm
      {...props}
      fields={["change.mode", "change.audience", "change.percent", "change.targeting", "change.variants"]}
      gaps={gaps}
      idle={idle}
      obstacle={stale || props.obstacle}
    >
      {(shown, fix, told) => (
        <>
          <p className={classes.lead}>
            {state.kill ? words.killed : governed ? words.governed(state.environment) : words.atOnce}
          </p>
          <Panel title={words.who}>
            <ModeChoice flag={flag} plan={plan} segments={segments} shown={shown} fix={fix} edit={edit} />
            {plan.mode === "custom" && (
              <div className={classes.rules}>
                <RulesEditor
                  rules={plan.rules}
                  variants={names}
                  standard={plan.defaultVariant}
                  segments={segments}
                  told={told}
                  set={(rules) => edit({ ...plan, rules })}
                />
                {errorsOf({ findings: shown.get("change.targeting"), fix })}
                <Warnings findings={shown.get("change.targeting")} fix={fix} />
              </div>
            )}
          </Panel>
          <Variants flag={flag} plan={plan} edit={edit} findings={shown.get("change.variants")} />
          {plan.mode === "custom" && (
            <Panel title={words.after}>
              <ul className={classes.lines}>
                {words.planWords(plan, flag).map((line, i) => (
                  <li key={i}>{line}</li>
                ))}
              </ul>
            </Panel>
          )}
          {!idle && gaps.length === 0 && (
            <Rehearse flag={flag.key} environment={state.environment} change={wanted} />
          )}
        </>
      )}
    </AskForm>
  );
}
