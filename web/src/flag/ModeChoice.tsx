import { NumberInput, Radio, Select } from "@mantine/core";
import type { Finding, Flag, Patch, Segment } from "../api/types";
import choice from "../form/FieldInput.module.css";
import { m } from "../messages";
import { modes, type Plan } from "../model/change";
import { errorsOf, Warnings } from "../pieces/Findings";
import classes from "./ChangeForm.module.css";

interface Props {
  flag: Flag;
  plan: Plan;
  segments: Segment[];
  shown: Map<string, Finding[]>;
  fix: (patch: Patch[]) => void;
  edit: (plan: Plan) => void;
}

/** The four ways of serving, as choices in plain words; what a way needs stands below it. */
export function ModeChoice({ flag, plan, segments, shown, fix, edit }: Props) {
  const words = m.change;
  const variant = { off: flag.off, on: flag.on, audience: flag.on, custom: "" };
  return (
    <Radio.Group
      aria-label={words.who}
      value={plan.mode}
      onChange={(value) => edit({ ...plan, mode: modes.find((one) => one === value) ?? plan.mode })}
    >
      <div className={classes.modes}>
        {modes.map((mode) => (
          <div key={mode}>
            <Radio
              value={mode}
              label={words.modes[mode].label}
              description={words.modes[mode].words(variant[mode])}
              classNames={{
                root: choice.choice,
                body: choice.choiceBody,
                inner: choice.choiceInner,
                labelWrapper: choice.choiceLabel,
              }}
            />
            {mode === "audience" && plan.mode === "audience" && (
              <Share plan={plan} segments={segments} shown={shown} fix={fix} edit={edit} />
            )}
          </div>
        ))}
      </div>
    </Radio.Group>
  );
}

function Share({ plan, segments, shown, fix, edit }: Omit<Props, "flag">) {
  const words = m.change;
  return (
    <div className={classes.share}>
      <NumberInput
        id="change.percent"
        label={words.percent}
        description={words.percentHelp}
        inputWrapperOrder={["label", "input", "description", "error"]}
        suffix=" %"
        min={0}
        max={100}
        clampBehavior="none"
        allowDecimal={false}
        value={Number.isNaN(plan.percent) ? "" : plan.percent}
        onChange={(next) => edit({ ...plan, percent: next === "" ? Number.NaN : Number(next) })}
        error={errorsOf({ findings: shown.get("change.percent"), fix })}
      />
      <div>
        <Select
          id="change.audience"
          label={words.audience}
          data={segments.map((one) => ({ value: one.name, label: one.title || one.name }))}
          value={plan.audience || null}
          onChange={(next) => edit({ ...plan, audience: next ?? "" })}
          error={errorsOf({ findings: shown.get("change.audience"), fix })}
          placeholder={m.publish.options.choose}
          searchable
        />
        <Warnings findings={shown.get("change.audience")} fix={fix} />
      </div>
    </div>
  );
}
