import { IconTemplate } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link, useLocation } from "react-router";
import { templatesQuery } from "../api/calls";
import type { Template } from "../api/types";
import { m } from "../messages";
import type { Step } from "../model/findings";
import { sentence } from "../model/text";
import { Empty } from "../pieces/Empty";
import { Loading } from "../pieces/Loading";
import { Notice } from "../pieces/Notice";
import { Panel } from "../pieces/Page";
import classes from "./PublishForm.module.css";
import { stepAddress } from "./StepNav";

interface Props {
  chosen: string;
  /** The step that choosing leads to. */
  next: Step;
  choose: (id: string) => void;
}

/** The first step: the templates as cards in plain words. Choosing one leads on. */
export function TemplateStep({ chosen, next, choose }: Props) {
  const templates = useQuery(templatesQuery);
  if (templates.isPending) return <Loading panels={[240]} />;
  if (templates.error) return <Notice problem={templates.error} retry={templates.refetch} />;
  const { items } = templates.data;
  return (
    <Panel title={m.publish.templates.title}>
      {items.length === 0 ? (
        <Empty
          icon={<IconTemplate />}
          title={m.publish.templates.none}
          words={m.publish.templates.noneWords}
        />
      ) : (
        <>
          {m.publish.templates.words}
          <ul className={classes.cards}>
            {items.map((template) => (
              <li key={template.templateId}>
                <Card
                  template={template}
                  chosen={template.templateId === chosen}
                  next={next}
                  choose={choose}
                />
              </li>
            ))}
          </ul>
        </>
      )}
    </Panel>
  );
}

interface CardProps extends Pick<Props, "next" | "choose"> {
  template: Template;
  chosen: boolean;
}

function Card({ template, chosen, next, choose }: CardProps) {
  const { search } = useLocation();
  const checks = template.requiredChecks.map((name) => m.publish.checkedFor[name] ?? name);
  return (
    <article className={classes.card} data-chosen={chosen || undefined}>
      <h3 className={classes.cardTitle}>{template.displayName}</h3>
      <p className={classes.cardWords}>{sentence(template.description)}</p>
      <p className={classes.cardFacts}>
        {m.publish.templates.asks(Object.keys(template.fields).length)}
        {checks.length > 0 && <> · {m.publish.templates.checks(checks)}</>}
      </p>
      <Link
        to={stepAddress(search, next, template.templateId)}
        onClick={() => choose(template.templateId)}
        aria-label={m.publish.templates.name(template.displayName)}
        className={classes.cardLink}
      >
        {chosen ? m.publish.templates.chosen : m.publish.templates.use}
      </Link>
    </article>
  );
}
