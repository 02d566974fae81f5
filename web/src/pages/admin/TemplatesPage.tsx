import { Button } from "@mantine/core";
import { IconArchive, IconCheck, IconPlus, IconTemplate } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import classes from "../../admin/Admin.module.css";
import { AdminPage, useWrites } from "../../admin/AdminPage";
import { templatesQuery } from "../../api/calls";
import { m } from "../../messages";
import { sentence } from "../../model/text";
import { Chip } from "../../pieces/Chip";
import { Empty } from "../../pieces/Empty";
import { Loading } from "../../pieces/Loading";
import { Missing } from "../../pieces/Notice";
import { Panel } from "../../pieces/Page";

/** The templates as cards. */
export function Component() {
  const query = useQuery(templatesQuery);
  const writes = useWrites("templates");
  const words = m.recipes.templates;
  const make = writes && (
    <Button component={Link} to="/admin/templates/new" leftSection={<IconPlus size={16} aria-hidden />}>
      {words.make}
    </Button>
  );
  return (
    <AdminPage section="templates" words={words.words} actions={make}>
      {query.isPending && <Loading panels={[320]} />}
      {query.error && !query.data && <Missing problem={query.error} retry={query.refetch} />}
      {query.data?.items.length === 0 && (
        <Panel>
          <Empty tall icon={<IconTemplate />} title={words.none} words={words.noneWords}>
            {make}
          </Empty>
        </Panel>
      )}
      <ul className={classes.cards}>
        {query.data?.items.map((template) => (
          <li key={template.templateId}>
            <article className={classes.card}>
              <h2 className={classes.cardTitle}>
                <Link to={`/admin/templates/${encodeURIComponent(template.templateId)}`}>
                  {template.displayName}
                </Link>
              </h2>
              <p className={classes.cardWords}>{sentence(template.description)}</p>
              <p className={classes.cardFacts}>
                {template.active ? (
                  <Chip tone="on" icon={<IconCheck />}>
                    {words.inUse}
                  </Chip>
                ) : (
                  <Chip tone="off" icon={<IconArchive />}>
                    {words.retired}
                  </Chip>
                )}
                <span>
                  {words.version(template.version)} · {words.asks(Object.keys(template.fields).length)} ·{" "}
                  {words.checks(template.requiredChecks.length)}
                </span>
              </p>
            </article>
          </li>
        ))}
      </ul>
    </AdminPage>
  );
}
