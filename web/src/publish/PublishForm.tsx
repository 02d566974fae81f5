import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useEffect, useMemo, useState } from "react";
import { useLocation, useNavigate, useSearchParams } from "react-router";
import { templateQuery, templateSchemaQuery } from "../api/calls";
import { focusField } from "../form/focus";
import type { FormProps } from "../form/form";
import { useChecks } from "../form/useChecks";
import { m } from "../messages";
import { type Step, stepOf, stepsOf } from "../model/findings";
import { fieldsOf } from "../model/form";
import { Notice } from "../pieces/Notice";
import { useSelf } from "../session/session";
import { AppStep } from "./AppStep";
import { OptionsStep } from "./OptionsStep";
import classes from "./PublishForm.module.css";
import { ReviewStep } from "./ReviewStep";
import { StepNav, stepAddress } from "./StepNav";
import { TemplateStep } from "./TemplateStep";

/** The steps of describing an app, or another switch of one, over one content. Which step is shown stands in the address. */
export function PublishForm(props: FormProps) {
  const { content, touched, act } = props;
  const self = useSelf();
  const [params] = useSearchParams();
  const { search } = useLocation();
  const navigate = useNavigate();
  const [attempted, setAttempted] = useState<ReadonlySet<Step>>(new Set());
  const template = content.template_id ?? "";
  const steps = stepsOf(content.kind);
  const first = steps[template ? 1 : 0] ?? "template";
  const step = steps.find((one) => one === params.get("step")) ?? first;
  const recipe = useQuery(templateQuery(template));
  const schema = useQuery(templateSchemaQuery(template));
  const fields = useMemo(() => (schema.data ? fieldsOf(schema.data) : []), [schema.data]);
  const checks = useChecks(content, schema.data, touched, attempted, props.editing);

  useEffect(() => {
    if (fields.length > 0)
      act({ do: "adopt", fields, guesses: { owner: self.email, name: m.publish.switchName } });
  }, [fields, self.email, act]);

  function leave(event: FormEvent) {
    event.preventDefault();
    setAttempted(new Set([...attempted, step]));
    const wrong = checks.errors.get(step) ?? [];
    if (wrong.length > 0) {
      focusField(wrong.map((finding) => finding.field ?? ""));
      return;
    }
    navigate(stepAddress(search, steps[steps.indexOf(step) + 1] ?? "review"));
  }

  function goTo(field: string) {
    const target = stepOf(field);
    setAttempted(new Set([...attempted, target]));
    navigate(stepAddress(search, target));
    setTimeout(() => focusField([field]), 100);
  }

  const form = { content, act, shown: checks.shown };
  return (
    <div className={classes.form}>
      <StepNav
        steps={steps}
        current={step}
        told={checks.told}
        done={(one) => checks.current && Boolean(template) && one !== "review" && !checks.errors.get(one)}
      />
      {(schema.error || recipe.error) && (
        <Notice problem={schema.error ?? recipe.error} retry={schema.refetch} />
      )}
      {checks.problem ? <Notice problem={checks.problem} retry={checks.retry} /> : null}
      {step === "template" && (
        <TemplateStep
          chosen={template}
          next={steps[1] ?? "review"}
          choose={(id) => act({ do: "template", id })}
        />
      )}
      {step === "review" && (
        <ReviewStep
          {...props}
          fields={fields}
          checks={checks}
          goTo={goTo}
          attempt={() => setAttempted(new Set(steps))}
        />
      )}
      {(step === "app" || step === "options") && (
        <form onSubmit={leave} noValidate className={classes.step}>
          {step === "app" ? (
            <AppStep {...form} asked={fields.some((field) => field.name === "data_classification")} />
          ) : (
            <OptionsStep {...form} fields={fields} loading={schema.isPending} />
          )}
          <div className={classes.buttons}>
            <Button variant="default" onClick={() => navigate(-1)}>
              {m.publish.previous}
            </Button>
            <Button type="submit">{m.publish.next}</Button>
          </div>
        </form>
      )}
      {step !== "review" && props.obstacle}
      {props.after}
    </div>
  );
}
