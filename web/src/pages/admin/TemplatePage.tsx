import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "react-router";
import { AdminPage, useWrites } from "../../admin/AdminPage";
import { Proposed } from "../../admin/Proposed";
import { TemplateEditor } from "../../admin/TemplateEditor";
import { TemplateVersions } from "../../admin/TemplateVersions";
import { useWrite } from "../../admin/useWrite";
import { templateQuery } from "../../api/calls";
import { api, unwrap } from "../../api/client";
import type { Template } from "../../api/types";
import { m } from "../../messages";
import { ConfirmButton } from "../../pieces/Confirm";
import { Loading } from "../../pieces/Loading";
import { Missing } from "../../pieces/Notice";

/** One template, or a new one. */
export function Component() {
  const { id = "" } = useParams();
  const make = id === "new";
  const writes = useWrites("templates");
  const query = useQuery({ ...templateQuery(id), enabled: !make });
  const words = m.recipes.templates;
  const template = query.data;
  const { proposed, run } = useWrite();
  return (
    <AdminPage
      section="templates"
      title={make ? words.newTitle : (template?.displayName ?? id)}
      above={<Link to="/admin/templates">{words.title}</Link>}
      words={template && `${template.templateId}, ${words.version(template.version)}`}
      actions={template && writes && <InUse template={template} run={run} />}
    >
      {proposed && <Proposed words={proposed} />}
      {!make && query.isPending && <Loading panels={[480]} />}
      {!make && query.error && !template && <Missing problem={query.error} retry={query.refetch} />}
      {make && <TemplateEditor key="new" template={null} />}
      {!make &&
        template &&
        (writes ? (
          <TemplateEditor key={template.templateId} template={template} />
        ) : (
          <TemplateVersions id={id} />
        ))}
    </AdminPage>
  );
}

function InUse({ template, run }: { template: Template; run: ReturnType<typeof useWrite>["run"] }) {
  const words = m.recipes.templates;
  const params = { path: { id: template.templateId } };
  return template.active ? (
    <ConfirmButton
      label={words.retire}
      title={words.retireAsk(template.displayName)}
      happens={words.retireHappens}
      run={() => run(unwrap(api.POST("/api/v1/templates/{id}/retire", { params })))}
    />
  ) : (
    <ConfirmButton
      label={words.activate}
      title={words.activate}
      happens={words.activateHappens}
      run={() => run(unwrap(api.POST("/api/v1/templates/{id}/activate", { params })))}
    />
  );
}
